"""What happened, line by line, and what is raised when it must not have."""

from __future__ import annotations

import hashlib

from simulation.clock import Time


class Broken(AssertionError):  # noqa: N818 - a promise is broken
    """A promise is broken; the message says which."""


class Trace:
    """The lines of a story, each with its time."""

    def __init__(self, time: Time) -> None:
        self._time = time
        self.lines: list[str] = []

    def note(self, text: str) -> None:
        """Write down that something has happened now."""
        self.lines.append(f"{self._time.said()}  {text}")

    def digest(self) -> str:
        """Return a fingerprint: two tellings of one seed have the same."""
        return hashlib.sha256("\n".join(self.lines).encode()).hexdigest()[:16]
