"""The gate on a clock that jumps: rate, holds, quota, outages; minutes of work in no time."""

from __future__ import annotations

import contextlib
import itertools
import math
from collections import deque
from dataclasses import dataclass, field
from datetime import UTC, datetime

import anyio
import pytest
from clock import run, wall

from bulk.codat.responses import Reply, untrusted
from bulk.codat.throttle import Hold, Stopped, Throttle
from bulk.model import Outcome, Problem, Stop

DONE = Reply(Outcome.DONE, 200)


def held(**headers: str) -> Reply:
    """Make a 429."""
    return Reply(Outcome.RATE_LIMITED, 429, headers={name.replace("_", "-"): text for name, text in headers.items()})


@dataclass
class Codat:
    """Answers at once, after `latency` seconds, with the replies in line, then with DONE; writes down who came when."""

    replies: deque[Reply] = field(default_factory=deque)
    latency: float = 0.1
    quota: int | None = None  # of the day
    came: list[float] = field(default_factory=list)
    at_once: int = 0
    most_at_once: int = 0
    used: int = 0
    day: int = 0

    async def answer(self) -> Reply:
        """Take one request in."""
        self.came.append(anyio.current_time())
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        headers = self._count()
        await anyio.sleep(self.latency)
        self.at_once -= 1
        if self.replies:
            return self.replies.popleft()
        return Reply(Outcome.DONE, 200, headers=headers)

    def _count(self) -> dict[str, str]:
        if self.quota is None:
            return {}
        if int(wall() // 86_400) != self.day:
            self.day, self.used = int(wall() // 86_400), 0
        self.used += 1
        assert self.used <= self.quota, "the day's quota is overdrawn"
        reset = datetime.fromtimestamp((wall() // 86_400 + 1) * 86_400, UTC).isoformat()
        return {
            "x-rate-limit-limit": str(self.quota),
            "x-rate-limit-remaining": str(self.quota - self.used),
            "x-rate-limit-reset": reset,
        }


async def ask(throttle: Throttle, codat: Codat, requests: int = 1) -> None:
    """Do for one customer what the engine does: book, then enter, depart, be answered and leave for each request."""
    await throttle.reserve(requests)
    kept = requests
    try:
        while kept:
            await throttle.enter()
            try:
                kept -= 1
                number = throttle.on_sent()
                throttle.on_response(number, await codat.answer(), creates=True)
            finally:
                throttle.leave()
    finally:
        throttle.release(kept)


async def work(throttle: Throttle, codat: Codat, *, workers: int, seconds: float = math.inf, requests: int = 1) -> None:
    """Let so many workers work one customer after the other until the gate closes or the time is over."""

    async def worker() -> None:
        try:
            while anyio.current_time() < seconds:
                await ask(throttle, codat, requests)
        except Stopped:
            pass

    async with anyio.create_task_group() as group:
        for _ in range(workers):
            group.start_soon(worker)


def worst_minute(came: list[float]) -> int:
    """Count the requests of the fullest 60 seconds."""
    first, worst = 0, 0
    for number, moment in enumerate(came):
        while came[first] <= moment - 60:
            first += 1
        worst = max(worst, number - first + 1)
    return worst


@pytest.mark.parametrize(
    ("rate", "share"), [(1, 0.97), (10, 0.97), (60, 0.98), (100, 0.98), (250, 0.98), (600, 0.98), (1000, 0.98)]
)
def test_no_minute_is_over_the_rate_and_little_of_it_is_left(rate: int, share: float) -> None:
    """From the first second, over minutes of steady work."""
    minutes = 5 if rate >= 60 else 60

    async def steady() -> list[float]:
        codat = Codat()
        throttle = Throttle(rate=rate, concurrency=20, wall=wall)
        await work(throttle, codat, workers=20, seconds=minutes * 60)
        return [moment for moment in codat.came if moment < minutes * 60]

    came = run(steady)
    assert worst_minute(came) <= rate
    assert len(came) >= share * rate * minutes


def test_the_highest_rate_is_held_too() -> None:
    """5,000 a minute, which a stand-in may allow."""

    async def steady() -> list[float]:
        codat = Codat(latency=0.01)
        await work(Throttle(rate=5000, concurrency=30, wall=wall), codat, workers=30, seconds=120)
        return [moment for moment in codat.came if moment < 120]

    came = run(steady)
    assert worst_minute(came) <= 5000
    assert len(came) >= 0.98 * 5000 * 2


@pytest.mark.parametrize("rate", [1, 60, 1000])
def test_a_run_that_follows_another_goes_on_at_its_pace(rate: int) -> None:
    """The minute that both share holds no more than the rate."""

    async def twice() -> list[float]:
        codat = Codat()
        await work(Throttle(rate=rate, concurrency=20, wall=wall), codat, workers=20, seconds=30)
        warm = Throttle(rate=rate, concurrency=20, wall=wall, is_warm=True)
        await work(warm, codat, workers=20, seconds=120)
        return codat.came

    assert worst_minute(run(twice)) <= rate


def test_a_429_holds_everybody_until_it_is_over() -> None:
    """Those who were in line as well; and it is said, with its end."""
    said: list[Hold] = []

    async def one_refused() -> list[float]:
        codat = Codat(deque([DONE] * 20 + [held(retry_after="40")]))
        await work(Throttle(rate=1000, concurrency=10, wall=wall, on_hold=said.append), codat, workers=10, seconds=60)
        return codat.came

    came = run(one_refused)
    gap = max(later - earlier for earlier, later in itertools.pairwise(came))
    assert gap >= 39.8  # those in flight had left before it was known
    assert [hold.why for hold in said] == ["Codat asked to wait (429)"]
    assert not [moment for moment in came if 10 < moment < 40]


@pytest.mark.parametrize(
    ("reply", "waits", "code"),
    [
        (held(retry_after="301"), False, 75),  # longer than five minutes
        (held(retry_after="299"), False, None),  # not so long
        (held(retry_after="7200"), True, None),  # told to wait
        (held(), False, None),  # without a word of how long
        (Reply(Outcome.FATAL, 401, problem=Problem("no", "401", "c1")), False, 3),  # the key
        (Reply(Outcome.FATAL, 402, problem=Problem("no", "402")), True, 3),  # the account
        (Reply(Outcome.FATAL, 403, problem=Problem("no", "403")), False, 3),  # no access
        (untrusted("it is not trusted"), True, 75),  # and will not be by waiting
    ],
)
def test_what_stops_everybody_and_what_is_waited_for(reply: Reply, waits: bool, code: int | None) -> None:
    """When it stops, only those already in flight follow."""

    async def twenty() -> tuple[Stop | None, int]:
        codat = Codat(deque([reply]))
        throttle = Throttle(rate=1000, concurrency=5, wall=wall, waits=waits)
        async with anyio.create_task_group() as group:
            for _ in range(20):
                group.start_soon(_ask_or_stop, throttle, codat)
        return throttle.stop, len(codat.came)

    stop, came = run(twenty)
    assert (stop.exit_code if stop else None) == code
    assert came == 20 if code is None else came <= 5


async def _ask_or_stop(throttle: Throttle, codat: Codat) -> None:
    with contextlib.suppress(Stopped):
        await ask(throttle, codat)


@pytest.mark.parametrize(
    ("quota", "reserve", "customers"),
    [
        (1000, 0, 500),  # two requests each
        (1001, 0, 500),  # one that nobody can use
        (100, 10, 45),  # less what is to be left
    ],
)
def test_the_quota_ends_with_whole_customers_before_it_is_overdrawn(quota: int, reserve: int, customers: int) -> None:
    """No customer is begun that cannot be finished today."""

    async def a_day() -> tuple[Stop | None, int]:
        codat = Codat(quota=quota)
        throttle = Throttle(rate=1000, concurrency=10, wall=wall, reserve=reserve)
        await work(throttle, codat, workers=10, requests=2)
        return throttle.stop, len(codat.came)

    stop, came = run(a_day)
    assert stop is not None
    assert stop.exit_code == 75
    assert stop.until is not None
    assert came == 2 * customers


def test_whoever_waits_goes_on_with_the_new_day() -> None:
    """Day after day, each to its last customer; nobody waits for ever."""

    async def three_days() -> Codat:
        codat = Codat(quota=101)
        throttle = Throttle(rate=1000, concurrency=10, wall=wall, waits=True)
        await work(throttle, codat, workers=10, requests=2, seconds=2 * 86_400 + 600)
        return codat

    codat = run(three_days)
    days = [sum(1 for moment in codat.came if moment // 86_400 == day) for day in range(3)]
    assert days == [100, 100, 100]


def test_customers_who_need_more_and_less_never_wait_for_each_other() -> None:
    """Whoever books gives back first what it has: a look-up needs three, a company two, a link one."""

    async def a_day() -> Codat:
        codat = Codat(quota=97)
        throttle = Throttle(rate=1000, concurrency=6, wall=wall, waits=True)
        async with anyio.create_task_group() as group:
            for number in range(120):
                group.start_soon(ask, throttle, codat, number % 3 + 1)
        return codat

    assert len(run(a_day).came) == 240


def test_an_outage_is_probed_by_one_at_a_time_and_ends_the_run_after_five_minutes() -> None:
    """It does not grind through every customer's retries."""
    lost = Reply(Outcome.UNKNOWN, problem=Problem("no answer", "no answer"))

    async def down() -> tuple[Stop | None, list[float]]:
        codat = Codat(deque([lost] * 10_000))
        throttle = Throttle(rate=1000, concurrency=10, wall=wall)
        await work(throttle, codat, workers=10)
        return throttle.stop, codat.came

    stop, came = run(down)
    assert stop is not None
    assert stop.exit_code == 75
    assert "out of reach" in stop.reason
    assert 300 <= came[-1] <= 310
    probes = [moment for moment in came if moment > 5]
    assert len(probes) < 20
    assert min(later - earlier for earlier, later in itertools.pairwise(probes)) > 1
