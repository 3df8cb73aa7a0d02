"""The batch is brought up to date with the company list, and lost companies are noted."""

from __future__ import annotations

from collections import deque
from typing import Any

import pytest
from support.batches import good
from support.trip import Replies, Trip
from support.values import BATCH, body, connection, ok

from bulk.codat.endpoints import BATCH_TAG, CUSTOMER_TAG, batch_tag
from bulk.codat.responses import Reply
from bulk.engine.context import RunContext
from bulk.engine.events import Event, Warned
from bulk.engine.session import Session
from bulk.engine.statuses import MAX_NAMED, read_statuses
from bulk.model import DELETED, customer_tag

WAITING = {
    "company_origin": "created",
    "connection_id": "n",
    "connection_status": "PendingAuth",
    "link_url": "https://l",
    "state": "link_ready",
}
OWN, OTHER = batch_tag(BATCH), batch_tag("spring")


def company(customer_id: str, *, tags: bool = True) -> dict[str, Any]:
    """Return a customer's company, which is linked, as a list shows it."""
    own = {CUSTOMER_TAG: customer_tag(customer_id), BATCH_TAG: OWN} if tags else {}
    connections = [body(connection("Linked"))]
    return {"id": f"c {customer_id}", "name": "Acme", "tags": own, "dataConnections": connections}


def page(*companies: dict[str, Any]) -> Reply:
    """Return the only page of a list."""
    return ok({"results": list(companies), "totalResults": len(companies)})


def read(trip: Trip, *pages: Reply, accepts_missing: bool = False) -> tuple[list[str], list[str]]:
    """Read the statuses; return the tags of the lists, and the warnings."""
    sender = Replies(deque(pages))
    events: list[Event] = []

    async def work(context: RunContext) -> None:
        await read_statuses(Session(context, events.append, concurrency=10, accepts_missing=accepts_missing))

    trip.in_run(work, sender)
    lists = [request.path.partition("tags=")[2] for request, _ in sender.sent]
    return lists, [event.text for event in events if isinstance(event, Warned)]


@pytest.fixture
def trip(trip: Trip) -> Trip:
    """Return a batch with the customers a and b, whose companies exist and wait for an authorization."""
    trip.batch.enrol("in.csv", [good("a"), good("b")])
    trip.batch.create("a", "b")
    for each in "ab":
        trip.batch.change(each, **WAITING)
    return trip


def test_the_list_with_the_batchs_tag_is_enough(trip: Trip) -> None:
    """One request for up to 2,000 customers."""
    lists, warnings = read(trip, page(company("a"), company("b")))
    assert (lists, warnings) == ([f"bulk_batch%3D{OWN}"], [])
    assert trip.batch.read("b", "state") == {"state": "linked"}


def test_the_lists_of_the_batches_that_companies_were_adopted_from_are_read_too(trip: Trip) -> None:
    """Their tags are not this batch's."""
    trip.batch.change("b", company_origin="adopted", company_batch=OTHER)
    lists, _ = read(trip, page(company("a")), page(company("b")))
    assert sorted(lists) == sorted(f"bulk_batch%3D{tag}" for tag in (OWN, OTHER))


def test_the_list_of_all_is_read_where_a_company_has_no_tag_of_a_batch(trip: Trip) -> None:
    """Somebody created it by hand."""
    trip.batch.change("b", company_origin="adopted", company_batch=None)
    lists, _ = read(trip, page(company("a"), company("b", tags=False)))
    assert lists == [""]
    assert trip.batch.read("b", "state") == {"state": "linked"}


def test_a_company_that_lost_its_tags_is_found_in_the_list_of_all(trip: Trip) -> None:
    """It is not deleted."""
    lists, warnings = read(trip, page(company("a")), page(company("a"), company("b", tags=False)))
    assert (lists[1:], warnings) == ([""], [])
    assert trip.batch.read("b", "state") == {"state": "linked"}


def test_a_company_that_no_list_shows_was_deleted(trip: Trip) -> None:
    """The customer fails, with a reason; the next reading does not look for it again."""
    lists, warnings = read(trip, page(company("a")), page(company("a")))
    assert len(lists) == 2
    assert warnings == ["Codat no longer has the companies of: b"]
    assert trip.batch.read("b", "state", "connection_status", "error_step", "error_code") == {
        "state": "failed",
        "connection_status": DELETED,
        "error_step": "company",
        "error_code": "deleted",
    }
    lists, warnings = read(trip, page(company("a")))
    assert (len(lists), warnings) == (1, [])


def test_a_warning_names_no_more_customers_than_a_person_reads(trip: Trip) -> None:
    """The report has all of them."""
    every = [f"{number:03}" for number in range(MAX_NAMED + 1)]
    trip.batch.enrol("more.csv", [good(each) for each in every])
    trip.batch.create(*every)
    pages = [page(company("a"), company("b"))] * 2
    _, (warning,) = read(trip, *pages, accepts_missing=True)
    assert warning == f"Codat no longer has the companies of: {', '.join(every[:-1])}, ..."


def with_many(trip: Trip, number: int) -> list[str]:
    """Add customers whose companies exist; return their identifiers."""
    every = [f"{each:03}" for each in range(number)]
    trip.batch.enrol("more.csv", [good(each) for each in every])
    trip.batch.create(*every)
    return every


def test_a_list_that_lacks_many_companies_stops_the_run_and_changes_nothing(trip: Trip) -> None:
    """It may be another account's. It is read twice, because it may lag."""
    every = with_many(trip, 11)
    lists, warnings = read(trip, *[page(company("a"), company("b"))] * 3)
    assert (len(lists), warnings) == (3, [])
    assert trip.stop is not None
    assert trip.stop.exit_code == 3
    assert f"11 customers of the batch ({', '.join(every)})" in trip.stop.reason
    assert "--accept-missing" in trip.stop.reason
    assert trip.batch.read("a", "state") == {"state": "link_ready"}, "the list shows that a has linked"
    assert trip.batch.read("000", "state") == {"state": "link_ready"}


def test_a_list_that_has_caught_up_is_trusted(trip: Trip) -> None:
    """The second reading of the whole list has all companies."""
    every = with_many(trip, 11)
    few = page(company("a"), company("b"))
    read(trip, few, few, page(*map(company, ["a", "b", *every])))
    assert trip.stop is None
    assert trip.batch.read("000", "state") == {"state": "linked"}


@pytest.mark.parametrize("missing", [10, 11])
def test_a_list_may_lack_ten_companies_or_a_tenth(trip: Trip, missing: int) -> None:
    """Somebody has deleted them in Codat's portal."""
    every = with_many(trip, 10 if missing == 10 else 108)
    shown = page(*map(company, ["a", "b", *every[missing:]]))
    read(trip, shown, shown)
    assert trip.stop is None
    assert trip.batch.read("000", "state", "connection_status") == {"state": "failed", "connection_status": DELETED}
