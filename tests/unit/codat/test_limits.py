"""The effect of a reply on all requests, and the replies that stop the run."""

from __future__ import annotations

import math

import pytest

from bulk.codat import responses
from bulk.codat.blockade import MIN_BLOCKED, MIN_SECONDS
from bulk.codat.deadline import Now
from bulk.codat.limits import Hold, Limits
from bulk.codat.responses import Reply, untrusted
from bulk.model import Outcome, Problem, Stop

START = Now(0.0, 1_795_392_000.0)  # 2026-11-23T00:00:00Z
DONE = Reply(Outcome.DONE, 200)


def later(seconds: float) -> Now:
    """Return a time after the start."""
    return Now(START.steady + seconds, START.wall + seconds)


def make(*, concurrency: int = 4, max_hold: float = 300.0, reserve: int = 0) -> tuple[Limits, list[Hold]]:
    """Build limits, and the list of the holds that they report."""
    holds: list[Hold] = []
    return (
        Limits(rate=1000, concurrency=concurrency, reserve=reserve, max_hold=max_hold, on_hold=holds.append, ended=()),
        holds,
    )


def respond(limits: Limits, reply: Reply, now: Now = START) -> None:
    """Send a request and receive this reply."""
    limits.take_slot()
    limits.on_response(limits.budget.on_sent(), reply, now, creates=True)
    limits.free_slot(now)


@pytest.mark.parametrize(
    ("reply", "why"),
    [
        (Reply(Outcome.RATE_LIMITED, 429, headers={"retry-after": "40"}), "Codat asked to wait (429)"),
        (Reply(Outcome.CONFLICT, 409, headers={"retry-after": "40"}), "Codat asked to wait (409)"),
        (Reply(Outcome.SERVER_ERROR, 503, headers={"retry-after": "40"}), "Codat asked to wait (503)"),
        (Reply(Outcome.UNKNOWN, 503, headers={"retry-after": "40"}), "Codat asked to wait (503)"),  # a gateway's
    ],
)
def test_a_retry_after_holds_all_requests(reply: Reply, why: str) -> None:
    """Whichever request received it."""
    limits, holds = make()
    respond(limits, reply)
    assert 40 <= limits.wait_for_slot(START) < 41
    assert limits.wait_for_slot(later(41)) == 0
    assert [hold.why for hold in holds] == [why]
    assert limits.asked_until is not None
    assert 40 <= limits.asked_until.until - START.wall < 41


def with_quota(remaining: int, limit: int = 1000) -> Reply:
    """Return a response that reports this quota."""
    headers = {"x-rate-limit-limit": str(limit), "x-rate-limit-remaining": str(remaining)}
    return Reply(Outcome.DONE, 200, headers=headers)


@pytest.mark.parametrize(
    ("remaining", "reserve", "why"),
    [
        (0, 0, "Codat's daily quota is used up"),
        (0, 20, "Codat's daily quota is used up"),
        (20, 20, "Only the requests that --reserve keeps are left of Codat's daily quota"),
    ],
)
def test_a_reserve_is_named_as_the_reason_for_a_wait(remaining: int, reserve: int, why: str) -> None:
    """The quota is not used up, as the next line of the summary shows."""
    limits, holds = make(max_hold=math.inf, reserve=reserve)
    respond(limits, with_quota(remaining))
    assert limits.wait_for_quota(2, START) > 0
    assert [hold.why for hold in holds] == [why]


@pytest.mark.parametrize("max_hold", [300.0, math.inf])
def test_a_reserve_of_the_whole_quota_stops_the_run(max_hold: float) -> None:
    """A wait for the reset would never end."""
    limits, holds = make(max_hold=max_hold, reserve=1000)
    respond(limits, with_quota(999))
    limits.wait_for_quota(2, START)
    assert limits.stop == Stop("--reserve keeps the whole daily quota, so no request may leave on any day", 75)
    assert holds == []


@pytest.mark.parametrize("outcome", [Outcome.DONE, Outcome.REJECTED])
def test_a_retry_after_elsewhere_has_no_meaning(outcome: Outcome) -> None:
    """RFC 9110, 10.2.3."""
    limits, holds = make()
    respond(limits, Reply(outcome, 200, headers={"retry-after": "40"}))
    assert (limits.wait_for_slot(START), holds, limits.asked_until) == (0, [], None)


def test_the_longest_retry_after_counts() -> None:
    """A shorter one that arrives later neither ends a hold nor is reported."""
    limits, holds = make()
    respond(limits, Reply(Outcome.RATE_LIMITED, 429, headers={"retry-after": "40"}))
    respond(limits, Reply(Outcome.RATE_LIMITED, 429, headers={"retry-after": "5"}), later(1))
    assert limits.wait_for_slot(later(1)) >= 39
    assert limits.asked_until is not None
    assert limits.asked_until.until >= START.wall + 40
    assert len(holds) == 1


def test_429s_without_a_retry_after_wait_longer_each_time() -> None:
    """A 429 of a request that was in flight together with another one does not count."""
    limits, _ = make()
    waits, now = [], START
    for _ in range(8):
        respond(limits, Reply(Outcome.RATE_LIMITED, 429), now)
        respond(limits, Reply(Outcome.RATE_LIMITED, 429), now)
        waits.append(round(limits.wait_for_slot(now)))
        now = Now(now.steady + waits[-1] + 1, now.wall + waits[-1] + 1)
    assert waits == [1, 2, 4, 8, 16, 32, 60, 60]


def test_429s_that_never_end_stop_the_run() -> None:
    """Waiting has not helped thirty times."""
    limits, _ = make()
    now = START
    for number in range(31):
        assert limits.stop is None, number
        respond(limits, Reply(Outcome.RATE_LIMITED, 429, headers={"retry-after": "1"}), now)
        now = Now(now.steady + 2, now.wall + 2)
    assert limits.stop is not None
    assert "429" in limits.stop.reason


def test_a_429_halves_the_requests_at_once_and_successes_raise_them_again() -> None:
    """One more after every 20 successes."""
    limits, _ = make(concurrency=8)
    respond(limits, Reply(Outcome.RATE_LIMITED, 429, headers={"retry-after": "1"}))
    now = later(2)
    assert _slots(limits, now) == 4
    for _ in range(20):
        now = Now(now.steady + 1, now.wall + 1)
        respond(limits, DONE, now)
    assert _slots(limits, Now(now.steady + 9, now.wall + 9)) == 5


def _slots(limits: Limits, now: Now) -> int:
    """Count the slots that can be taken, and free them."""
    taken = 0
    while limits.wait_for_slot(Now(now.steady + taken, now.wall)) < math.inf:
        limits.take_slot()
        taken += 1
    for _ in range(taken):
        limits.free_slot(now)
    return taken


@pytest.mark.parametrize(
    ("reply", "code", "reason"),
    [
        (Reply(Outcome.FATAL, 401, problem=Problem("no", "401", "c1")), 3, "API key (401): no (correlation id c1)"),
        (Reply(Outcome.FATAL, 402, problem=Problem("no", "402")), 3, "account limit is reached (402): no."),
        (Reply(Outcome.FATAL, 403, problem=Problem("no", "403")), 3, "no access (403): no."),
        (Reply(Outcome.FATAL, 302, problem=Problem("redirected", "302")), 3, "responded 302: redirected."),
        (untrusted("x is not trusted"), 75, "x is not trusted. Nothing was sent"),
    ],
)
def test_a_reply_that_waiting_cannot_mend_stops_the_run(reply: Reply, code: int, reason: str) -> None:
    """The first reason stays."""
    limits, _ = make()
    respond(limits, reply)
    respond(limits, Reply(Outcome.FATAL, 401, problem=Problem("later", "401")))
    assert limits.stop is not None
    assert limits.stop.exit_code == code
    assert reason in limits.stop.reason


def test_a_run_in_which_everybody_is_blocked_stops_and_says_what_is_in_the_way() -> None:
    """One customer, or a hundred in a short time, prove nothing."""
    limits, holds = make()
    blocked = responses.read(403, {}, b"<html><title>Access denied</title></html>")
    for number in range(MIN_BLOCKED):
        respond(limits, blocked, later(number / 10))
        assert limits.stop is None, number
    respond(limits, blocked, later(MIN_SECONDS))
    assert limits.stop is not None
    assert limits.stop.exit_code == 75
    assert "blocks the requests: HTTP 403: Access denied. Allow" in limits.stop.reason
    assert limits.stop.reason.endswith("check CODAT_API_KEY")
    assert holds == []


def test_a_blocked_request_takes_nothing_from_the_quota() -> None:
    """Codat did not receive it."""
    limits, _ = make()
    respond(limits, with_quota(100))
    respond(limits, responses.read(403, {}, b""))
    assert limits.budget.left == 100


def test_a_hold_that_is_too_long_stops_the_run_and_names_its_end() -> None:
    """The run does not sleep for an hour."""
    limits, holds = make()
    respond(limits, Reply(Outcome.RATE_LIMITED, 429, headers={"retry-after": "3600"}))
    assert limits.stop is not None
    assert limits.stop.until == pytest.approx(START.wall + 3600, abs=1)
    assert holds == []


YEARS = [str(10 * 365 * 86_400), "9" * 400, "Thu, 01 Jan 2099 00:00:00 GMT"]


@pytest.mark.parametrize("text", YEARS)
@pytest.mark.parametrize("status", [429, 503])
def test_a_retry_after_of_years_is_honoured_for_48_hours_and_then_one_request_is_sent(text: str, status: int) -> None:
    """That request shows whether the wait was enough."""
    limits, holds = make(max_hold=math.inf)
    respond(limits, responses.read(status, {"retry-after": text}, b""))
    (hold,) = holds
    assert hold.until - START.wall == pytest.approx(48 * 3600, abs=1)
    after = later(48 * 3600 + 1)
    assert limits.wait_for_slot(later(48 * 3600 - 1)) > 0
    assert _slots(limits, after) == 1
    for _ in range(20):
        respond(limits, DONE, after)
    assert _slots(limits, after) == 2


def test_a_short_hold_is_not_reported() -> None:
    """Nobody has to read about a second."""
    limits, holds = make()
    respond(limits, Reply(Outcome.RATE_LIMITED, 429, headers={"retry-after": "1"}))
    assert 1 <= limits.wait_for_slot(START) < 2
    assert holds == []
