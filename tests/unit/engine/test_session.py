"""Many customers at once: how the workers share the queue, and what ends them."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any

import pytest
from support.batches import good
from support.trip import Replies, Trip
from support.values import body, connection, error, ok

from bulk.codat import responses
from bulk.codat.endpoints import Request
from bulk.codat.responses import Reply
from bulk.engine.context import RunContext
from bulk.engine.events import Advanced, Event
from bulk.engine.feeds import PendingFeed
from bulk.engine.session import Session
from bulk.errors import JournalError
from bulk.model import State, Stop

CUSTOMERS = [f"{number:02}" for number in range(12)]


class Codat:
    """Creates what is requested, except for these customers, whose company it rejects."""

    def __init__(self, rejected: tuple[str, ...] = ()) -> None:
        self.rejected = rejected
        self.sent: list[Request] = []

    async def send(self, request: Request, *, key: str | None = None) -> Reply:
        """Return Codat's response."""
        self.sent.append(request)
        if request.operation == "create_connection":
            return ok(body(connection("PendingAuth", link="https://l")))
        if any(f'"uid":"{each}"' in (request.body or "") for each in self.rejected):
            return error(400, "no")
        return ok({"id": f"c {key}", "name": "Acme", "dataConnections": []})


@pytest.fixture
def trip(trip: Trip) -> Trip:
    """Return a batch with a dozen new customers."""
    trip.batch.enrol("in.csv", [good(each) for each in CUSTOMERS])
    return trip


def process_all(
    trip: Trip,
    sender: Any,
    *,
    max_failures: float = 99,
    concurrency: int = 4,
    before: Callable[[Session], None] = lambda _: None,
) -> tuple[Session, list[Advanced]]:
    """Process all pending customers; return the session and how far each customer got."""
    events: list[Event] = []
    sessions: list[Session] = []

    async def work(context: RunContext) -> None:
        session = Session(context, events.append, concurrency, max_failures=lambda _: max_failures)
        sessions.append(session)
        before(session)
        await session.process_all(lambda: PendingFeed(context.writer, None), len(CUSTOMERS))

    trip.in_run(work, sender)
    return sessions[0], [event for event in events if isinstance(event, Advanced)]


def test_all_customers_are_processed_and_reported(trip: Trip) -> None:
    """Each one once."""
    sender = Codat()
    session, advanced = process_all(trip, sender)
    assert sorted(each.customer_id for each in advanced) == CUSTOMERS
    assert {each.state for each in advanced} == {State.LINK_READY}
    assert len(sender.sent) == 2 * len(CUSTOMERS)
    assert (session.failures, session.left, session.error, trip.stop) == (0, 0, None, None)


def test_a_rejected_customer_stops_no_other(trip: Trip) -> None:
    """It counts as a failure."""
    session, advanced = process_all(trip, Codat(rejected=("03", "07")))
    assert session.failures == 2
    assert sorted(each.customer_id for each in advanced if each.state is State.FAILED) == ["03", "07"]
    assert trip.stop is None


@pytest.mark.parametrize(("max_failures", "is_stopped"), [(2, False), (1, True), (0, True)])
def test_more_failures_than_allowed_stop_the_run(trip: Trip, max_failures: int, is_stopped: bool) -> None:
    """The same command continues with the others."""
    session, _ = process_all(trip, Codat(rejected=("00", "01")), max_failures=max_failures, concurrency=1)
    assert (trip.stop is not None) is is_stopped
    if trip.stop is not None:
        assert trip.stop.exit_code == 1
        assert session.failures == max_failures + 1
        failed = "1 customer failed" if session.failures == 1 else f"{session.failures} customers failed"
        assert trip.stop.reason.startswith(f"{failed}, more than --max-failures allows")


def test_a_customer_that_cannot_be_finished_for_now_is_counted_and_not_a_failure(trip: Trip) -> None:
    """Another run tries it again."""
    trip.batch.enrol("in.csv", [good("a")])
    trip.batch.db.execute("DELETE FROM customers WHERE customer_id <> 'a'")
    fault = error(500, "a fault")
    pages = ok({"results": [], "totalResults": 0})
    session, (advanced,) = process_all(trip, Replies(deque([fault, pages] * 5 + [fault])), max_failures=0)
    assert (session.left, session.failures) == (1, 0)
    assert (advanced.state, advanced.is_left) == (State.PENDING, True)


class Firewall(Codat):
    """Blocks all requests about these customers."""

    async def send(self, request: Request, *, key: str | None = None) -> Reply:
        """Return Codat's response, or the firewall's."""
        if any(f'"uid":"{each}"' in (request.body or "") for each in self.rejected):
            return responses.read(403, {}, b"<html>Access denied</html>")
        return await super().send(request, key=key)


@pytest.mark.parametrize("blocked", [1, 5, len(CUSTOMERS) - 1])
def test_blocked_customers_stop_no_other(trip: Trip, blocked: int) -> None:
    """They are left for another run, with their error."""
    session, advanced = process_all(trip, Firewall(rejected=tuple(CUSTOMERS[:blocked])))
    assert (session.left, session.failures, trip.stop) == (blocked, 0, None)
    assert sorted(each.customer_id for each in advanced if not each.is_left) == CUSTOMERS[blocked:]
    assert trip.batch.read(CUSTOMERS[0], "error_code", "state") == {"error_code": "blocked", "state": "pending"}


def test_a_run_in_which_nobody_gets_through_says_what_is_in_the_way(trip: Trip) -> None:
    """However few its customers are."""
    session, _ = process_all(trip, Firewall(rejected=tuple(CUSTOMERS)))
    assert session.left == len(CUSTOMERS)
    assert trip.stop is not None
    assert (trip.stop.exit_code, "HTTP 403: Access denied" in trip.stop.reason) == (75, True)


def test_customers_who_need_a_broken_operation_come_last(trip: Trip) -> None:
    """Each of them is reported once."""
    session, advanced = process_all(trip, Firewall(rejected=tuple(CUSTOMERS[:6])), concurrency=1)
    assert [each.customer_id for each in advanced if not each.is_left] == CUSTOMERS[6:]
    assert sorted(each.customer_id for each in advanced) == CUSTOMERS
    assert session.left == 6


def test_a_journal_that_cannot_be_written_ends_all_workers(trip: Trip) -> None:
    """The first error is the run's."""
    commits = 0

    def fail_later(_: Any) -> None:
        nonlocal commits
        commits += 1
        if commits > 10:
            raise JournalError(f"the disk is full ({commits})")

    trip.after_commit = fail_later
    sender = Codat()
    session, advanced = process_all(trip, sender)
    assert str(session.error) == "the disk is full (11)"
    assert trip.stop == Stop("the disk is full (11)", JournalError.exit_code)
    assert len(advanced) < len(CUSTOMERS)


def test_a_closed_throttle_ends_the_workers(trip: Trip) -> None:
    """Another run does the rest."""
    _, advanced = process_all(
        trip, Codat(), before=lambda session: session.context.throttle.close(Stop("Interrupted", 130))
    )
    assert advanced == []


@pytest.mark.parametrize("concurrency", [1, 50])
def test_no_customer_is_begun_after_ten_equal_rejections(trip: Trip, concurrency: int) -> None:
    """The others stay pending, however many could have been sent at the same time."""
    session, advanced = process_all(trip, Codat(rejected=tuple(CUSTOMERS)), concurrency=concurrency)
    assert trip.stop is not None
    assert trip.stop.exit_code == 1
    assert "for the same reason: no." in trip.stop.reason
    assert (session.failures, len(advanced)) == (10, 10)
    assert len(trip.batch.db.execute("SELECT 1 FROM customers WHERE state = 'pending'").fetchall()) == 2
