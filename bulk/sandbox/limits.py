"""Codat's limits: requests in a minute, requests in a day (https://docs.codat.io/using-the-api/rate-limits)."""

from __future__ import annotations

import math
from collections import deque

from bulk.sandbox.clock import Clock, http_date
from bulk.sandbox.store import Store

WINDOW_SECONDS = 60.0


class MinuteWindow:
    """At most `limit` admitted requests in any 60 seconds; 0 is no limit. Times are monotonic seconds."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._admitted: deque[float] = deque()

    def admit(self, now: float) -> float:
        """Admit a request and return 0, or return the seconds until there is room."""
        if not self._limit:
            return 0.0
        while self._admitted and self._admitted[0] <= now - WINDOW_SECONDS:
            self._admitted.popleft()
        if len(self._admitted) >= self._limit:
            return self._admitted[0] + WINDOW_SECONDS - now
        self._admitted.append(now)
        return 0.0


class DayQuota:
    """At most `base` x (1 + linked companies) requests a day; a base of 0 is no limit.

    The count is kept in the store, with the work of the next request, so that a restart does not begin a new day.
    """

    def __init__(self, store: Store, clock: Clock, *, base: int, day_seconds: float) -> None:
        self._store = store
        self._clock = clock
        self._base = base
        self._day_seconds = day_seconds
        day, _, used = (store.note("quota") or "0:0").partition(":")
        self._day, self._used = int(day), int(used)

    def spend(self) -> bool:
        """Spend one request of today's quota; return whether one was left."""
        if not self._base:
            return True
        self._turn_day()
        if self._used >= self.limit():
            return False
        self._used += 1
        return True

    def save(self) -> None:
        """Keep the count; the caller holds a transaction."""
        self._store.keep_note("quota", f"{self._day}:{self._used}")

    def limit(self) -> int:
        """Return the number of requests that today allows."""
        return self._base * (1 + self._store.count_linked())

    def seconds_to_reset(self) -> int:
        """Return the whole seconds until the next day, rounded up."""
        return max(1, math.ceil(self._reset_at() - self._clock.now()))

    def headers(self) -> tuple[tuple[str, str], ...]:
        """Return the headers that every response carries; none without a limit."""
        if not self._base:
            return ()
        self._turn_day()
        limit = self.limit()
        return (
            ("X-Rate-Limit-Limit", str(limit)),
            ("X-Rate-Limit-Remaining", str(max(0, limit - self._used))),
            ("X-Rate-Limit-Reset", http_date(math.ceil(self._reset_at()))),
        )

    def _reset_at(self) -> float:
        return (self._today() + 1) * self._day_seconds

    def _today(self) -> int:
        return int(self._clock.now() // self._day_seconds)

    def _turn_day(self) -> None:
        today = self._today()
        if today != self._day:
            self._day, self._used = today, 0
