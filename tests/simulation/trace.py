"""The trace of a scenario, and the error of a broken guarantee."""

from __future__ import annotations

import hashlib

from simulation.clock import Time


class Broken(AssertionError):  # noqa: N818 - a guarantee is broken
    """A guarantee is broken; the message names it."""


class Trace:
    """The events of a scenario, each with its time."""

    def __init__(self, time: Time) -> None:
        self._time = time
        self.lines: list[str] = []
        self.marks: list[str] = []  # the events that the ledger of rare states counts, in order

    def note(self, text: str) -> None:
        """Add an event of now."""
        self.lines.append(f"{self._time.text()}  {text}")

    def mark(self, event: str) -> None:
        """Add an event for the ledger of rare states."""
        self.marks.append(event)

    def digest(self) -> str:
        """Return a fingerprint, which is the same whenever a seed is repeated."""
        return hashlib.sha256("\n".join(self.lines).encode()).hexdigest()[:16]
