"""The company list is read as a whole or the run stops; each page is recorded together with what it changes."""

from __future__ import annotations

import sqlite3
from collections import deque
from collections.abc import Sequence
from typing import Any

import pytest
from support.trip import Replies, Trip
from support.values import GATEWAY_PAGE, MISSING, NO_RESPONSE, error, ok

from bulk.codat import responses
from bulk.codat.endpoints import BATCH_TAG, PAGE_SIZE
from bulk.codat.responses import Reply
from bulk.engine import retry
from bulk.engine.context import RunContext
from bulk.engine.events import Event, Reconciled, Warned
from bulk.engine.questions import MAX_TRIES
from bulk.engine.reconcile import MAX_READINGS, Tag, Taken, read_companies, reconcile
from bulk.journal import facts
from bulk.model import Company, Outcome

RATE_LIMITED = responses.read(429, {"retry-after": "5"}, b"")


class Pages:
    """A PageHandler that notes what it is shown."""

    def __init__(self, *, adopts: bool = True, warnings: tuple[str, ...] = ()) -> None:
        self.adopts = adopts
        self._warnings = warnings  # of each page
        self.readings: list[list[str]] = []
        self.ends = 0

    def begin(self, connection: sqlite3.Connection) -> None:  # noqa: ARG002 - a PageHandler's signature
        """Begin another reading."""
        self.readings.append([])

    def take(self, connection: sqlite3.Connection, companies: Sequence[Company], at: float) -> Taken:  # noqa: ARG002 - as above
        """Note a page."""
        self.readings[-1] += [company.id for company in companies]
        return Taken(len(companies), self._warnings)

    def end(self, connection: sqlite3.Connection, at: float) -> bool:  # noqa: ARG002 - as above
        """Note the end of the reading."""
        self.ends += 1
        return True


def page(*ids: str, total: int | None = None, following: str | None = None) -> Reply:
    """Return a page of the list."""
    content: dict[str, Any] = {"results": [{"id": each, "name": "Acme", "dataConnections": []} for each in ids]}
    content |= {} if total is None else {"totalResults": total}
    return ok(content | {"_links": {"next": {"href": following}} if following else {}})


def read(
    trip: Trip, *replies: Reply, tags: Sequence[Tag | None] = (None,), handler: Pages | None = None
) -> tuple[Pages, list[str], list[Event]]:
    """Read the lists with these replies; return what the handler saw, the paths, and the events."""
    handler, sender = handler or Pages(), Replies(deque(replies), on_send=trip.on_send)
    events: list[Event] = []

    async def work(context: RunContext) -> None:
        await reconcile(context, tags, handler, events.append)

    trip.in_run(work, sender)
    return handler, [request.path for request, _ in sender.sent], events


def test_a_list_is_followed_to_its_end(trip: Trip) -> None:
    """Each page is an event."""
    handler, paths, events = read(trip, page("a", "b", following="/companies?page=2"), page("c"))
    assert handler.readings == [["a", "b", "c"]]
    assert paths == [f"/companies?page=1&pageSize={PAGE_SIZE}", "/companies?page=2"]
    assert events == [Reconciled(2, 2), Reconciled(1, 1)]
    assert trip.stop is None


def test_a_warning_about_a_page_is_an_event_after_its_commit(trip: Trip) -> None:
    """An error of the hook does not roll the page back."""
    handler = Pages(warnings=("look there",))
    seen: list[str] = []

    def hook(event: Event) -> None:
        seen.append(f"{event} {len(trip.outcomes())}")
        raise RuntimeError("the hook fails")

    async def work(context: RunContext) -> None:
        await reconcile(context, [None], handler, hook)

    with pytest.raises(RuntimeError, match="the hook fails"):
        trip.in_run(work, Replies(deque([page("a")])))
    assert seen == [f"{Warned('look there')} 1"]


def test_the_lists_of_several_tags_are_one_reading(trip: Trip) -> None:
    """The batch's own companies, and those adopted from another one."""
    tags = [(BATCH_TAG, "1"), (BATCH_TAG, "2")]
    handler, paths, _ = read(trip, page("a"), page("b"), tags=tags)
    assert handler.readings == [["a", "b"]]
    assert ["tags=bulk_batch%3D1" in paths[0], "tags=bulk_batch%3D2" in paths[1]] == [True, True]


def test_a_list_that_names_no_next_page_and_is_not_complete_is_continued_by_number(trip: Trip) -> None:
    """Only an empty page proves the end."""
    handler, paths, _ = read(trip, page("a", "b", total=3), page("c", total=3))
    assert handler.readings == [["a", "b", "c"]]
    assert paths[1] == "/companies?page=2&pageSize=2"
    handler, _, _ = read(trip, page("a", "b", total=9), page(total=9))
    assert handler.readings == [["a", "b"]]


@pytest.mark.parametrize(
    "broken",
    [
        # it became shorter: others have moved up to a page that was read before
        [page("a", total=2, following="/companies?page=2"), page("c", total=1)],
        # it repeats a page
        [page("a", following="/companies?page=2"), page("b", following="/companies?page=2")],
    ],
)
def test_a_list_that_changes_or_repeats_is_read_again(trip: Trip, broken: list[Reply]) -> None:
    """The run would create the customers that it does not see."""
    handler, _, events = read(trip, *broken, page("a", "b"))
    assert handler.readings[-1] == ["a", "b"]
    assert len(handler.readings) == 2
    assert any(isinstance(event, Warned) and "reading it again" in event.text for event in events)


def test_a_run_that_cannot_read_a_whole_list_stops(trip: Trip) -> None:
    """After three readings, for now."""
    broken = [page("a", total=2, following="/companies?page=2"), page("c", total=1)]
    handler, _, _ = read(trip, *broken * MAX_READINGS)
    assert len(handler.readings) == MAX_READINGS
    assert trip.stop is not None
    assert (trip.stop.exit_code, "cannot be read as a whole" in trip.stop.reason) == (75, True)
    assert facts.get(trip.batch.db, "list_read_at") is None


@pytest.mark.parametrize(
    "fault", [NO_RESPONSE, error(500), responses.read(502, {}, b""), RATE_LIMITED, ok({"results": None})]
)
def test_a_page_that_does_not_come_is_requested_again(trip: Trip, fault: Reply) -> None:
    """The same page."""
    handler, paths, _ = read(trip, page("a", following="/companies?page=2"), fault, page("b"))
    assert handler.readings == [["a", "b"]]
    assert paths[1] == paths[2]


@pytest.mark.parametrize(
    ("replies", "requests"),
    [
        ([responses.not_sent("no connection")] * 60, 60),  # for five minutes
        ([error(400, "no such page")], 1),
        ([GATEWAY_PAGE] * MAX_TRIES, retry.MAX_TRIES),  # something in front of Codat
    ],
)
def test_a_run_without_the_list_stops(trip: Trip, replies: list[Reply], requests: int) -> None:
    """It creates no company."""
    handler, paths, _ = read(trip, *replies)
    assert handler.readings == [[]]
    assert len(paths) <= requests
    assert trip.stop is not None
    assert trip.stop.exit_code == 75


@pytest.mark.parametrize("fault", [NO_RESPONSE, error(500), responses.read(504, {}, b"")])
def test_a_list_whose_pages_time_out_is_read_again_with_smaller_ones(trip: Trip, fault: Reply) -> None:
    """The next run begins with the size that worked."""
    handler, paths, events = read(trip, fault, fault, page("a", "b", total=2))
    assert handler.readings == [[], [], ["a", "b"]]
    assert paths == [f"/companies?page=1&pageSize={size}" for size in (2000, 1000, 500)]
    assert any(isinstance(event, Warned) and "with 500 companies on a page" in event.text for event in events)
    _, paths, _ = read(trip, page("a", "b", total=2))
    assert paths == ["/companies?page=1&pageSize=500"]


def test_a_smaller_page_in_the_middle_of_a_list_skips_no_company(trip: Trip) -> None:
    """The list is read from its beginning."""
    ids = [f"c{number}" for number in range(PAGE_SIZE)]
    first = page(*ids, total=PAGE_SIZE + 1, following="/companies?page=2&pageSize=2000")
    handler, paths, _ = read(trip, first, NO_RESPONSE, NO_RESPONSE, page(*ids, "last", total=PAGE_SIZE + 1))
    assert handler.readings == [ids, [*ids, "last"]]
    assert paths[1] == paths[2]
    assert paths[3] == "/companies?page=1&pageSize=1000"


@pytest.mark.parametrize("adopts", [True, False])
def test_the_time_of_a_reading_counts_only_if_the_journal_knows_all_of_it(trip: Trip, adopts: bool) -> None:
    """Then older webhook events have no news."""
    began = trip.now
    read(trip, page("a"), handler=Pages(adopts=adopts))
    found = facts.get(trip.batch.db, "list_read_at")
    assert (found is not None) is adopts
    assert found is None or float(found) == pytest.approx(began, abs=0.01), "when the reading began"


def test_a_reading_begins_when_its_first_request_leaves(trip: Trip) -> None:
    """It may have waited for the next day's quota. A run that counts the wait would read the list twice."""
    began = trip.now
    trip.before = lambda throttle: throttle.hold(4 * 3600.0, "Codat asked to wait")
    read(trip, page("a"))
    assert float(facts.get(trip.batch.db, "list_read_at") or 0) >= began + 4 * 3600.0


def test_each_page_is_recorded_without_a_customer(trip: Trip) -> None:
    """It is not an attempt of any customer."""
    read(trip, NO_RESPONSE, page("a"))
    rows = trip.batch.db.execute("SELECT customer, step, operation, outcome FROM requests ORDER BY id").fetchall()
    expected = (None, None, "list_companies")
    assert rows == [(*expected, Outcome.UNKNOWN), (*expected, Outcome.DONE)]


def test_single_companies_are_read_if_they_are_fewer(trip: Trip) -> None:
    """A deleted company gets a 404 from Codat. A gateway's 404 does not mean that."""
    handler = Pages()
    sender = Replies(deque([ok({"id": "a", "dataConnections": []}), NO_RESPONSE, MISSING]))

    async def work(context: RunContext) -> None:
        await read_companies(context, ["a", "b"], handler, lambda _: None)

    trip.in_run(work, sender)
    assert handler.readings == [["a"]]
    assert [request.path for request, _ in sender.sent] == ["/companies/a", "/companies/b", "/companies/b"]
    assert facts.get(trip.batch.db, "list_read_at") is None


@pytest.mark.parametrize("others", [["b"], []], ids=["another company", "no other"])
def test_a_blocked_company_stops_only_a_run_without_others(trip: Trip, others: list[str]) -> None:
    """A firewall may dislike one company. It is tried as often as a customer is."""
    handler, blocked = Pages(), responses.read(403, {}, b"<html>no</html>")
    found = [ok({"id": each, "dataConnections": []}) for each in others]
    sender = Replies(deque([*([blocked] * retry.MAX_TRIES), *found]))
    unread: list[str] = []

    async def work(context: RunContext) -> None:
        unread.extend(await read_companies(context, ["a", *others], handler, lambda _: None))

    trip.in_run(work, sender)
    assert len(sender.sent) == retry.MAX_TRIES + len(others)
    assert handler.readings == [others]
    assert unread == (["a"] if others else [])
    assert (trip.stop is None) == bool(others)
