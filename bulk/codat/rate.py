"""How many requests may leave in a minute. No I/O, no clock: times are seconds of one steady clock.

Codat allows 1,000 requests a minute from one IP address, in a sliding window
(https://docs.codat.io/using-the-api/rate-limits). Two rules apply to each request:

- A bucket spreads the requests: a few at once, then one every `interval`.
- A request counts from the moment it starts until a minute after it has ended, and no more than `rate` requests count
  at once. Codat receives a request between its start and its end. So of all requests that Codat receives in one minute,
  the one that starts last starts while all the others still count, and together they are at most `rate`. This holds at
  any concurrency, and after any stall of the network that lets requests bunch up.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable

WINDOW = 60.1  # seconds: Codat's minute, and a little more in case Codat's clock is slower


def bucket(rate: int) -> tuple[int, float]:
    """Return how many requests may leave at once, and the seconds in which one more is allowed.

    A full bucket and the minute after it stay 1% below the rate, so a normal latency never makes the window wait.
    """
    burst = max(1, rate // 250)
    return burst, 60.0 / max(0.985 * rate, 0.99 * rate - burst)


class RateLimiter:
    """Decides when the next request may start."""

    def __init__(self, rate: int, *, ended: Iterable[float] = ()) -> None:
        """Create a limiter. `ended`: when the latest requests of an earlier run ended, oldest first."""
        self._rate = rate
        self._burst, self._interval = bucket(rate)
        self._running = 0
        self._ended = deque(ended)
        # The time at which the bucket is full again; after an earlier run it starts empty.
        self._full_at = self._ended[-1] + self._burst * self._interval if self._ended else -math.inf

    def wait(self, now: float) -> float:
        """Return the seconds until a request may start; infinity if one that is running has to end first."""
        while self._ended and self._ended[0] <= now - WINDOW:
            self._ended.popleft()
        if self._running + len(self._ended) < self._rate:
            window = 0.0
        elif self._ended:
            window = self._ended[0] + WINDOW - now
        else:
            window = math.inf
        return max(window, self._full_at - (self._burst - 1) * self._interval - now, 0.0)

    def start(self, now: float) -> None:
        """Count a request that starts now."""
        self._running += 1
        self._full_at = max(self._full_at, now) + self._interval

    def end(self, now: float) -> None:
        """Note that a request has ended: its response has arrived, or nothing of it can leave any more."""
        self._running -= 1
        self._ended.append(now)
