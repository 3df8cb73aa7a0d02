"""The journal's customers: those that a run reads, their changes, and their columns."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import Any

import pytest
from support.batches import Batch, bad, good

from bulk.journal import customers, database
from bulk.model import CustomerRecord, State, customer_tag


def ids(found: list[CustomerRecord]) -> list[str]:
    """Return the identifiers of customers."""
    return [customer.customer_id for customer in found]


@pytest.mark.parametrize(("limit", "expected"), [(None, 4), (2, 0), (5, 2), (9, 4)])
def test_a_customer_in_conflict_or_failed_is_not_done(batch: Batch, limit: int | None, expected: int) -> None:
    """With a limit, only the first customers of the input count."""
    states = [State.CONFLICT, State.FAILED, State.PENDING, State.LINK_READY, State.LINKED, State.COMPLETE]
    batch.enrol("in.csv", [good(state) for state in [*states, State.UNLINKED]])
    for seq, state in enumerate([*states, State.UNLINKED], 1):
        customers.change(batch.db, seq, {"state": state})
    assert customers.count_done(batch.db, limit=limit) == expected


def test_a_column_that_never_changes_is_refused(batch: Batch) -> None:
    """A typing error must not become SQL."""
    batch.enrol("in.csv", [good("a")])
    for column in ("seq", "customer_id", "name", "presence", "no such column", "state = 'x' --"):
        with pytest.raises(ValueError, match="not columns to change"):
            customers.change(batch.db, 1, {column: 7})


def test_every_column_of_a_record_is_a_column_of_the_table(batch: Batch) -> None:
    """The class CustomerRecord is the one definition of the columns that runs use."""
    table = {row[1] for row in batch.db.execute("PRAGMA table_info(customers)")}
    assert set(customers.COLUMNS) <= table


def test_a_customer_is_read_as_it_was_changed(batch: Batch) -> None:
    """Each column, in its type."""
    batch.enrol("in.csv", [good("a")])
    new: dict[str, Any] = {
        **{column: f"{column} of a" for column in customers.COLUMNS},
        "seq": 1,
        "customer_id": "a",
        "tag": customer_tag("a"),
        "name": "Acme",
        "platform_key": "gbol",
        "description": None,
        "presence": "present",
        "knows_connections": False,
        "state": State.LINKED,
    }
    never_changed = ("seq", "customer_id", "tag", "name", "platform_key", "description", "presence")
    batch.change("a", **{column: value for column, value in new.items() if column not in never_changed})
    customer = customers.by_seq(batch.db, 1)
    assert customer == CustomerRecord(**new)
    assert customer.is_present


def test_the_requests_of_a_customer_are_counted_with_and_without_a_change(batch: Batch) -> None:
    """The reports show their number."""
    batch.enrol("in.csv", [good("a")])
    customers.change(batch.db, 1, {}, attempts=1)
    customers.change(batch.db, 1, {"name_sent": "Acme"}, attempts=2)
    customers.change(batch.db, 1, {"name_sent": None})
    assert batch.read("a", "attempts") == {"attempts": 3}


def test_started_customers_are_paged_apart_from_untouched_ones(batch: Batch) -> None:
    """Both are in the order of enrolment."""
    batch.enrol("in.csv", [good(each) for each in "abcdef"])
    for begun in "bd":
        batch.change(begun, name_sent="Acme")
    batch.change("e", state="failed")
    assert ids(customers.pending(batch.db, begun=True, after=0, most=1)) == ["b"]
    assert ids(customers.pending(batch.db, begun=True, after=batch.seq("b"), most=9)) == ["d"]
    assert ids(customers.pending(batch.db, begun=False, after=0, most=9)) == ["a", "c", "f"]
    assert ids(customers.pending(batch.db, begun=False, after=batch.seq("c"), most=9)) == ["f"]
    assert customers.count_pending(batch.db) == 5


def test_a_customer_that_left_the_input_is_in_work_only_if_it_was_begun(batch: Batch) -> None:
    """Its doubt is resolved, and nothing new is created."""
    batch.enrol("in.csv", [good("a"), good("b"), good("c")])
    batch.change("a", name_sent="Acme")
    batch.enrol("in.csv", [good("c")])
    (removed,) = customers.pending(batch.db, begun=True, after=0, most=9)
    assert (removed.customer_id, removed.is_present) == ("a", False)
    assert ids(customers.pending(batch.db, begun=False, after=0, most=9)) == ["c"]
    assert (customers.count_pending(batch.db), customers.count(batch.db)) == (2, 2)


def test_more_identifiers_than_sqlite_takes_at_once_are_found(batch: Batch) -> None:
    """A page of the company list has 2,000 companies."""
    batch.enrol("in.csv", [good(str(number)) for number in range(1200)])
    wanted = [str(number) for number in range(100_000)]
    assert len(customers.by_ids(batch.db, wanted)) == 1200
    assert len(customers.by_tags(batch.db, [customer_tag(each) for each in wanted[:5000]])) == 1200
    assert customers.by_tags(batch.db, []) == []


def test_another_process_reads_while_this_one_writes(batch: Batch) -> None:
    """Reports need no pause of the run."""
    batch.enrol("in.csv", [good("a")])
    with database.transaction(batch.db), closing(sqlite3.connect(batch.path)) as other:
        customers.change(batch.db, 1, {"state": "failed"})
        assert other.execute("SELECT state FROM customers").fetchall() == [("pending",)]


def test_customers_are_found_by_their_companies(batch: Batch) -> None:
    """A whole page of companies is looked up at once, in the state of the journal when it was indexed."""
    every = [str(number) for number in range(1200)]
    batch.enrol("in.csv", [good(each) for each in every])
    batch.create(*every[:700])
    customers.index_companies(batch.db)
    batch.create("800")
    found = customers.by_companies(batch.db, [*(f"c {each}" for each in every), "c of nobody", "c 1"])
    assert sorted(ids(found)) == sorted(every[:700])
    customers.index_companies(batch.db)
    assert ids(customers.by_companies(batch.db, ["c 800"])) == ["800"]
    assert customers.by_companies(batch.db, []) == []


def test_one_customer_is_found_by_its_company_or_its_number(batch: Batch) -> None:
    """This works without an index too."""
    batch.enrol("in.csv", [good("a"), good("b")])
    batch.create("b")
    found = customers.by_company(batch.db, "c b")
    assert found is not None
    assert found == customers.by_seq(batch.db, batch.seq("b"))
    assert customers.by_company(batch.db, "c of nobody") is None
    assert customers.by_seq(batch.db, 99) is None


@pytest.mark.parametrize(
    ("values", "counts"),
    [
        # complete, may have a company, has authorized
        ({}, (0, False, False)),
        ({"name_sent": "Acme"}, (0, True, False)),  # in doubt
        ({"company_id": "c"}, (0, True, False)),
        ({"company_id": "c", "state": "linked"}, (0, True, True)),
        ({"company_id": "c", "state": "linked", "partner_connection_id": "p"}, (0, True, False)),
        ({"company_id": "c", "state": "complete", "partner_connection_id": "p"}, (1, True, False)),
    ],
)
def test_the_journal_shows_whether_work_is_left(
    batch: Batch, values: dict[str, object], counts: tuple[int, bool, bool]
) -> None:
    """It needs no request to Codat."""
    batch.enrol("in.csv", [good("a"), bad("b")])
    if values:
        batch.change("a", **values)
    assert counts == (
        customers.count_complete(batch.db),
        customers.may_have_company(batch.db),
        customers.has_authorized(batch.db),
    )
