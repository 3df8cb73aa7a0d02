"""The customers, the quota and the wait of a run, as its events report them, and the estimate of its end."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Final

from bulk.cli.estimates import Estimate, Pace, Work, days_forms, estimate, fitting, speed_forms, waiting_forms
from bulk.codat.limits import Hold
from bulk.codat.quota import SAME_RESET
from bulk.engine.events import Advanced, Started
from bulk.model import Quota
from bulk.text import count, duration

SECONDS_TO_MEASURE: Final = 10.0
"""The first customers after a reset are done within milliseconds: until then, the speed is that before the reset."""


class RunState:
    """The progress of a run. `now` is in seconds since 1970, `steady` in seconds of a clock that is never set."""

    def __init__(self, pace: Pace) -> None:
        self._pace = pace
        self.total = self.done = self.done_before = 0
        self._requests = 1  # of a customer
        self._quota: Quota | None = None
        self._hold: Hold | None = None
        self._day_began_at = self._advanced_at = 0.0  # steady; of the work after the last reset of the quota
        self._done_at_reset = self._share = 0
        self._speed_before = 0.0  # customers a second before the last reset; 0: there was none

    def start(self, event: Started, steady: float) -> None:
        """Begin with the customers to do."""
        self.total, self.done = event.to_do + event.done, event.done
        self.done_before = self._done_at_reset = event.done
        self._requests = event.requests
        self._day_began_at = self._advanced_at = steady
        self._speed_before, self._share = 0.0, 0

    def advance(self, event: Advanced, steady: float) -> None:
        """Count a customer who has reached a state."""
        known, quota = self._quota, event.quota
        if known is not None and quota is not None and quota.resets_at - known.resets_at > SAME_RESET:
            self._speed_before = self._per_second(self._advanced_at)
            self._done_at_reset, self._day_began_at, self._share = self.done, steady, 0
        self._quota, self._advanced_at = quota or known, steady
        self.done += not event.is_left

    def hold(self, event: Hold) -> None:
        """Wait."""
        self._hold = event

    def waiting(self, now: float) -> float:
        """Return the seconds for which the run still waits."""
        return max(self._hold.until - now, 0.0) if self._hold is not None else 0.0

    def end(self, room: float, *, now: float, steady: float) -> str:
        """Return the text behind the bar, which has `room` columns."""
        speed = f"{self._per_second(steady):,.1f} customers/s"
        if self.done >= self.total:
            quota = "" if self._quota is None else f", quota {self._quota.remaining:,} left"
            return fitting([speed + quota, speed], room)
        found = self._estimate(now, steady)
        forms = self._days_forms(found, now) or list(speed_forms(found, speed=speed, quota=self._quota))
        waiting = self.waiting(now)
        return fitting(list(waiting_forms(waiting, forms)) if waiting else forms, room)

    def line(self, *, now: float, steady: float) -> str:
        """Return the whole progress on one line."""
        line = f"{self.done:,} of {count(self.total, 'customer')}, {self._per_second(steady) * 60:,.0f} per minute"
        line += "" if self._quota is None else f", quota {self._quota.remaining:,} left"
        if self.done >= self.total:
            return line
        found = self._estimate(now, steady)
        days = self.days(now=now, steady=steady)
        return f"{line}; {days}" if days else f"{line}, {next(speed_forms(found, speed='', quota=None))[2:]}"

    def days(self, *, now: float, steady: float) -> str:
        """Return the day on which the run ends, or "" if that is today."""
        return next(iter(self._days_forms(self._estimate(now, steady), now)), "")

    def waiting_line(self, *, now: float, steady: float) -> str:
        """Return the wait on one line."""
        days = self.days(now=now, steady=steady)
        return f"Waiting for {duration(self.waiting(now))}{days and '; ' + days}"

    def _estimate(self, now: float, steady: float) -> Estimate:
        work = Work(self.total - self.done, self.done - self._done_at_reset, self._requests)
        found = estimate(work, self._quota, pace=self._pace, per_second=self._per_second(steady), now=now)
        if found.today is None:
            return found
        # The quota already lacks the requests of customers in progress: without them, the share would flicker.
        in_progress = 2 * self._pace.concurrency
        self._share = max(found.today, self._share if self._share - found.today <= in_progress else 0)
        return replace(found, today=self._share)

    def _per_second(self, steady: float) -> float:
        seconds = steady - self._day_began_at
        if self._speed_before and seconds < SECONDS_TO_MEASURE:
            return self._speed_before
        return (self.done - self._done_at_reset) / seconds if seconds > 0 else 0.0

    def _days_forms(self, found: Estimate, now: float) -> list[str]:
        if found.today is None:
            return []
        return list(days_forms(found, this_year=datetime.fromtimestamp(now, UTC).year))
