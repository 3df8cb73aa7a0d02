"""The rate holds in every window of 60 seconds, whatever delays the requests on their way."""

from __future__ import annotations

import heapq
import math
import random
from bisect import bisect_left
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bulk.codat.rate import RateWindow, bucket

LATENCY = 0.1  # seconds


@dataclass
class Network:
    """Sends requests as fast as the window and the concurrency allow; a stall delays all that start in it."""

    rate: int
    concurrency: int
    stalls: list[tuple[float, float]] = field(default_factory=list)  # from, to
    now: float = 0.0
    spans: list[tuple[float, float]] = field(default_factory=list)  # from its start to its end, of each request
    _running: list[tuple[float, float]] = field(default_factory=list)  # a heap: when it ends, and when it started

    def send(self, window: RateWindow, *, until: float) -> None:
        """Send requests until this time, and wait for the last responses."""
        while (wait := self._wait(window)) + self.now < until:
            self._go_to(self.now + wait, window)
            if not self._wait(window):
                self._start(window)
        self._go_to(math.inf, window)

    def _wait(self, window: RateWindow) -> float:
        first_end = self._running[0][0] - self.now if self._running else math.inf
        if len(self._running) >= self.concurrency:
            return first_end
        return min(window.wait(self.now), first_end) if window.wait(self.now) else 0.0

    def _start(self, window: RateWindow) -> None:
        window.start()
        ends = max([self.now, *(end for begin, end in self.stalls if begin <= self.now < end)]) + LATENCY
        heapq.heappush(self._running, (ends, self.now))

    def _go_to(self, moment: float, window: RateWindow) -> None:
        while self._running and self._running[0][0] <= moment:
            end, start = heapq.heappop(self._running)
            self.now = max(self.now, end)
            window.end(end)
            self.spans.append((start, end))
        if moment < math.inf:
            self.now = moment


def worst_minute(spans: list[tuple[float, float]]) -> int:
    """Return the largest number of requests that could arrive within 60 seconds: at any moment from start to end."""
    ends = sorted(end for _, end in spans)
    starts = sorted(start for start, _ in spans)
    # A window that begins when a request ends; those that have ended before it or start after it cannot be in it.
    return max(bisect_left(starts, end + 60.0) - bisect_left(ends, end) for end in ends)


@pytest.mark.parametrize("concurrency", [1, 10, 20, 100, 2000])
@pytest.mark.parametrize("stall", [3.0, 30.0, 59.0, 61.0, 300.0])
def test_a_stall_makes_no_minute_exceed_the_rate(concurrency: int, stall: float) -> None:
    """All requests that were held up arrive together, and the work continues at once."""
    network = Network(1000, concurrency, [(70.0, 70.0 + stall)])
    network.send(RateWindow(1000), until=200.0 + stall)
    assert worst_minute(network.spans) <= 1000
    assert len(network.spans) > 1000


@settings(max_examples=80, deadline=None)
@given(
    rate=st.integers(1, 60) | st.sampled_from([100, 250, 1000]),
    concurrency=st.integers(1, 100) | st.sampled_from([1000]),
    stalls=st.lists(st.tuples(st.floats(0, 200), st.floats(0, 200)), max_size=4),
)
def test_no_stalls_make_any_minute_exceed_the_rate(
    rate: int, concurrency: int, stalls: list[tuple[float, float]]
) -> None:
    """The rates are small, and more requests run at once than a minute may have."""
    network = Network(rate, concurrency, [(begin, begin + seconds) for begin, seconds in stalls])
    network.send(RateWindow(rate), until=400.0)
    assert worst_minute(network.spans) <= rate


@settings(max_examples=60, deadline=None)
@given(rate=st.integers(1, 40), concurrency=st.integers(1, 60), rng=st.randoms(use_true_random=False))
def test_no_order_of_starts_and_ends_makes_any_minute_exceed_the_rate(
    rate: int, concurrency: int, rng: random.Random
) -> None:
    """A request may arrive at any moment between its start and its end, and may take any time."""
    window, now = RateWindow(rate), 0.0
    running: list[float] = []
    spans: list[tuple[float, float]] = []
    for _ in range(300):
        now += rng.choice([0.0, 0.0, 0.1, 1.0, 20.0]) * rng.random()
        if len(running) < concurrency and not window.wait(now):
            window.start()
            running.append(now)
        elif running and rng.random() < 0.5:
            window.end(now)
            spans.append((running.pop(rng.randrange(len(running))), now))
    spans += [(start, now) for start in running]
    assert not spans or worst_minute(spans) <= rate


@pytest.mark.parametrize(
    ("rate", "concurrency", "share"),
    [
        *((rate, 10, 0.97) for rate in (1, 2, 10, 30)),
        *((rate, 10, 0.98) for rate in (60, 100, 250, 600, 1000, 5000)),
        (1000, 1000, 0.98),  # a high concurrency costs nothing while responses are fast
        (5, 100, 0.97),
    ],
)
def test_little_of_the_rate_is_left_unused(rate: int, concurrency: int, share: float) -> None:
    """After the first burst, steady work uses nearly all of it."""
    minutes = 5 if rate >= 60 else 120
    network = Network(rate, concurrency)
    network.send(RateWindow(rate), until=minutes * 60.0)
    assert share * rate * minutes <= len(network.spans) <= rate * minutes


@pytest.mark.parametrize("rate", [1, 2, 3, 10, 60, 100, 250, 600, 1000, 5000])
def test_the_bucket_is_small_and_stays_just_below_the_rate(rate: int) -> None:
    """A run does not begin with a minute's worth of requests in one second, and uses nearly all of the rate later."""
    burst, seconds = bucket(rate)
    in_a_minute = 60.0 * burst / seconds
    assert 1 <= burst <= max(1, rate / 100)
    assert 0.97 * rate <= in_a_minute < rate
    assert rate <= 100 or burst + in_a_minute <= 0.9901 * rate


@pytest.mark.parametrize("rate", [1, 60, 1000])
def test_a_run_that_follows_another_continues_at_its_pace(rate: int) -> None:
    """The minute that both share stays within the rate, also after a stall at the end of the first run."""
    first = Network(rate, 100, [(25.0, 30.0)])
    first.send(RateWindow(rate), until=30.0)
    second = Network(rate, 100, now=first.now)
    second.send(RateWindow(rate, ended=sorted(end for _, end in first.spans)), until=150.0)
    assert worst_minute(first.spans + second.spans) <= rate
    assert len(second.spans) >= 0.9 * rate


def test_with_as_many_requests_running_as_a_minute_may_have_the_next_waits_for_a_response() -> None:
    """Its time is unknown before one of them has ended."""
    window = RateWindow(1)
    window.start()
    assert window.wait(1000.0) == math.inf
    window.end(1000.0)
    assert window.wait(1001.0) == pytest.approx(59.1)
