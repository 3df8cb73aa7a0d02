"""Plain rows are accepted without a look at the rules, so no plain row may break a rule or change."""

from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bulk.input.columns import FIELDS
from bulk.input.emails import MAX_EMAIL
from bulk.input.empty import BLANK, NULL_WORDS
from bulk.input.plain import IS_PLAIN, with_platform_keys
from bulk.input.platform_keys import PlatformKeys
from bulk.input.rules import MAX_DESCRIPTION, MAX_ID, MAX_NAME, RULES, apply_rules

KEYS = PlatformKeys({})
PLAIN = {"customer_id": "00123", "company_name": "Acme & Sons, Ltd.", "platform": "QuickBooks Online"}
EDGES = (
    *NULL_WORDS,
    "'",
    *BLANK,
    "\0",
    "\x1f",
    "\x7f",
    "\x85",
    "\u2028",
    "é",
    "’",
    "  ",
    "a\nb",
    "@",
    ".",
    '"',
    "\\",
    ",",
    "株",
)
TEXTS = st.text(max_size=8) | st.lists(st.sampled_from((*EDGES, "a", "B", "7", " ")), max_size=6).map("".join)
IDS = TEXTS | st.integers(MAX_ID - 1, MAX_ID + 1).map("x".__mul__)
NAMES = TEXTS | st.integers(MAX_NAME - 1, MAX_NAME + 1).map("x".__mul__)
PLATFORMS = TEXTS | st.builds(str.__add__, st.sampled_from(("xero", "QBO", "sage")), TEXTS)
EMAILS = TEXTS | st.builds("{}@{}.co".format, TEXTS, TEXTS) | st.just("x" * MAX_EMAIL + "@a.co")
DESCRIPTIONS = TEXTS | st.just("x" * (MAX_DESCRIPTION + 1))


def rows(**fields: list[str | None]) -> pl.DataFrame:
    """Return rows with these fields, as a reader yields them."""
    frame = pl.DataFrame(fields, schema=dict.fromkeys(FIELDS, pl.String))
    frame = frame.with_columns(
        is_ragged=pl.lit(value=False), not_text=pl.lit(None, dtype=pl.String), typed=pl.lit(None, dtype=pl.String)
    )
    return with_platform_keys(frame, KEYS)


@settings(max_examples=120)
@given(st.lists(st.tuples(IDS, NAMES, PLATFORMS, EMAILS, DESCRIPTIONS), min_size=1, max_size=30))
def test_a_plain_row_breaks_no_rule_and_does_not_change(lines: list[tuple[str, ...]]) -> None:
    """A plain row is what the rules make of it."""
    some = rows(**{field: [line[at] or None for line in lines] for at, field in enumerate(FIELDS)})
    # One field at a time is free, and the others are plain: a row with five random fields is hardly ever plain.
    for field in FIELDS:
        others = [pl.lit(PLAIN.get(name), dtype=pl.String).alias(name) for name in FIELDS if name != field]
        one = with_platform_keys(some.with_columns(others), KEYS)
        plain = one.filter(IS_PLAIN)
        checked = apply_rules(plain, KEYS)
        assert checked.select(*FIELDS, "platform_key").equals(plain.select(*FIELDS, "platform_key"))
        assert checked["name_sent"].equals(checked["company_name"])
        assert not any(checked[rule.code].any() for rule in RULES)


@pytest.mark.parametrize(
    ("field", "text", "is_plain"),
    [
        ("customer_id", "C-1 Größe", True),  # identifiers may contain any letters
        ("customer_id", "1 ", False),
        ("customer_id", None, False),
        ("customer_id", "nan", False),  # counts as empty
        ("description", "NULL", False),
        ("company_name", "O'Brien & Daughters - 7?!", True),
        ("company_name", "Café", False),  # folded
        ("company_name", "a  b", False),
        ("platform", "gbol", True),
        ("platform", " xero", False),
        ("platform", "sage", False),  # ambiguous
        ("email", "a.b+c@mail.example.com", True),
        ("email", None, True),
        ("email", "a@b", False),
        ("email", "a,b@example.com", False),
        ("email", "o'neil@example.com", True),
        ("email", "'a@example.com'", False),  # quotes around it
        ("email", "a@b.example;c", False),
        ("description", "two\nlines, œuvre", True),
        ("description", None, True),
        ("description", "x\u200b", False),  # ends with an invisible character
    ],
)
def test_ordinary_values_are_plain(field: str, text: str | None, is_plain: bool) -> None:
    """Nearly all values of ordinary files are plain."""
    some = rows(**{name: [PLAIN.get(name)] for name in FIELDS} | {field: [text]})
    assert some.select(IS_PLAIN).item() is is_plain


def test_a_ragged_row_is_not_plain() -> None:
    """The fields of a ragged row may be in the wrong columns."""
    some = rows(**{name: [PLAIN.get(name)] for name in FIELDS}).with_columns(is_ragged=pl.lit(value=True))
    assert not some.select(IS_PLAIN).item()
