"""How long a run may rely on the company list that it has read. No I/O, no clock.

A run that is frozen, or that waits for the next day's quota, may have been overtaken by a copy of the batch elsewhere.
What a copy creates is protected by its keys for 90 minutes only. So after a long pause, the list is read again before
anything is created.
"""

from __future__ import annotations

from bulk.codat.deadline import Deadline, Now

MAX_PAUSE = 30 * 60.0  # seconds: with the delay of a list, much less than keys live (retry.KEY_LIFETIME)


class ListValidity:
    """Watches for a long pause between the creates of a run."""

    def __init__(self) -> None:
        self._ends: Deadline | None = None  # None: the run relies on no list

    def begin(self, now: Now) -> None:
        """Note that a list was read; the reading began at this time."""
        self._ends = Deadline.after(MAX_PAUSE, now)

    def has_ended(self, now: Now) -> bool:
        """Return whether the list must be read again before a create. If not, the create may follow now."""
        if self._ends is None:
            return False
        if not self._ends.remaining(now):
            return True
        self._ends = Deadline.after(MAX_PAUSE, now)
        return False
