"""The customers that a command selects, and the pages in which it reads them."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable

import pytest
from support.batches import Batch, good

from bulk.journal import customers, database, selection
from bulk.model import Outcome

from .requests import record_request

NOW = 1_790_000_000.0  # 2026-09-21T14:13:20Z
DAY = 86_400.0
WAITING: dict[str, object] = {
    "name_sent": "Acme",
    "company_id": "c",
    "company_origin": "created",
    "connection_id": "n",
    "connection_status": "PendingAuth",
    "link_url": "https://l?otp=1",
    "state": "link_ready",
}
LINKED = WAITING | {"connection_status": "Linked", "state": "linked"}
COMPLETE = LINKED | {"partner_connection_id": "p", "partner_status": "Linked", "state": "complete"}


def selected(batch: Batch) -> list[str]:
    """Return the identifiers of the selected customers."""
    page, _ = selection.page(batch.db, after=0, most=99)
    return [customer.customer_id for customer in page]


def test_selected_customers_come_page_by_page_with_their_attempts(batch: Batch) -> None:
    """The pages follow the order of the selection, and the last one is empty."""
    batch.enrol("in.csv", [good(each) for each in "abcd"])
    for number, each in enumerate("bca"):
        batch.change(each, **WAITING, link_issued_at=f"2026-09-0{number + 1}T00:00:00Z")
    record_request(batch, "b", Outcome.UNKNOWN)
    assert selection.select_stale_links(batch.db, now=NOW, lifetime=DAY, margin=0.0) == 3
    page, after = selection.page(batch.db, after=0, most=2)
    assert [(customer.customer_id, len(customer.history)) for customer in page] == [("b", 1), ("c", 0)]
    page, after = selection.page(batch.db, after=after, most=2)
    assert [customer.customer_id for customer in page] == ["a"]
    assert selection.page(batch.db, after=after, most=2) == ([], after)


def test_a_selection_replaces_the_last_one(batch: Batch) -> None:
    """A command may select twice."""
    batch.enrol("in.csv", [good("a"), good("b")])
    batch.change("a", **WAITING)
    batch.change("b", **LINKED)
    assert selection.select_stale_links(batch.db, now=NOW, lifetime=DAY, margin=0.0) == 1
    assert selection.select_authorized(batch.db) == 1
    assert selected(batch) == ["b"]


def test_a_customer_stays_selected_when_its_state_changes(batch: Batch) -> None:
    """A page shows the journal as it is then; a customer that was forgotten in between is left out."""
    batch.enrol("in.csv", [good("a"), good("b"), good("c")])
    for each in "abc":
        batch.change(each, **LINKED)
    selection.select_authorized(batch.db)
    batch.change("a", state="failed")
    with database.transaction(batch.db):
        customers.forget(batch.db, batch.seq("b"))
    page, _ = selection.page(batch.db, after=0, most=9)
    assert [(customer.customer_id, str(customer.state)) for customer in page] == [("a", "failed"), ("c", "linked")]


def test_a_page_whose_customers_were_all_forgotten_does_not_end_the_feed(batch: Batch) -> None:
    """The place of the last one moves on, so the next page follows."""
    batch.enrol("in.csv", [good("a"), good("b")])
    for each in "ab":
        batch.change(each, **LINKED)
    selection.select_authorized(batch.db)
    with database.transaction(batch.db):
        customers.forget(batch.db, batch.seq("a"))
    page, after = selection.page(batch.db, after=0, most=1)
    assert (page, after) == ([], 1)


AUTHORIZED, DELETABLE = selection.select_authorized, selection.select_deletable


@pytest.mark.parametrize(
    ("select", "values", "is_selected"),
    [
        # authorized: linked, and no partner connection
        (AUTHORIZED, LINKED, True),
        (AUTHORIZED, COMPLETE, False),
        (AUTHORIZED, LINKED | {"partner_connection_id": "p"}, False),
        (AUTHORIZED, LINKED | {"state": "failed"}, False),  # the partner connection was rejected
        (AUTHORIZED, WAITING, False),
        # deletable: created by this batch, and never linked
        (DELETABLE, WAITING, True),
        (DELETABLE, WAITING | {"connection_id": None, "connection_status": None}, True),
        (DELETABLE, WAITING | {"connection_status": "Deleted", "state": "failed"}, True),
        (DELETABLE, WAITING | {"company_origin": "adopted"}, False),
        (DELETABLE, WAITING | {"company_origin": "missing", "company_id": None}, False),
        (DELETABLE, LINKED, False),
        (DELETABLE, LINKED | {"connection_status": "Unlinked"}, False),
        (DELETABLE, WAITING | {"partner_connection_id": "p"}, False),
    ],
)
def test_each_command_selects_the_customers_that_need_it(
    batch: Batch, select: Callable[[sqlite3.Connection], int], values: dict[str, object], is_selected: bool
) -> None:
    """The same conditions as those of its step."""
    batch.enrol("in.csv", [good("a")])
    batch.change("a", **values)
    assert select(batch.db) == int(is_selected)
    assert selected(batch) == ["a"] * is_selected


@pytest.mark.parametrize(
    ("issued_at", "is_stale"),
    [
        ("2026-09-20T14:13:20Z", True),  # a day ago, to the second
        ("2026-09-20T15:13:20Z", True),  # it ends within the margin of an hour
        ("2026-09-20T15:13:21Z", False),
        (None, True),  # unknown
    ],
)
def test_a_link_is_stale_once_it_ends_within_the_margin(batch: Batch, issued_at: str | None, is_stale: bool) -> None:
    """Its lifetime begins when it was issued."""
    batch.enrol("in.csv", [good("a")])
    batch.change("a", **WAITING, link_issued_at=issued_at)
    assert selection.select_stale_links(batch.db, now=NOW, lifetime=DAY, margin=3600.0) == int(is_stale)
    assert selection.count_waiting(batch.db) == 1


def test_only_links_of_waiting_customers_in_the_input_are_renewed_and_the_oldest_first(batch: Batch) -> None:
    """A customer without a link is first; a limit takes the next ones."""
    batch.enrol("in.csv", [good(each) for each in "abcdef"])
    for each, issued_at in (("a", "2026-09-03"), ("b", "2026-09-01"), ("c", None), ("d", "2026-09-02")):
        batch.change(each, **WAITING, link_issued_at=issued_at and issued_at + "T00:00:00Z")
    batch.change("e", **LINKED)
    batch.change("f", **WAITING, link_issued_at="2026-08-01T00:00:00Z")
    batch.enrol("in.csv", [good(each) for each in "abcde"])
    assert selection.select_stale_links(batch.db, now=NOW, lifetime=DAY, margin=0.0) == 4
    assert selected(batch) == ["c", "b", "d", "a"]
    assert selection.count_waiting(batch.db) == 4
    assert selection.select_stale_links(batch.db, now=NOW, lifetime=DAY, margin=0.0, most=2) == 2
    assert selected(batch) == ["c", "b"]


def test_only_named_customers_that_are_linked_are_unlinked(batch: Batch) -> None:
    """The order is that of the input, not that of the names."""
    batch.enrol("in.csv", [good(each) for each in "abcd"])
    for each in "bcd":
        batch.change(each, **LINKED | {"company_id": "c " + each})
    batch.change("a", **WAITING | {"company_id": "c a"})
    selection.name(batch.db, ["d", "a", "b", "d", "nobody"])
    assert selection.select_named_linked(batch.db) == 2
    assert selected(batch) == ["b", "d"]
    assert sorted(selection.named_companies(batch.db)) == ["c a", "c b", "c d"]
    assert selection.count_companies(batch.db) == 4


def test_a_link_without_a_one_time_password_is_never_stale(batch: Batch) -> None:
    """Renewing it would cost a request and change nothing."""
    batch.enrol("in.csv", [good("a")])
    batch.change("a", **{**WAITING, "link_url": "https://l", "link_issued_at": "2020-01-01T00:00:00Z"})
    assert selection.select_stale_links(batch.db, now=NOW, lifetime=DAY, margin=0.0) == 0
