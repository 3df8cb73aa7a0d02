"""Limits the number of concurrent requests. No I/O, no clock.

Codat allows 10 at once for each linked company and responds 429 to more (https://docs.codat.io/using-the-api/rate-limits),
but it does not report its count. So a 429 halves the limit, and every 20 successes raise it by one.
"""

from __future__ import annotations

from dataclasses import dataclass, field

SUCCESSES_A_STEP = 20
MAX_429S = 30  # in a row without a success: waiting longer does not help
MAX_BACKOFF = 60.0  # seconds


@dataclass
class ConcurrencyLimit:
    """The limit. It is halved by a 429 and then grows slowly, up to `maximum`."""

    maximum: int
    allowed: int = field(init=False)
    rejections: int = 0  # 429s in a row
    _successes: int = 0  # since the last 429

    def __post_init__(self) -> None:
        self.allowed = self.maximum

    @property
    def backoff(self) -> float:
        """The seconds to wait after a 429 without a Retry-After."""
        return min(2.0 ** min(self.rejections, 6), MAX_BACKOFF)

    @property
    def is_hopeless(self) -> bool:
        """Whether waiting no longer helps."""
        return self.rejections > MAX_429S

    def on_429(self) -> None:
        """Halve the limit after a 429."""
        self.rejections += 1
        self.allowed = max(1, self.allowed // 2)
        self._successes = 0

    def probe(self) -> None:
        """Allow one request at once until there are successes again."""
        self.allowed = 1
        self._successes = 0

    def on_success(self) -> None:
        """Count a success, which may raise the limit."""
        self.rejections = 0
        self._successes += 1
        if self.allowed < self.maximum and self._successes % SUCCESSES_A_STEP == 0:
            self.allowed += 1
