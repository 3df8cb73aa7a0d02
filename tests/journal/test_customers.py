"""The customers that a run reads from the journal, and the columns that it may change."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest

from bulk.journal import attempts, customers, database, selection
from bulk.journal.attempts import Intent, Result
from bulk.model import Outcome

from .batches import Batch, good


def send(batch: Batch, customer_id: str, outcome: Outcome | None, *, key: str | None = "k") -> None:
    """Record a request for a company, and its outcome if it has one."""
    with database.transaction(batch.db):
        intent = Intent(batch.seq(customer_id), "company", "create_company", 0.0, key, "{}")
        number = attempts.record_intent(batch.db, 1, intent)
        if outcome is not None:
            attempts.record_outcome(batch.db, number, Result(outcome, 1.0))


def link(batch: Batch, *customer_ids: str) -> None:
    """Let these customers have authorized."""
    batch.create(*customer_ids)
    for customer_id in customer_ids:
        batch.change(customer_id, state="linked")


def test_a_column_that_never_changes_is_refused(batch: Batch) -> None:
    """A typing error must not become SQL."""
    batch.enrol("in.csv", [good("a")])
    with pytest.raises(ValueError, match="not columns to change"):
        customers.change(batch.db, 1, {"seq": 7})


def test_the_attempts_of_an_untouched_customer_are_known(batch: Batch) -> None:
    """A look-up that found nothing leaves the key to repeat, and an intent after it leaves a doubt."""
    batch.enrol("in.csv", [good("a")])
    send(batch, "a", Outcome.UNKNOWN)
    send(batch, "a", Outcome.NOT_FOUND, key=None)
    send(batch, "a", None)
    (record,) = customers.pending(batch.db, begun=False, after=0, most=9)
    assert [(attempt.key, attempt.outcome) for attempt in record.history] == [
        ("k", Outcome.UNKNOWN),
        (None, Outcome.NOT_FOUND),
        ("k", None),
    ]


def test_more_identifiers_than_sqlite_takes_as_parameters_are_found(batch: Batch) -> None:
    """A page of the company list has 2,000."""
    batch.enrol("in.csv", [good(str(number)) for number in range(1200)])
    assert len(customers.by_ids(batch.db, [str(number) for number in range(40_000)])) == 1200


def test_another_process_reads_while_this_one_writes(batch: Batch) -> None:
    """A report needs no pause of the run."""
    batch.enrol("in.csv", [good("a")])
    with database.transaction(batch.db), closing(sqlite3.connect(batch.path)) as other:
        customers.change(batch.db, 1, {"state": "failed"})
        assert other.execute("SELECT state FROM customers").fetchall() == [("pending",)]


def test_selected_customers_come_in_pages_in_their_order(batch: Batch) -> None:
    """Each comes with its attempts. A new selection replaces the one before."""
    batch.enrol("in.csv", [good("c"), good("b"), good("a"), good("d")])
    link(batch, "a", "b", "c")
    send(batch, "b", Outcome.UNKNOWN)
    assert selection.select_deletable(batch.db) == 0
    assert selection.select_authorized(batch.db) == 3
    page, after = selection.page(batch.db, after=0, most=2)
    assert [(record.customer_id, len(record.history)) for record in page] == [("c", 0), ("b", 1)]
    page, after = selection.page(batch.db, after=after, most=2)
    assert [record.customer_id for record in page] == ["a"]
    assert selection.page(batch.db, after=after, most=2) == ([], after)


def test_a_selected_customer_stays_selected_whatever_happens_to_it(batch: Batch) -> None:
    """A page shows the journal as it is then. A customer that was forgotten in between is left out."""
    batch.enrol("in.csv", [good("a"), good("b"), good("c")])
    link(batch, "a", "b", "c")
    selection.select_authorized(batch.db)
    batch.change("a", state="failed")
    with database.transaction(batch.db):
        customers.forget(batch.db, batch.seq("b"))
    page, _ = selection.page(batch.db, after=0, most=9)
    assert [(record.customer_id, str(record.state)) for record in page] == [("a", "failed"), ("c", "linked")]


def test_customers_are_found_by_their_companies(batch: Batch) -> None:
    """A whole page of the company list at once, as the journal was when it was indexed."""
    ids = [str(number) for number in range(1200)]
    batch.enrol("in.csv", [good(each) for each in ids])
    batch.create(*ids[:700])
    customers.index_companies(batch.db)
    batch.create("800")
    found = customers.by_companies(batch.db, [*(f"c {each}" for each in ids), "c of another batch", "c 1"])
    assert sorted(record.customer_id for record in found) == sorted(ids[:700])
    customers.index_companies(batch.db)
    assert [record.customer_id for record in customers.by_companies(batch.db, ["c 800"])] == ["800"]
    assert customers.by_companies(batch.db, []) == []


def test_a_record_has_the_values_of_its_columns(batch: Batch) -> None:
    """For example the linkUrl with its time, and that Codat lost the company."""
    batch.enrol("in.csv", [good("a")])
    values = {"link_url": "https://l", "link_issued_at": "2026-11-23T10:00:00Z", "company_origin": "missing"}
    batch.change("a", name_sent="Acme", **values)
    (record,) = customers.pending(batch.db, begun=True, after=0, most=9)
    assert {name: getattr(record, name) for name in values} == values
