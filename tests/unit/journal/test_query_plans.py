"""The statements that run for each customer or each page use an index, however large the batch is."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable

import pytest
from support.batches import Batch, good

from bulk.journal import attempts, company_list, customers, selection, webhook_events
from bulk.model import customer_tag

from .requests import record_request

NAMES = ["a", "b"]
TAGS = [customer_tag(name) for name in NAMES]


@pytest.fixture
def batch(batch: Batch) -> Batch:
    """Return a batch with two customers, one of them linked, and a request for each."""
    batch.enrol("in.csv", [good(name) for name in NAMES])
    for name in NAMES:
        record_request(batch, name, None)
    batch.change("b", name_sent="Acme", company_id="c", connection_status="Linked", state="linked")
    customers.index_companies(batch.db)
    company_list.begin_reading(batch.db)
    selection.select_authorized(batch.db)
    return batch


def plans(db: sqlite3.Connection, function: Callable[[sqlite3.Connection], object]) -> list[str]:
    """Return the plans of the statements that a function runs, in words."""
    statements: list[str] = []
    db.set_trace_callback(statements.append)
    function(db)
    db.set_trace_callback(None)
    assert statements
    return [
        "; ".join(row[3] for row in db.execute("EXPLAIN QUERY PLAN " + statement).fetchall())
        for statement in statements
    ]


@pytest.mark.parametrize(
    ("function", "index"),
    [
        (lambda db: attempts.attempts_of(db, [1, 2]), "requests_of_customer"),
        (lambda db: customers.pending(db, begun=True, after=0, most=200), "customers_begun"),
        (lambda db: customers.pending(db, begun=False, after=0, most=200), "customers_pending"),
        (lambda db: customers.pending(db, begun=True, after=0, most=200, limit=1), "customers_begun"),
        (lambda db: customers.pending(db, begun=False, after=0, most=200, limit=1), "customers_pending"),
        (lambda db: customers.by_tags(db, TAGS), "customers_tag"),
        (lambda db: customers.by_ids(db, NAMES), "sqlite_autoindex_customers_1"),
        (lambda db: customers.by_companies(db, ["c"]), "companies_id"),
        (lambda db: customers.by_seq(db, 1), "INTEGER PRIMARY KEY"),
        (lambda db: customers.change(db, 1, {"name_sent": "Acme"}), "INTEGER PRIMARY KEY"),
        (lambda db: customers.change(db, 1, {}, attempts=1), "INTEGER PRIMARY KEY"),
        (lambda db: customers.has_authorized(db), "customers_linked"),
        (lambda db: customers.count_pending(db), "customers_pending"),
        (lambda db: selection.select_authorized(db), "customers_linked"),
        (lambda db: selection.page(db, after=0, most=200), "INTEGER PRIMARY KEY"),
        (lambda db: webhook_events.newest_event_at(db, "n"), "deliveries_connection"),
    ],
)
def test_a_statement_uses_its_index(batch: Batch, function: Callable[[sqlite3.Connection], object], index: str) -> None:
    """Its plan names the index."""
    assert any(index in plan for plan in plans(batch.db, function))


@pytest.mark.parametrize(
    "function",
    [
        lambda db: attempts.attempts_of(db, [1, 2]),
        lambda db: customers.pending(db, begun=True, after=0, most=200),
        lambda db: customers.pending(db, begun=True, after=0, most=200, limit=1),
        lambda db: customers.by_tags(db, TAGS),
        lambda db: customers.by_ids(db, NAMES),
        lambda db: customers.by_companies(db, ["c"]),
        lambda db: customers.by_seq(db, 1),
        lambda db: customers.change(db, 1, {"name_sent": "Acme"}),
        lambda db: customers.forget(db, 1),
        lambda db: selection.page(db, after=0, most=200),
    ],
)
def test_a_statement_of_the_loop_never_reads_a_whole_table(
    batch: Batch, function: Callable[[sqlite3.Connection], object]
) -> None:
    """A million customers would make each one slow."""
    tables = ("customers", "requests", "rejections")
    for plan in plans(batch.db, function):
        for part in plan.split("; "):
            is_scan = part.startswith("SCAN ") and part.split()[1] in tables
            assert not is_scan or "USING" in part, plan
