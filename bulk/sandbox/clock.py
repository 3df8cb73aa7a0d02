"""The sandbox's time of day, which can differ from the real one."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from email.utils import formatdate


class Clock:
    """Real time plus an offset. Every time that a client can see comes from here, including the `Date` header."""

    def __init__(self, offset_seconds: float = 0.0) -> None:
        self.offset_seconds = offset_seconds

    def now(self) -> float:
        """Return the time in seconds since 1970."""
        return time.time() + self.offset_seconds


def http_date(seconds: float) -> str:
    """Format a time as HTTP does, in whole seconds."""
    return formatdate(int(seconds), usegmt=True)


def iso_time(seconds: float) -> str:
    """Format a time as Codat does in its bodies (https://docs.codat.io/using-the-api/schemas, ISO 8601, UTC)."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
