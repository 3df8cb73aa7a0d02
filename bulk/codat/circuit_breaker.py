"""Whether Codat is down for everybody, told from the outcomes of requests. No I/O, no clock.

One customer's faults are that customer's; as many in a row as there are requests in flight, over all customers and
without one success, are Codat's. Then everybody holds, one request at a time asks whether it is over, and after five
minutes without a success the run stops.
"""

from __future__ import annotations

from dataclasses import dataclass

from bulk.model import Outcome

MIN_FAULTS = 5
MAX_PAUSE = 30.0
GIVE_UP_AFTER = 300.0


@dataclass
class CircuitBreaker:
    """Counts faults in a row. Times are seconds of one steady clock."""

    concurrency: int
    faults: int = 0
    since: float | None = None  # the first of the faults in a row
    pause: float = 0.0  # how long everybody holds now
    _has_failed_to_create: bool = False  # one of the faults in a row was that of a request that creates

    @property
    def is_tripped(self) -> bool:
        """Whether Codat counts as down."""
        return self.faults >= max(MIN_FAULTS, self.concurrency)

    def note(self, outcome: Outcome, now: float, *, creates: bool) -> float | None:
        """Take in an outcome; give the time until which everybody holds, if it says so.

        Once a POST has failed, only what creates proves that Codat works: look-ups may go through while every POST
        fails.
        """
        if outcome in (Outcome.DONE, Outcome.REJECTED, Outcome.FATAL):
            if creates or not self._has_failed_to_create:
                self.faults, self.since, self.pause = 0, None, 0.0
                self._has_failed_to_create = False
            return None
        if outcome not in (Outcome.UNKNOWN, Outcome.SERVER_ERROR, Outcome.NOT_SENT):
            return None
        self.faults += 1
        self._has_failed_to_create = self._has_failed_to_create or creates
        self.since = now if self.since is None else self.since
        if not self.is_tripped:
            return None
        self.pause = min(self.pause * 2 or 1.0, MAX_PAUSE)
        return min(now + self.pause, max(self.since + GIVE_UP_AFTER, now))

    def is_hopeless(self, now: float) -> bool:
        """Whether it has lasted too long to go on waiting."""
        return self.is_tripped and self.since is not None and now - self.since >= GIVE_UP_AFTER
