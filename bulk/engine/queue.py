"""Selects the next customer: customers from the journal in order, and those that wait for another try.

Memory is bounded: one page of the journal and about MAX_DEFERRED waiting customers, for a batch of any size.
"""

from __future__ import annotations

import heapq
import itertools
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import anyio

from bulk.model import CustomerRecord

MAX_DEFERRED = 1000
MIN_WAIT = 0.001  # seconds: avoids a busy loop if a timer fires too early


@dataclass(frozen=True, slots=True)
class Item:
    """A customer in progress, and this run's tries for it."""

    customer: CustomerRecord
    tries: int = 0  # passing faults in a row
    since: float | None = None  # time of the first of them


@dataclass(order=True)
class _Deferred:
    due: float  # by the loop's clock, which is never set
    number: int
    item: Item = field(compare=False)


class CustomerQueue:
    """Hands out customers to workers. A worker hands each one back with `defer` or `done`."""

    def __init__(self, feed: Callable[[], Awaitable[list[CustomerRecord]]], wall: Callable[[], float]) -> None:
        """Create a queue. `feed` returns pages of customers, the last one empty; `wall` returns seconds since 1970."""
        self._feed = feed
        self._wall = wall
        self._page: deque[CustomerRecord] = deque()
        self._feeding = anyio.Lock()
        self._is_fed = False
        self._is_closed = False
        self._deferred: list[_Deferred] = []
        self._numbers = itertools.count()
        self._in_progress = 0
        self._changed = anyio.Event()

    async def next(self) -> Item | None:
        """Wait for the next customer that is due; return None if no customer is left, or after `close`."""
        while not self._is_closed:
            if self._deferred and self._deferred[0].due <= anyio.current_time():
                self._in_progress += 1
                return heapq.heappop(self._deferred).item
            if len(self._deferred) < MAX_DEFERRED and (customer := await self._from_feed()) is not None:
                self._in_progress += 1
                return Item(customer)
            is_over = self._is_fed and not self._page and not self._deferred and not self._in_progress
            if is_over or self._is_closed:  # the queue may have been closed while a page was read
                break
            await self._wait()
        self.close()
        return None

    def defer(self, item: Item, due: float) -> None:
        """Take a customer back, and hand it out again when it is due. `due` is in seconds since 1970."""
        wait = due - self._wall()
        heapq.heappush(self._deferred, _Deferred(anyio.current_time() + wait, next(self._numbers), item))
        self.done()

    def done(self) -> None:
        """Mark one customer as no longer in progress."""
        self._in_progress -= 1
        self._notify()

    def close(self) -> None:
        """Stop handing out customers."""
        self._is_closed = True
        self._notify()

    async def _from_feed(self) -> CustomerRecord | None:
        if not self._page and not self._is_fed:
            async with self._feeding:
                if not self._page and not self._is_fed:
                    self._page.extend(await self._feed())
                    self._is_fed = not self._page
        return self._page.popleft() if self._page else None

    async def _wait(self) -> None:
        """Sleep until the next deferred customer is due or something has changed."""
        delay = self._deferred[0].due - anyio.current_time() if self._deferred else float("inf")
        with anyio.move_on_after(max(delay, MIN_WAIT)):
            await self._changed.wait()

    def _notify(self) -> None:
        self._changed.set()
        self._changed = anyio.Event()
