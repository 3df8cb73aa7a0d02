"""The pure functions: names, tags, the query language, the rules of faults."""

from __future__ import annotations

import pytest

from bulk.sandbox import query
from bulk.sandbox.faults import BadRule, Faults, Rule, read_rule, read_text
from bulk.sandbox.options import Options
from bulk.sandbox.rules import company_errors, stored_name, tag_errors

NAMES = [
    ("Example Company (Codat[1])", "Example Company Codat1"),  # the documentation's own example
    ("O'Brien & Sons, Inc. - @home!?", "O'Brien & Sons, Inc. - @home!?"),  # all characters that may stay
    ("Café Ångström", "Caf ngstrm"),  # accented letters are removed
    ("株式会社", ""),  # nothing is left
    ('a/b\\c;d:e_f"g*h<i>', "abcdefghi"),
    ("two\tand\nlines", "two\tand\nlines"),  # white space stays
]


@pytest.mark.parametrize(("name", "kept"), NAMES)
def test_forbidden_characters_are_silently_removed_from_names(name: str, kept: str) -> None:
    """Codat keeps letters, digits, white space and a few other characters."""
    assert stored_name(name) == kept


TAGS = [
    ({}, 0),
    ({"k": "v"}, 0),
    ({"k" * 27: "v" * 100}, 0),  # the longest
    ({"k" * 28: "v"}, 1),
    ({"": "v"}, 1),
    ({"k": "v" * 101}, 1),
    ({"k": 7}, 1),  # not text
    ({str(n): "v" for n in range(10)}, 0),  # the most
    ({str(n): "v" for n in range(11)}, 1),
    ({"": "v" * 101}, 2),  # every error is listed
    (["k"], 1),
    (None, 0),
]


@pytest.mark.parametrize(("tags", "errors"), TAGS)
def test_tags_have_limits(tags: object, errors: int) -> None:
    """A company may have 10 tags, with keys of 1 to 27 characters and values of up to 100."""
    assert len(tag_errors(tags)) == errors


@pytest.mark.parametrize(
    "content", [None, [], {}, {"name": ""}, {"name": " "}, {"name": 1}, {"name": "A", "description": 1}]
)
def test_a_company_needs_a_name(content: object) -> None:
    """The name must be a text that is not blank."""
    assert company_errors(content)


FIELDS = {"name": "Acme & Co", "status": "Linked", "n": "2026-03-01"}
QUERIES = [
    ("name=Acme & Co", True),  # a single & is a part of the value
    ("name=acme & co", False),
    ("name!=Acme", True),
    ("name~ACME", True),
    ("none=x", False),
    ("none!=x", True),
    ("name~Acme && status=Linked", True),
    ("name~Acme&&status=Unlinked", False),
]


@pytest.mark.parametrize(("text", "holds"), QUERIES)
def test_a_query_matches_or_does_not(text: str, holds: bool) -> None:
    """The operators and && work as Codat's querying page describes them."""
    assert all(each.holds(FIELDS.get(each.field)) for each in query.parse(text)) is holds


@pytest.mark.parametrize(
    "text",
    [
        *("", "name", "name=", "=x", "a=b=c", "a=b&&", "&&", "a=b c=d", "a" * 2048),
        *("a=b||c=d", "{a=b", "a=b}", "{a=b}", "a>b", "a<=b"),  # Codat can read these, the sandbox cannot
    ],
)
def test_a_query_that_cannot_be_read_is_rejected(text: str) -> None:
    """Nothing can be escaped, so an operator inside a value cannot be read."""
    with pytest.raises(query.QueryError):
        query.parse(text)


def test_a_fault_skips_the_first_requests_and_applies_to_the_next() -> None:
    """`after` and `count` count the requests of its operations only."""
    faults = Faults([Rule("reset_after", operations=("create_company",), after=1, count=2)])
    struck = [bool(faults.pick("create_company", is_replay=False)) for _ in range(5)]
    assert struck == [False, True, True, False, False]
    assert not faults.pick("list_companies", is_replay=False)


def test_chance_is_repeatable() -> None:
    """The same seed selects the same requests, and another seed selects others."""

    def struck(seed: int) -> list[bool]:
        faults = Faults([Rule("429", probability=0.3)], seed=seed)
        return [bool(faults.pick("create_company", is_replay=False)) for _ in range(200)]

    assert struck(1) == struck(1)
    assert struck(1) != struck(2)
    assert 30 < sum(struck(1)) < 90


def test_codats_own_faults_never_replace_a_replay() -> None:
    """A stored response is replayed unchanged; only the network can still fail."""
    faults = Faults([Rule("5xx_after"), Rule("reset_after")])
    picked = faults.pick("create_company", is_replay=True)
    assert picked
    assert picked.kind == "reset_after"


def test_a_fault_is_read_from_a_command_line() -> None:
    """The short text and the JSON mean the same."""
    short = read_text("5xx_after,operations=create_company+create_connection,count=2,status=503")
    long = read_text('{"kind":"5xx_after","operations":["create_company","create_connection"],"count":2,"status":503}')
    assert short == long == Rule("5xx_after", ("create_company", "create_connection"), count=2, status=503)


BAD_RULES: list[object] = [
    {"kind": "flood"},
    {},
    {"kind": "stall", "operations": ["no_such"]},
    {"kind": "stall", "speed": 1},
    {"kind": "stall", "count": "many"},
    {"kind": "429", "retry_after": "whenever"},
    "stall",
    ["stall"],
    {"kind": "lag"},
    {"kind": "stall", "probability": 7},
    {"kind": "stall", "probability": -0.1},
    {"kind": "stall", "probability": "nan"},
]


@pytest.mark.parametrize("content", BAD_RULES)
def test_a_rule_that_cannot_be_read_is_rejected(content: object) -> None:
    """A fault with a typing error must not be ignored silently."""
    with pytest.raises(BadRule):
        read_rule(content)


def test_options_become_arguments() -> None:
    """Options with default values are left out."""
    options = Options(rate=7, ignore_idempotency=True, fault=("a", "b"))
    assert options.arguments() == ["--rate", "7", "--ignore-idempotency", "--fault", "a", "--fault", "b"]
    assert Options().arguments() == []
