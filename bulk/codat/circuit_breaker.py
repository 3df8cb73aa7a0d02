"""Detects from the outcomes of requests that Codat is down for everybody. No I/O, no clock.

A few faults may concern one customer only. As many faults in a row as there are requests in flight, without a success
for any customer, mean that Codat is down, and the breaker trips. Then all requests pause, one request at a time tests
whether Codat is back, and after five minutes without a success the run stops. A success resets everything, so in a
partial outage the work continues with the requests that succeed.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from bulk.model import Outcome

MIN_FAULTS = 5
MIN_PAUSE = 1.0  # seconds
MAX_PAUSE = 10.0  # seconds: at least this often, a request tests whether Codat is back
GIVE_UP_AFTER = 300.0  # seconds

SUCCESSES = (Outcome.DONE, Outcome.REJECTED, Outcome.FATAL)  # Codat responds
FAULTS = (Outcome.UNKNOWN, Outcome.SERVER_ERROR, Outcome.NOT_SENT)


@dataclass
class CircuitBreaker:
    """Counts consecutive faults. Times are seconds of one steady clock."""

    concurrency: int
    faults: int = 0
    first_fault_at: float = 0.0
    _pause: float = 0.0
    _paused_until: float = -math.inf
    _has_failed_to_create: bool = False  # one of the faults was that of a request that creates something

    @property
    def is_tripped(self) -> bool:
        """Whether Codat is considered down."""
        return self.faults >= max(MIN_FAULTS, self.concurrency)

    def on_outcome(self, outcome: Outcome, now: float, *, creates: bool) -> float:
        """Record an outcome; return the seconds for which all requests must pause.

        After a failed request that creates something, only another such request proves that Codat works: look-ups may
        succeed while every POST fails.
        """
        if outcome in SUCCESSES and (creates or not self._has_failed_to_create):
            self.faults, self._pause, self._paused_until = 0, 0.0, -math.inf
            self._has_failed_to_create = False
        elif outcome in FAULTS:
            return self._on_fault(now, creates=creates)
        return 0.0

    def _on_fault(self, now: float, *, creates: bool) -> float:
        if not self.faults:
            self.first_fault_at = now
        self.faults += 1
        self._has_failed_to_create = self._has_failed_to_create or creates
        if not self.is_tripped or now < self._paused_until:  # a request from before the pause proves nothing new
            return 0.0
        self._pause = min(max(2 * self._pause, MIN_PAUSE), MAX_PAUSE)
        pause = min(self._pause, max(self.first_fault_at + GIVE_UP_AFTER - now, 0.0))
        self._paused_until = now + pause
        return pause

    def is_hopeless(self, now: float) -> bool:
        """Return whether Codat has been down for too long to wait any longer."""
        return self.is_tripped and now - self.first_fault_at >= GIVE_UP_AFTER
