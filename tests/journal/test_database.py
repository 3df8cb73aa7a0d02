"""The journal opens, survives, and says what is wrong with it."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest

from bulk.journal import attempts, customers, database
from bulk.journal.attempts import Intent, Result
from bulk.model import Outcome, Step, customer_tag

from .batches import Batch, bad, good


def ask(batch: Batch, customer_id: str, outcome: Outcome | None, *, key: str | None = "k", at: float = 0.0) -> None:
    """Write down a request for a company, and what became of it."""
    with database.transaction(batch.db):
        intent = Intent(batch.seq(customer_id), Step.COMPANY, "create_company", at, key, "{}")
        number = attempts.record_intent(batch.db, 1, intent)
        if outcome is not None:
            attempts.record_outcome(batch.db, number, Result(outcome, at + 1))


def test_what_is_no_column_to_change_is_refused(batch: Batch) -> None:
    """A typing error must not become SQL."""
    batch.give("in.csv", [good("a")])
    with pytest.raises(ValueError, match="not columns to change"):
        customers.change(batch.db, 1, {"seq": 7})


def test_what_was_asked_is_known_of_customers_of_whom_codat_has_nothing(batch: Batch) -> None:
    """A look-up that found nothing leaves the key to repeat, and an intent after it leaves a doubt."""
    batch.give("in.csv", [good("a")])
    ask(batch, "a", Outcome.UNKNOWN)
    ask(batch, "a", Outcome.NOT_FOUND, key=None)
    ask(batch, "a", None)
    (entry,) = customers.pending(batch.db, begun=False, after=0, most=9)
    assert [(a.key, a.outcome) for a in entry.history] == [
        ("k", Outcome.UNKNOWN),
        (None, Outcome.NOT_FOUND),
        ("k", None),
    ]


@pytest.mark.parametrize(
    ("outcomes", "doubtful"),
    [
        ([], 0),  # nothing was asked
        ([Outcome.UNKNOWN], 1),  # no answer
        ([Outcome.SERVER_ERROR], 1),  # a 5xx
        ([None], 1),  # the process ended
        ([Outcome.UNKNOWN, Outcome.NOT_FOUND], 0),  # looked up
        ([Outcome.UNKNOWN, Outcome.NOT_FOUND, Outcome.UNKNOWN], 1),  # and lost again
        ([Outcome.RATE_LIMITED], 0),  # a 429: nothing was done
    ],
)
def test_the_doubtful_are_those_whose_last_request_may_have_been_done(
    batch: Batch, outcomes: list[Outcome | None], doubtful: int
) -> None:
    """So many look-ups are saved by a sweep."""
    batch.give("in.csv", [good("a"), bad("b")])
    batch.write("a", name_sent="Acme")
    for number, outcome in enumerate(outcomes):
        ask(batch, "a", outcome, at=float(number))
    assert customers.count_doubtful(batch.db) == (doubtful, len(outcomes) - 1.0 if doubtful else 0.0)


def test_what_a_list_has_shown_since_is_not_doubtful(batch: Batch) -> None:
    """Nothing more is asked for who left the input: each run would read the list anew."""
    batch.give("a.csv", [good("a"), good("b")])
    for seq in (1, 2):
        customers.change(batch.db, seq, {"name_sent": "Acme"})
        attempts.record_intent(batch.db, 1, Intent(seq, Step.COMPANY, "create_company", 1.0, "key"))
    assert customers.count_doubtful(batch.db)[0] == 2
    customers.change(batch.db, 1, {"company_id": "c"})
    assert customers.count_doubtful(batch.db)[0] == 1


def test_more_identifiers_than_sqlite_takes_at_once_are_found(batch: Batch) -> None:
    """A page of the company list has 2,000."""
    batch.give("in.csv", [good(str(number)) for number in range(1200)])
    found = customers.find_by_tags(batch.db, [], [str(number) for number in range(5000)])
    assert len(found) == 1200


def test_another_process_reads_while_this_one_writes(batch: Batch) -> None:
    """Reports need no pause of the run."""
    batch.give("in.csv", [good("a")])
    with database.transaction(batch.db), closing(sqlite3.connect(batch.path)) as other:
        customers.change(batch.db, 1, {"state": "failed"})
        assert other.execute("SELECT state FROM customers").fetchall() == [("pending",)]


def test_those_who_are_chosen_come_in_the_order_of_choosing(batch: Batch) -> None:
    """Page by page, each with all that was asked for it; then nobody."""
    batch.give("in.csv", [good("a"), good("b"), good("c"), good("d")])
    ask(batch, "b", Outcome.UNKNOWN)
    assert customers.select(batch.db, "SELECT seq FROM customers ORDER BY seq", {}) == 4
    wanted = "SELECT seq FROM customers WHERE customer_id < :last ORDER BY seq DESC"
    assert customers.select(batch.db, wanted, {"last": "d"}) == 3  # in place of those chosen before
    page, after = customers.selected(batch.db, after=0, most=2)
    assert [(entry.customer_id, len(entry.history)) for entry in page] == [("c", 0), ("b", 1)]
    page, after = customers.selected(batch.db, after=after, most=2)
    assert [entry.customer_id for entry in page] == ["a"]
    assert customers.selected(batch.db, after=after, most=2) == ([], after)


def test_who_was_chosen_stays_chosen_whatever_becomes_of_them(batch: Batch) -> None:
    """A page is read as the journal is then; who was forgotten in between is left out."""
    batch.give("in.csv", [good("a"), good("b"), good("c")])
    customers.select(batch.db, "SELECT seq FROM customers WHERE state = 'pending' ORDER BY seq", {})
    batch.write("a", state="failed")
    with database.transaction(batch.db):
        customers.forget(batch.db, batch.seq("b"))
    page, _ = customers.selected(batch.db, after=0, most=9)
    assert [(entry.customer_id, str(entry.state)) for entry in page] == [("a", "failed"), ("c", "pending")]


def test_customers_are_found_by_their_companies(batch: Batch) -> None:
    """As many as a page of the company list has; as the journal was when it was indexed."""
    ids = [str(number) for number in range(1200)]
    batch.give("in.csv", [good(each) for each in ids])
    batch.created(*ids[:700])
    customers.index_companies(batch.db)
    batch.created("800")
    found = customers.find_by_companies(batch.db, [*(f"c {each}" for each in ids), "c of nobody", "c 1"])
    assert sorted(entry.customer_id for entry in found) == sorted(ids[:700])
    customers.index_companies(batch.db)
    assert [entry.customer_id for entry in customers.find_by_companies(batch.db, ["c 800"])] == ["800"]
    assert customers.find_by_companies(batch.db, []) == []


def test_a_link_that_is_replaced_is_known_with_its_time(batch: Batch) -> None:
    """It is restored where no other was made."""
    batch.give("in.csv", [good("a")])
    batch.write("a", name_sent="Acme", link_url="https://l", link_issued_at="2026-11-23T10:00:00Z")
    (entry,) = customers.pending(batch.db, begun=True, after=0, most=9)
    assert entry.old_link == ("https://l", "2026-11-23T10:00:00Z")


def test_a_company_that_was_lost_may_still_exist(batch: Batch) -> None:
    """`missing` is no word of the reports: it makes the next run look before it creates."""
    batch.give("in.csv", [good("a"), good("b")])
    batch.write("a", name_sent="Acme", company_origin="missing")
    batch.write("b", name_sent="Acme")
    entries = customers.pending(batch.db, begun=True, after=0, most=9)
    assert [entry.knows_company for entry in entries] == [False, True]


def test_only_who_is_known_to_have_a_company_is_looked_for(batch: Batch) -> None:
    """A list has shown one of them before; whom Codat has by now, or who is still a stranger, costs nothing."""
    batch.give("in.csv", [good("a"), good("b")])
    with database.transaction(batch.db):
        customers.note_strangers(batch.db, [customer_tag("b"), customer_tag("z"), customer_tag("b")])
    assert customers.has_strangers_to_do(batch.db)
    batch.created("b")
    assert not customers.has_strangers_to_do(batch.db)
    batch.give("in.csv", [good("a"), good("b"), good("z")], digest="2")
    assert customers.has_strangers_to_do(batch.db)
