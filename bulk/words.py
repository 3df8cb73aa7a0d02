"""How figures and times are put into words, on a terminal and in reports."""

from __future__ import annotations

import math
from datetime import UTC, datetime


def count(number: int, noun: str, plural: str | None = None) -> str:
    """Give `1 customer`, `2 customers`, `1,000 companies`."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def moment(seconds: float) -> str:
    """Give a time as people read it, in UTC."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def duration(seconds: float) -> str:
    """Give a length of time in the two units that matter."""
    if not math.isfinite(seconds):
        return "unknown"
    whole = max(round(seconds), 0)
    for size, unit, lesser, least in ((86_400, "d", 3600, "h"), (3600, "h", 60, "min"), (60, "min", 1, "s")):
        if whole >= size:
            return f"{whole // size} {unit} {whole % size // lesser} {least}"
    return f"{whole} s"


def percent(share: float) -> str:
    """Give a share so that neither little looks like nothing, nor nearly all like all."""
    if 0 < share < 0.001:
        return "<0.1%"
    if 0.999 < share < 1:
        return ">99.9%"
    return f"{share:.1%}".replace(".0%", "%")


def time(text: str | datetime) -> str:
    """Give a time of the journal as people read it: to the minute, UTC."""
    moment = datetime.fromisoformat(text) if isinstance(text, str) else text
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")
