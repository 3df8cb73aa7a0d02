"""The throttle that every request of a run passes. Only the throttle waits; `limits` calculates the waits.

Long waits are divided into slices of at most a minute. After each, both clocks are read again, because laptops sleep
and clocks are corrected.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import Self

import anyio
from aiolimiter import AsyncLimiter

from bulk.codat.blockade import Blockade
from bulk.codat.circuit_breaker import CircuitBreaker
from bulk.codat.deadline import Deadline, Now, remaining_wait
from bulk.codat.limits import Hold, Limits
from bulk.codat.quota import Budget
from bulk.codat.rate import bucket
from bulk.codat.responses import Reply
from bulk.model import Stop

MAX_HOLD = 300.0  # seconds: a longer hold stops the run, unless `waits` is set
MAX_SLICE = 60.0  # seconds


class Stopped(Exception):  # noqa: N818 - not an error: the run ends in order
    """The throttle is closed: no further request leaves."""


class Throttle:
    """Reserves quota for customers, and gives each request a slot when it is its turn."""

    def __init__(
        self,
        *,
        rate: int,
        concurrency: int,
        wall: Callable[[], float],
        reserve: int = 0,
        waits: bool = False,
        recent: Iterable[float] = (),
        on_hold: Callable[[Hold], None] = lambda _: None,
    ) -> None:
        """Create an open throttle. An event loop must be running.

        `rate` is in requests a minute. `wall` returns seconds since 1970. `reserve` is the number of requests of the
        daily quota to leave unused. With `waits`, the throttle waits even for the reset of the quota. `recent` has the
        seconds since requests of earlier runs ended, oldest first. `on_hold` is called for every hold that is long
        enough to report.
        """
        self.closed = anyio.Event()
        self._steady = asyncio.get_running_loop().time  # takes a fifth of the time of anyio.current_time
        self._wall = wall
        self._limits = Limits(
            rate=rate,
            concurrency=concurrency,
            reserve=reserve,
            max_hold=math.inf if waits else MAX_HOLD,
            on_hold=on_hold,
            ended=[self._steady() - seconds for seconds in recent],
        )
        self._bucket = AsyncLimiter(*bucket(rate))
        self._spreading = anyio.CancelScope()
        self._line = asyncio.Lock()  # first come, first served; only the first in line is awake
        self._changed = asyncio.Event()
        self._waiting = 0  # tasks that wait for `_changed`

    @property
    def budget(self) -> Budget:
        """The budget of the daily quota."""
        return self._limits.budget

    @property
    def breaker(self) -> CircuitBreaker:
        """The circuit breaker."""
        return self._limits.breaker

    @property
    def blockade(self) -> Blockade:
        """The record of blocked requests."""
        return self._limits.blockade

    @property
    def stop(self) -> Stop | None:
        """The reason why the throttle is closed, or None if it is open."""
        return self._limits.stop

    @property
    def asked_until(self) -> Deadline | None:
        """The end of the longest Retry-After that a response contained."""
        return self._limits.asked_until

    @property
    def is_open(self) -> bool:
        """Whether a request that has a slot may still leave."""
        return self._limits.stop is None and not self._limits.hold(self.now())

    def resume_hold(self, noted_at: float, until: float) -> None:
        """Observe a Retry-After of an earlier run. Both times are in seconds since 1970."""
        now = self.now()
        self._limits.resume_hold(remaining_wait(noted_at, until, now.wall), now)
        self._notify()

    def hold(self, seconds: float, why: str) -> None:
        """Let no request leave for this long."""
        self._limits.hold_for(seconds, why, self.now())
        self._notify()

    def close(self, stop: Stop) -> None:
        """Let no further request leave. The first reason is kept."""
        self._limits.close(stop)
        self._notify()

    async def reserve(self, requests: int) -> None:
        """Wait until the daily quota has room for this many requests, and reserve them. Raises Stopped."""
        while wait := self._or_stop(self._limits.wait_for_quota(requests, self.now())):
            await self._sleep(wait)
        self._limits.budget.reserved += requests

    def release(self, requests: int) -> None:
        """Return reserved requests that are not needed."""
        self._limits.budget.reserved -= requests
        self._notify()

    async def enter(self) -> None:
        """Wait for a slot for one request. Raises Stopped. Each `enter` needs a `leave`."""
        async with self._line:
            await self._spread()
            while wait := self._or_stop(self._limits.wait_for_slot(self.now())):
                await self._sleep(wait)
            self._limits.take_slot()

    async def _spread(self) -> None:
        """Wait for the bucket. Raises Stopped, even during the wait."""
        if self._bucket.has_capacity():  # without a wait, no scope is needed to cancel it, and a scope takes time
            await self._bucket.acquire()
            return
        with anyio.CancelScope() as self._spreading:
            await self._bucket.acquire()
        self._or_stop(0.0)

    def leave(self) -> None:
        """Free a slot: the response has arrived, or the request was not sent."""
        self._limits.free_slot(self.now())
        self._notify()

    def on_sent(self) -> int:
        """Count a reserved request as sent; return its number, for `on_response`."""
        self._limits.budget.reserved -= 1
        return self._limits.budget.on_sent()

    def on_response(self, number: int, reply: Reply, *, creates: bool, is_repeat: bool = False) -> None:
        """Apply the limits and the outcome of a reply. `creates` means that the request was to create something.

        `is_repeat` means that the same customer was blocked before.
        """
        self._limits.on_response(number, reply, self.now(), creates=creates, is_repeat=is_repeat)
        self._notify()

    def now(self) -> Now:
        """Return the present time by both clocks."""
        return Now(self._steady(), self._wall())

    def _or_stop(self, wait: float) -> float:
        if self._limits.stop is not None:
            self._notify()
            raise Stopped
        return wait

    async def _sleep(self, seconds: float) -> None:
        """Wait until something changes, but no longer than `seconds` or one slice."""
        self._waiting += 1
        try:
            if seconds == math.inf:  # most waits; a scope takes time
                await self._changed.wait()
            else:
                with anyio.move_on_after(min(seconds, MAX_SLICE)):
                    await self._changed.wait()
        finally:
            self._waiting -= 1

    def _notify(self) -> None:
        """Wake all waiting tasks, because something has changed."""
        if self._limits.stop is not None and not self.closed.is_set():
            self.closed.set()
            self._spreading.cancel()
        if self._waiting:
            self._changed.set()
            self._changed = asyncio.Event()


class Slot:
    """The slot of one request. This async context manager can free the slot before its block ends."""

    def __init__(self, throttle: Throttle) -> None:
        """Create a slot, which begins when the context is entered. Raises Stopped then."""
        self._throttle = throttle
        self._is_taken = False

    async def __aenter__(self) -> Self:
        await self._throttle.enter()
        self._is_taken = True
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.end()

    def end(self) -> None:
        """Free the slot. The response has arrived, and the rest of the work does not need Codat."""
        if self._is_taken:
            self._is_taken = False
            self._throttle.leave()
