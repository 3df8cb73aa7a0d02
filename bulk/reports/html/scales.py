"""The scales of a chart: a few round numbers or times. PURE."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from math import ceil, floor, log10
from typing import Final

from bulk.text import count

DAY: Final = 1440  # minutes
_STEPS: Final = (1, 2, 5, 10, 15, 30, 60, 120, 180, 360, 720, 1440, 2880, 7200, 14_400, 28_800)  # minutes


def levels(most: float) -> list[float]:
    """Return three to five round numbers from 0 up to `most` or more."""
    size = 10.0 ** floor(log10(most / 4))
    step = next(step * size for step in (1, 2, 5, 10) if step * size >= most / 4)
    return [place * step for place in range(ceil(most / step) + 1)]


def ticks(begin: int, end: int, most: int) -> Iterator[tuple[int, str]]:
    """Yield round times, in minutes since 1970, with labels. The first one and the beginnings of days have the date."""
    step = next((step for step in _STEPS if (end - begin) / step <= most), DAY * ceil((end - begin) / most / DAY))
    first = ceil(begin / step) * step
    for at in range(first, end + 1, step):
        moment = datetime.fromtimestamp(at * 60, UTC)
        day = f"{moment.day} {moment:%b}" if at == first or not at % DAY else ""
        yield at, f"{day} {moment:%H:%M}".strip() if at % DAY else day


def span(minutes: int) -> str:
    """Format a duration in its largest unit: `2 hours`, `1 day`."""
    for size, unit in ((DAY, "day"), (60, "hour")):
        if not minutes % size:
            return count(minutes // size, unit)
    return count(minutes, "minute")


def short_number(value: float) -> str:
    """Format a number with few digits, for a chart."""
    return f"{value:,.0f}" if value >= 10 or value == round(value) else f"{value:.2g}"
