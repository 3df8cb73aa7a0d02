"""The throttle on a clock that jumps: rate, holds, quota and outages; minutes of work in no time."""

from __future__ import annotations

import contextlib
import itertools
import math
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256

import anyio
import pytest
from support.clock import run, wall

from bulk.codat.limits import Hold
from bulk.codat.responses import Reply, untrusted
from bulk.codat.throttle import MAX_SLICE, Stopped, Throttle
from bulk.model import Outcome, Problem, Stop

DONE = Reply(Outcome.DONE, 200)
UNKNOWN = Reply(Outcome.UNKNOWN, problem=Problem("connection lost", "no response"))
AN_HOUR = 3600.0


def rate_limited(**headers: str) -> Reply:
    """Build a 429."""
    return Reply(Outcome.RATE_LIMITED, 429, headers={name.replace("_", "-"): text for name, text in headers.items()})


@dataclass
class Codat:
    """Responds after `latency` seconds with the replies in the queue, then with DONE; records when requests arrive."""

    replies: deque[Reply] = field(default_factory=deque)
    latency: float = 0.1
    quota: int | None = None  # requests a day
    stall: tuple[float, float] = (0.0, 0.0)  # requests that start in it arrive at its end
    faults: Callable[[], bool] = lambda: False  # whether the next request gets no response
    arrivals: list[float] = field(default_factory=list)
    used: int = 0
    day: int = 0

    async def respond(self) -> Reply:
        """Receive one request."""
        begin, end = self.stall
        if begin <= anyio.current_time() < end:
            await anyio.sleep(end - anyio.current_time())
        self.arrivals.append(anyio.current_time())
        headers = self._count()
        await anyio.sleep(self.latency)
        if self.replies:
            return self.replies.popleft()
        return UNKNOWN if self.faults() else Reply(Outcome.DONE, 200, headers=headers)

    def _count(self) -> dict[str, str]:
        if self.quota is None:
            return {}
        if int(wall() // 86_400) != self.day:
            self.day, self.used = int(wall() // 86_400), 0
        self.used += 1
        assert self.used <= self.quota, "the daily quota is overdrawn"
        reset = datetime.fromtimestamp((wall() // 86_400 + 1) * 86_400, UTC).isoformat()
        return {
            "x-rate-limit-limit": str(self.quota),
            "x-rate-limit-remaining": str(self.quota - self.used),
            "x-rate-limit-reset": reset,
        }


async def send(throttle: Throttle, codat: Codat, requests: int = 1) -> None:
    """Act as the engine does for one customer: reserve, then take a slot for each request."""
    await throttle.reserve(requests)
    reserved = requests
    try:
        while reserved:
            await throttle.enter()
            try:
                reserved -= 1
                number = throttle.on_sent()
                throttle.on_response(number, await codat.respond(), creates=True)
            finally:
                throttle.leave()
    finally:
        throttle.release(reserved)


async def work(throttle: Throttle, codat: Codat, *, workers: int, seconds: float = math.inf, requests: int = 1) -> None:
    """Let workers work on one customer after the other until the throttle closes or the time is up."""

    async def worker() -> None:
        with contextlib.suppress(Stopped):
            while anyio.current_time() < seconds:
                await send(throttle, codat, requests)

    async with anyio.create_task_group() as group:
        for _ in range(workers):
            group.start_soon(worker)


def worst_minute(arrivals: list[float]) -> int:
    """Count the requests of the fullest 60 seconds."""
    first, worst = 0, 0
    for number, moment in enumerate(arrivals):
        while arrivals[first] <= moment - 60:
            first += 1
        worst = max(worst, number - first + 1)
    return worst


def gaps(arrivals: list[float]) -> list[float]:
    """Return the seconds between each request and the next."""
    return [later - earlier for earlier, later in itertools.pairwise(arrivals)]


@pytest.mark.parametrize(
    ("rate", "share"), [(1, 0.97), (10, 0.97), (60, 0.98), (100, 0.98), (250, 0.98), (600, 0.98), (1000, 0.98)]
)
def test_no_minute_is_over_the_rate_and_little_of_it_is_left(rate: int, share: float) -> None:
    """This is true from the first second, over minutes of steady work."""
    minutes = 5 if rate >= 60 else 60

    async def steady() -> list[float]:
        codat = Codat()
        await work(Throttle(rate=rate, concurrency=20, wall=wall), codat, workers=20, seconds=minutes * 60)
        return [moment for moment in codat.arrivals if moment < minutes * 60]

    arrivals = run(steady)
    assert worst_minute(arrivals) <= rate
    assert len(arrivals) >= share * rate * minutes


@pytest.mark.parametrize("concurrency", [10, 20, 100])
def test_no_minute_is_over_the_rate_after_a_stall(concurrency: int) -> None:
    """All requests that a stall of three seconds holds up arrive at its end."""

    async def stalled() -> list[float]:
        codat = Codat(stall=(70.0, 73.0))
        throttle = Throttle(rate=1000, concurrency=concurrency, wall=wall)
        await work(throttle, codat, workers=concurrency, seconds=180)
        return codat.arrivals

    assert worst_minute(run(stalled)) <= 1000


def test_a_higher_rate_is_kept_too() -> None:
    """A sandbox may allow 5,000 a minute."""

    async def steady() -> list[float]:
        codat = Codat(latency=0.01)
        await work(Throttle(rate=5000, concurrency=30, wall=wall), codat, workers=30, seconds=120)
        return [moment for moment in codat.arrivals if moment < 120]

    arrivals = run(steady)
    assert worst_minute(arrivals) <= 5000
    assert len(arrivals) >= 0.98 * 5000 * 2


@pytest.mark.parametrize("rate", [1, 60, 1000])
def test_a_run_that_follows_another_continues_at_its_pace(rate: int) -> None:
    """The minute that both share holds no more than the rate."""

    async def twice() -> list[float]:
        codat = Codat()
        await work(Throttle(rate=rate, concurrency=20, wall=wall), codat, workers=20, seconds=30)
        recent = [anyio.current_time() - moment - codat.latency for moment in codat.arrivals]
        second = Throttle(rate=rate, concurrency=20, wall=wall, recent=recent)
        await work(second, codat, workers=20, seconds=120)
        return codat.arrivals

    assert worst_minute(run(twice)) <= rate


def test_a_429_holds_all_requests_until_its_retry_after_has_passed() -> None:
    """It also holds the requests that already wait for a slot, and is reported once."""
    reported: list[Hold] = []

    async def one_rejected() -> list[float]:
        codat = Codat(deque([DONE] * 20 + [rate_limited(retry_after="40")]))
        throttle = Throttle(rate=1000, concurrency=10, wall=wall, on_hold=reported.append)
        await work(throttle, codat, workers=10, seconds=60)
        return codat.arrivals

    arrivals = run(one_rejected)
    assert max(gaps(arrivals)) >= 39.8  # some were in flight when the 429 arrived
    assert [hold.why for hold in reported] == ["Codat asked to wait (429)"]
    assert not [moment for moment in arrivals if 10 < moment < 40]


@pytest.mark.parametrize(
    ("reply", "waits", "code"),
    [
        (rate_limited(retry_after="301"), False, 75),  # longer than five minutes
        (rate_limited(retry_after="299"), False, None),  # not as long
        (rate_limited(retry_after="7200"), True, None),  # the run may wait
        (rate_limited(), False, None),  # without a Retry-After
        (Reply(Outcome.FATAL, 401, problem=Problem("no", "401", "c1")), False, 3),  # the key
        (Reply(Outcome.FATAL, 402, problem=Problem("no", "402")), True, 3),  # the account
        (Reply(Outcome.FATAL, 403, problem=Problem("no", "403")), False, 3),  # no access
        (untrusted("it is not trusted"), True, 75),  # waiting does not change that
    ],
)
def test_some_replies_stop_the_run_and_others_are_waited_for(reply: Reply, waits: bool, code: int | None) -> None:
    """After the reply that stops it, only requests that are already in flight arrive."""

    async def twenty() -> tuple[Stop | None, int]:
        codat = Codat(deque([reply]))
        throttle = Throttle(rate=1000, concurrency=5, wall=wall, waits=waits)
        async with anyio.create_task_group() as group:
            for _ in range(20):
                group.start_soon(_send_or_stop, throttle, codat)
        return throttle.stop, len(codat.arrivals)

    stop, arrivals = run(twenty)
    assert (stop.exit_code if stop else None) == code
    assert arrivals == 20 if code is None else arrivals <= 5


async def _send_or_stop(throttle: Throttle, codat: Codat) -> None:
    with contextlib.suppress(Stopped):
        await send(throttle, codat)


def test_a_retry_after_of_a_year_is_not_honoured_for_more_than_48_hours() -> None:
    """Codat is asked again after two days."""

    async def a_year() -> list[float]:
        codat = Codat(deque([rate_limited(retry_after=str(365 * 86_400))]))
        throttle = Throttle(rate=1000, concurrency=1, wall=wall, waits=True)
        await send(throttle, codat)
        await send(throttle, codat)
        return codat.arrivals

    assert gaps(run(a_year)) == [pytest.approx(48 * AN_HOUR, abs=1)]


@dataclass
class WallClock:
    """A wall clock that can be set, or that continues while the steady clock stops."""

    skew: float = 0.0

    def __call__(self) -> float:
        """Return seconds since 1970."""
        return wall() + self.skew

    async def jump(self, seconds: float, *, after: float) -> None:
        """Move the wall clock after some time."""
        await anyio.sleep(after)
        self.skew += seconds


@pytest.mark.parametrize(
    ("jump", "ends_at"),
    [
        (0.0, 10 * AN_HOUR),
        (11 * AN_HOUR, AN_HOUR),  # the machine slept until after the end: noticed within a minute
        (2 * AN_HOUR, 8 * AN_HOUR),  # it slept for a part of it
        (-30 * 86_400.0, 10 * AN_HOUR),  # the clock was a month ahead and is corrected
        (-600.0, 10 * AN_HOUR),
    ],
)
def test_a_long_wait_reads_the_wall_clock_every_minute(jump: float, ends_at: float) -> None:
    """Ten hours of Retry-After; after one hour the wall clock jumps."""

    async def one_rejected() -> float:
        clock, codat = WallClock(), Codat(deque([rate_limited(retry_after="36000")]))
        throttle = Throttle(rate=1000, concurrency=1, wall=clock, waits=True)
        await send(throttle, codat)
        async with anyio.create_task_group() as group:
            group.start_soon(lambda: clock.jump(jump, after=AN_HOUR))
            await send(throttle, codat)
        return codat.arrivals[-1]

    assert ends_at <= run(one_rejected) <= ends_at + MAX_SLICE + 1


@pytest.mark.parametrize("jump", [11 * AN_HOUR, -30 * 86_400.0])
def test_the_wait_for_the_quota_reads_the_wall_clock_too(jump: float) -> None:
    """The quota is used up ten hours before its reset; after one hour the wall clock jumps."""

    async def one_day() -> float:
        clock, reset = WallClock(), datetime.fromtimestamp(wall() + 10 * AN_HOUR, UTC).isoformat()
        used_up = {"x-rate-limit-limit": "1000", "x-rate-limit-remaining": "0", "x-rate-limit-reset": reset}
        codat = Codat(deque([Reply(Outcome.DONE, 200, headers=used_up)]))
        throttle = Throttle(rate=1000, concurrency=1, wall=clock, waits=True)
        await send(throttle, codat)
        async with anyio.create_task_group() as group:
            group.start_soon(lambda: clock.jump(jump, after=AN_HOUR))
            await send(throttle, codat)
        return codat.arrivals[-1]

    ends_at = AN_HOUR if jump > 0 else 10 * AN_HOUR
    assert ends_at <= run(one_day) <= ends_at + MAX_SLICE + 2


@pytest.mark.parametrize(
    ("noted", "until", "wait"),
    [
        (-60.0, 30.0, 30.0),  # it has not passed yet
        (-60.0, -30.0, 0.0),  # it has
        (30 * 86_400.0, 30 * 86_400.0 + 200.0, 200.0),  # the clock was a month ahead when it was noted
    ],
)
def test_a_retry_after_of_an_earlier_run_is_observed(noted: float, until: float, wait: float) -> None:
    """A clock that was ahead does not lock the batch; what is stored next counts from now."""

    async def another_run() -> tuple[float, tuple[float, float] | None]:
        codat, throttle = Codat(), Throttle(rate=1000, concurrency=1, wall=wall)
        began = wall()
        throttle.resume_hold(began + noted, began + until)
        asked = throttle.asked_until
        await send(throttle, codat)
        return codat.arrivals[0], (asked.noted_at - began, asked.until - began) if asked else None

    arrival, stored = run(another_run)
    assert arrival == pytest.approx(wait, abs=0.1)
    assert stored == ((0.0, wait) if wait else None)


def test_a_long_wait_of_an_earlier_run_stops_the_run_at_once() -> None:
    """The stop has the end of the wait."""

    async def another_run() -> tuple[Stop | None, float]:
        throttle = Throttle(rate=1000, concurrency=1, wall=wall)
        throttle.resume_hold(wall() - 60.0, wall() + AN_HOUR)
        with pytest.raises(Stopped):
            await throttle.reserve(1)
        return throttle.stop, wall()

    stop, now = run(another_run)
    assert stop is not None
    assert stop.exit_code == 75
    assert stop.until == pytest.approx(now + AN_HOUR, abs=1)


@pytest.mark.parametrize(
    ("quota", "reserve", "customers"),
    [
        (1000, 0, 500),  # two requests each
        (1001, 0, 500),  # one cannot be used
        (100, 10, 45),  # without the reserve
    ],
)
def test_the_quota_ends_with_whole_customers_before_it_is_overdrawn(quota: int, reserve: int, customers: int) -> None:
    """No customer is started that cannot be finished today."""

    async def a_day() -> tuple[Stop | None, int]:
        codat = Codat(quota=quota)
        throttle = Throttle(rate=1000, concurrency=10, wall=wall, reserve=reserve)
        await work(throttle, codat, workers=10, requests=2)
        return throttle.stop, len(codat.arrivals)

    stop, arrivals = run(a_day)
    assert stop is not None
    assert stop.exit_code == 75
    assert stop.until is not None
    assert arrivals == 2 * customers


def test_a_run_that_waits_continues_on_the_next_day() -> None:
    """It uses the whole quota of each day, and no request waits for ever."""

    async def three_days() -> Codat:
        codat = Codat(quota=101)
        throttle = Throttle(rate=1000, concurrency=10, wall=wall, waits=True)
        await work(throttle, codat, workers=10, requests=2, seconds=2 * 86_400 + 600)
        return codat

    codat = run(three_days)
    days = [sum(1 for moment in codat.arrivals if moment // 86_400 == day) for day in range(3)]
    assert days == [100, 100, 100]


def test_customers_with_more_and_fewer_requests_never_wait_for_each_other() -> None:
    """A look-up needs three requests, a company two, a link one."""

    async def some_days() -> Codat:
        codat = Codat(quota=97)
        throttle = Throttle(rate=1000, concurrency=6, wall=wall, waits=True)
        async with anyio.create_task_group() as group:
            for number in range(60):
                group.start_soon(send, throttle, codat, number % 3 + 1)
        return codat

    assert len(run(some_days).arrivals) == 120


def test_an_outage_is_probed_by_one_request_at_a_time_and_ends_the_run_after_five_minutes() -> None:
    """The retries of all the customers are not spent on it."""

    async def down() -> tuple[Stop | None, list[float]]:
        codat = Codat(faults=lambda: True)
        throttle = Throttle(rate=1000, concurrency=10, wall=wall)
        await work(throttle, codat, workers=10)
        return throttle.stop, codat.arrivals

    stop, arrivals = run(down)
    assert stop is not None
    assert stop.exit_code == 75
    assert "unreachable" in stop.reason
    assert 300 <= arrivals[-1] <= 310
    probes = [moment for moment in arrivals if moment > 5]
    assert min(gaps(probes[:-1])) > 1  # the last one is sent before the run gives up
    assert max(gaps(arrivals)) <= 10.2  # at least one every ten seconds
    assert len(probes) < 40


@pytest.mark.parametrize(("percent", "least"), [(50, 800), (80, 100)])
def test_in_a_partial_outage_the_work_continues_with_the_requests_that_succeed(percent: int, least: int) -> None:
    """This share of the requests gets no response, for ten minutes."""
    numbers = itertools.count()

    async def partly_down() -> tuple[Stop | None, list[float]]:
        codat = Codat(faults=lambda: sha256(b"%d" % next(numbers)).digest()[0] < percent * 2.56)
        throttle = Throttle(rate=1000, concurrency=10, wall=wall)
        await work(throttle, codat, workers=10, seconds=600)
        return throttle.stop, codat.arrivals

    stop, arrivals = run(partly_down)
    assert stop is None
    assert len(arrivals) > least
    assert max(gaps(arrivals)) <= 10.2
