"""Detects from the outcomes of requests that Codat is down for everybody, or for most. No I/O, no clock.

A few faults may concern one customer only. As many faults in a row as there are requests in flight, or faults of half
of the last twenty requests, mean that Codat is down, wholly or in part, and the breaker trips. Then fewer requests
leave at once, in proportion to the share that succeeds. Each fault pauses all requests, longer each time but at most
ten seconds; a success ends the pauses, and the next ones start small again. So in a partial outage the work continues
with the requests that succeed. Ten successes in a row end it, and five minutes without a success end the run.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, field

from bulk.model import Outcome

MIN_FAULTS = 5
WINDOW = 20  # requests of which half must succeed
RECOVERY = 10  # successes in a row
MIN_PAUSE = 1.0  # seconds
GOOD_SHARE = 0.4  # of the latest requests succeed: then the work continues at nearly its usual pace
MIN_PAUSE_OF_GOOD = 0.1  # seconds
MAX_PAUSE = 10.0  # seconds: at least this often, a request tests whether Codat is back
GIVE_UP_AFTER = 300.0  # seconds
MIN_FAILED_CREATIONS = 20  # in a row, one at a time, after which successful look-ups no longer keep the run going

# Codat responds
SUCCESSES = (Outcome.DONE, Outcome.REJECTED, Outcome.FATAL, Outcome.FOUND, Outcome.NOT_FOUND)
FAULTS = (Outcome.UNKNOWN, Outcome.SERVER_ERROR, Outcome.NOT_SENT)


@dataclass
class CircuitBreaker:
    """Counts faults and successes. Times are seconds of one steady clock."""

    concurrency: int
    is_tripped: bool = False  # Codat is considered down, wholly or in part
    faults: int = 0  # in a row
    first_fault_at: float = 0.0
    recent: deque[bool] = field(default_factory=lambda: deque(maxlen=WINDOW))  # whether each request had a response
    _successes: int = 0  # in a row
    _has_failed_to_create: bool = False  # since the last success of a request that creates something
    _failed_creations: int = 0  # in a row, while tripped
    _first_failed_creation_at: float = 0.0
    _has_failed_to_read: bool = False
    _pause: float = 0.0
    _paused_until: float = -math.inf

    def on_outcome(self, outcome: Outcome, now: float, *, creates: bool) -> float:
        """Record an outcome; return the seconds for which all requests must pause.

        If only requests that create something have failed, only another such request proves that Codat works: look-ups
        may succeed while every POST fails.
        """
        if outcome in FAULTS:
            return self._on_fault(now, creates=creates)
        if outcome in SUCCESSES and (creates or self._has_failed_to_read or not self._has_failed_to_create):
            self._on_success(creates=creates)
        return 0.0

    @property
    def answered_share(self) -> float:
        """The share of the latest requests to which Codat responded."""
        return sum(self.recent) / len(self.recent) if self.recent else 1.0

    @property
    def slots(self) -> float:
        """The number of requests that may be in flight at once."""
        if not self.is_tripped:
            return math.inf
        return max(1, self.concurrency * self.answered_share) if self.answered_share >= GOOD_SHARE else 1

    def is_hopeless(self, now: float) -> bool:
        """Return whether Codat has been down for too long to wait any longer."""
        has_no_success = self.faults > 0 and now - self.first_fault_at >= GIVE_UP_AFTER
        creates_nothing = (
            self._failed_creations >= MIN_FAILED_CREATIONS and now - self._first_failed_creation_at >= GIVE_UP_AFTER
        )
        return self.is_tripped and (has_no_success or creates_nothing)

    def _on_success(self, *, creates: bool) -> None:
        self.faults, self._paused_until = 0, -math.inf
        self._has_failed_to_read = False
        if creates:
            self._has_failed_to_create, self._failed_creations = False, 0
        self._successes += 1
        self.recent.append(True)
        if self._successes >= RECOVERY and not self._has_failed_to_create:
            self.is_tripped = False
            self._pause = 0.0
        elif self.is_tripped:  # the next one is twice as long
            self._pause = MIN_PAUSE_OF_GOOD if self.answered_share >= GOOD_SHARE else MIN_PAUSE

    def _on_fault(self, now: float, *, creates: bool) -> float:
        self.first_fault_at = self.first_fault_at if self.faults else now
        self.faults += 1
        self._successes = 0
        self.recent.append(False)
        self._has_failed_to_create |= creates
        self._has_failed_to_read |= not creates
        if creates and self.is_tripped:
            self._first_failed_creation_at = self._first_failed_creation_at if self._failed_creations else now
            self._failed_creations += 1
        if not self.is_tripped:
            self._trip_if_down()
        if not self.is_tripped or now < self._paused_until:  # a request from before the pause proves nothing new
            return 0.0
        self._pause = min(max(2 * self._pause, MIN_PAUSE), MAX_PAUSE)
        pause = min(self._pause, max(self.first_fault_at + GIVE_UP_AFTER - now, 0.0))
        self._paused_until = now + pause
        return pause

    def _trip_if_down(self) -> None:
        if self.faults >= max(MIN_FAULTS, self.concurrency):
            self.recent = deque([False] * self.faults, maxlen=WINDOW)  # successes from before say nothing any more
            self.is_tripped = True
        elif len(self.recent) == WINDOW and sum(self.recent) <= WINDOW / 2:
            self.is_tripped = True
