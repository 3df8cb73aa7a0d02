"""The checks in front of every operation: the key and Codat's limits.

https://docs.codat.io/using-the-api/authentication, https://docs.codat.io/using-the-api/rate-limits
"""

from __future__ import annotations

import base64
import hmac
import math
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

from bulk.sandbox.bodies import Response, error
from bulk.sandbox.clock import Clock, http_date
from bulk.sandbox.faults import Rule
from bulk.sandbox.options import API_KEY, Options
from bulk.sandbox.store import Store

WINDOW_SECONDS = 60.0
_AUTHORIZATION = b"Basic " + base64.b64encode(API_KEY.encode())


class MinuteWindow:
    """Admits at most `limit` requests in any 60 seconds; 0 means no limit. Times are monotonic seconds."""

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
    """Allows at most `base` x (1 + linked companies) requests a day; a base of 0 means no limit.

    The count is saved in the store, with the work of the next request, so that a restart does not reset it.
    """

    def __init__(self, store: Store, clock: Clock, *, base: int, day_seconds: float) -> None:
        self._store = store
        self._clock = clock
        self._base = base
        self._day_seconds = day_seconds
        day, _, used = (store.note("quota") or "0:0").partition(":")
        self._day, self._used = int(day), int(used)

    def spend(self) -> bool:
        """Spend one request of today's quota; return False if none is left."""
        if not self._base:
            return True
        self._turn_day()
        if self._used >= self.limit():
            return False
        self._used += 1
        return True

    def save(self) -> None:
        """Save the count; the caller holds a transaction."""
        self._store.keep_note("quota", f"{self._day}:{self._used}")

    def limit(self) -> int:
        """Return the number of requests allowed today."""
        return self._base * (1 + self._store.count_linked())

    def seconds_to_reset(self) -> int:
        """Return the whole seconds until the next day, rounded up."""
        return max(1, math.ceil(self._reset_at() - self._clock.now()))

    def headers(self) -> tuple[tuple[str, str], ...]:
        """Return the headers that every response carries, or none if there is no limit."""
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
        if (today := self._today()) != self._day:
            self._day, self._used = today, 0


class Gate:
    """Lets a request through, or refuses it."""

    def __init__(self, clock: Clock, quota: DayQuota, options: Options) -> None:
        self._clock = clock
        self._quota = quota
        self._minute = MinuteWindow(options.rate)
        self._max_concurrent = options.max_concurrent
        self._inside = 0

    @contextmanager
    def entered(self) -> Iterator[None]:
        """Count a request among the concurrent ones while it is answered."""
        self._inside += 1
        try:
            yield
        finally:
            self._inside -= 1

    def refusal(self, authorization: str) -> Response | None:
        """Return the response that refuses a request, or None. A request that passes spends one of today's quota."""
        if not hmac.compare_digest(authorization.encode(), _AUTHORIZATION):
            return error(401, "Unauthorized")
        wait_seconds = self._minute.admit(time.monotonic())
        if wait_seconds:
            return self.too_many("Too many requests in a minute.", wait_seconds)
        if self._max_concurrent and self._inside > self._max_concurrent:
            return self.too_many("Too many concurrent requests.", 1)
        if not self._quota.spend():
            return self.too_many("The requests of the day are used up.", self._quota.seconds_to_reset())
        return None

    def too_many(self, message: str, seconds: float, form: str = "seconds") -> Response:
        """Return a 429 response with Retry-After in the given form."""
        value = {
            "seconds": str(math.ceil(seconds)),
            "date": http_date(math.ceil(self._clock.now() + seconds)),
            "nonsense": "soon",
        }.get(form)
        return error(429, message, headers={"Retry-After": value} if value else {})

    def fault(self, rule: Rule) -> Response:
        """Return the 429 response of a fault."""
        return self.too_many("Too many requests (a fault of the sandbox).", rule.seconds, rule.retry_after)
