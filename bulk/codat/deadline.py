"""A time before which no request may leave, by two clocks that can both be wrong. No I/O.

The steady clock is never set, but it stops while the machine sleeps. The wall clock does not stop, but it may be set: a
clock that was a month ahead must not block a batch for a month.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, Self

MAX_WAIT = 48 * 3600.0  # seconds: no Retry-After and no reset of a quota is honoured for longer


class Now(NamedTuple):
    """The present time by both clocks, in seconds."""

    steady: float  # since an arbitrary moment
    wall: float  # since 1970


@dataclass(frozen=True, slots=True)
class Deadline:
    """The end of a wait. It has passed as soon as either clock says so."""

    ends_at: float  # by the steady clock
    noted_at: float  # by the wall clock
    until: float  # by the wall clock

    @classmethod
    def after(cls, seconds: float, now: Now) -> Self:
        """Return a deadline that many seconds from now, but at most MAX_WAIT."""
        seconds = min(seconds, MAX_WAIT)
        return cls(now.steady + seconds, now.wall, now.wall + seconds)

    def remaining(self, now: Now) -> float:
        """Return the seconds that are left, or 0 if the deadline has passed."""
        steady = self.ends_at - now.steady
        return 0.0 if steady <= 0 else min(steady, remaining_wait(self.noted_at, self.until, now.wall))


def remaining_wait(noted_at: float, until: float, now: float) -> float:
    """Return the seconds from `now` to `until`, an end that was calculated at `noted_at`, all by the wall clock.

    If `now` is before `noted_at`, the clock was set back: then the wait is at most as long as it was at `noted_at`. It
    is never longer than MAX_WAIT.
    """
    return max(min(until - now, until - noted_at, MAX_WAIT), 0.0)
