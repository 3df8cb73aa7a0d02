"""Limits the requests of any minute. PURE: times are seconds of one steady clock.

Codat allows 1,000 requests a minute from one IP address, in a sliding window
(https://docs.codat.io/using-the-api/rate-limits). Two rules apply to each request:

- A bucket spreads the requests: a few at once, then one in each interval. The throttle uses aiolimiter's.
- A request counts from the moment it starts until a minute after it has ended, and no more than `rate` requests count
  at once. Codat receives a request between its start and its end. So of all requests that Codat receives in one minute,
  the one that starts last starts while all the others still count, and together they are at most `rate`. This holds at
  any concurrency, and after any stall of the network that lets requests bunch up.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable

WINDOW = 60.1  # seconds: Codat's minute, and a margin in case Codat's clock is slower


def bucket(rate: int) -> tuple[int, float]:
    """Return the number of requests that may leave at once, and the seconds until the same number may leave again.

    A full bucket and the minute after it stay 1% below the rate, so with a normal latency the window never waits.
    """
    burst = max(1, rate // 250)
    return burst, 60.0 * burst / max(0.985 * rate, 0.99 * rate - burst)


class RateWindow:
    """Counts the requests of the last minute."""

    def __init__(self, rate: int, *, ended: Iterable[float] = ()) -> None:
        """Create a window. `ended` has the times at which requests of earlier runs ended, oldest first."""
        self._rate = rate
        self._running = 0
        self._ended = deque(ended)

    def wait(self, now: float) -> float:
        """Return the seconds until a request may start, or infinity if a running one has to end first."""
        while self._ended and self._ended[0] + WINDOW <= now:  # the same sum as below, so it rounds alike
            self._ended.popleft()
        if self._running + len(self._ended) < self._rate:
            return 0.0
        return self._ended[0] + WINDOW - now if self._ended else math.inf

    def start(self) -> None:
        """Count a request that starts now."""
        self._running += 1

    def end(self, now: float) -> None:
        """Count a request as ended: its response has arrived, or nothing of it can leave any more."""
        self._running -= 1
        self._ended.append(now)
