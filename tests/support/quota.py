"""The requests that a client of the fake Codat may send in a day."""

from __future__ import annotations

import math
from collections.abc import Callable
from email.utils import formatdate

DAY = 86_400


class Quota:
    """Allows `each` requests a day (UTC), times (1 + linked companies). 0 means no limit."""

    def __init__(self, clock: Callable[[], float], each: int, *, linked: Callable[[], int]) -> None:
        self._clock = clock
        self._each = each
        self._linked = linked
        self._day, self._used = -1, 0
        self._reset_date = ""

    def limit(self) -> int:
        """Return today's requests, both used and left."""
        return self._each * (1 + self._linked())

    def use(self) -> bool:
        """Use one request; return False if none was left."""
        if not self._each:
            return True
        self._turn_day()
        if self._used >= self.limit():
            return False
        self._used += 1
        return True

    def seconds_to_reset(self) -> int:
        """Return the whole seconds until the next day, rounded up."""
        return max(1, math.ceil(DAY - self._clock() % DAY))

    def headers(self) -> tuple[tuple[str, str], ...]:
        """Return the headers of every response; none if there is no limit."""
        if not self._each:
            return ()
        self._turn_day()
        limit = self.limit()
        return (
            ("X-Rate-Limit-Limit", str(limit)),
            ("X-Rate-Limit-Remaining", str(max(0, limit - self._used))),
            ("X-Rate-Limit-Reset", self._reset_date),
        )

    def _turn_day(self) -> None:
        today = int(self._clock() // DAY)
        if today != self._day:
            self._day, self._used = today, 0
            self._reset_date = formatdate((today + 1) * DAY, usegmt=True)
