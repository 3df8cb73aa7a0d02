"""How a migration went over time: minutes in which bulk was at work, gathered into slices that fit a chart. PURE."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import zip_longest
from typing import Final

from bulk.reports.figures import Figures, Held

MAX_SLICES: Final = 60
_MINUTES: Final = (1, 2, 5, 10, 15, 30, 60, 120, 180, 360, 720, 1440, 2880, 10_080, 40_320)


@dataclass(frozen=True, slots=True)
class Slice:
    """What happened in one stretch of time. The rates are of the minutes in which bulk was at work."""

    begin: datetime
    requests: float  # a minute
    limited: float  # a minute: of them answered with 429
    customers: float  # a minute: those who got further
    held: float  # share of the time, 0 to 1, in which nothing could leave


@dataclass(frozen=True, slots=True)
class Timeline:
    """All slices, one after the other without gaps; none if nothing has happened."""

    minutes: int  # in a slice
    slices: tuple[Slice, ...]
    end: datetime | None  # of the last minute in which something happened
    limited: int  # answers with 429, in all
    held: timedelta  # in all
    holds: tuple[Held, ...]


def timeline(figures: Figures) -> Timeline:
    """Gather what has happened into at most MAX_SLICES slices."""
    holds = tuple(_apart(figures.holds))
    minutes = figures.minutes
    limited = sum(minute.limited for minute in minutes)
    held = sum((hold.until - hold.since for hold in holds), timedelta())
    if not minutes:
        return Timeline(1, (), None, 0, held, holds)
    span = minutes[-1].at - minutes[0].at + 1
    size = next((size for size in _MINUTES if span / size < MAX_SLICES - 1), -(-span // (MAX_SLICES - 2)))
    first = minutes[0].at // size
    gathered = [[0, 0, 0, 0] for _ in range(minutes[-1].at // size - first + 1)]
    for minute in minutes:
        into = gathered[minute.at // size - first]
        for place, number in enumerate((minute.requests, minute.limited, minute.customers, 1)):
            into[place] += number
    slices = tuple(
        _slice((first + place) * size, size, *numbers, holds=holds) for place, numbers in enumerate(gathered)
    )
    end = datetime.fromtimestamp((minutes[-1].at + 1) * 60, UTC)
    return Timeline(size, slices, end, limited, held, holds)


def _slice(
    at: int, size: int, requests: int, limited: int, customers: int, active: int, *, holds: Iterable[Held]
) -> Slice:
    begin = datetime.fromtimestamp(at * 60, UTC)
    end = begin + timedelta(minutes=size)
    held = sum((max(min(hold.until, end) - max(hold.since, begin), timedelta()) for hold in holds), timedelta())
    at_work = max(active, 1)
    return Slice(begin, requests / at_work, limited / at_work, customers / at_work, held / (end - begin))


def _apart(holds: Iterable[Held]) -> Iterable[Held]:
    """Cut off of each hold what the next one has replaced: a longer one is told while a shorter one goes on."""
    known = sorted(holds, key=lambda hold: hold.since)
    for hold, following in zip_longest(known, known[1:]):
        until = hold.until if following is None else min(hold.until, following.since)
        if until > hold.since:
            yield Held(hold.since, until, hold.why)
