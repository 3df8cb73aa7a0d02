"""A migration over time: the minutes in which bulk was active, combined into slices for a chart. PURE."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import zip_longest
from typing import Final

from bulk.reports.figures import Figures, Hold

MAX_SLICES: Final = 60
_SIZES: Final = (1, 2, 5, 10, 15, 30, 60, 120, 180, 360, 720, 1440, 2880, 10_080, 40_320)  # minutes


@dataclass(frozen=True, slots=True)
class Slice:
    """One period. The rates are averages over the minutes in which bulk was active."""

    begin: datetime
    requests: float  # per minute
    limited: float  # per minute: requests answered with 429
    customers: float  # per minute: customers that advanced
    held: float  # share of the time, 0 to 1, in which nothing could be sent


@dataclass(frozen=True, slots=True)
class Timeline:
    """All slices, without gaps. There are none if nothing has happened."""

    minutes: int  # in a slice
    slices: tuple[Slice, ...]
    end: datetime | None  # of the last minute in which something happened
    limited: int  # responses with 429, in total
    held: timedelta  # in total
    holds: tuple[Hold, ...]  # none overlaps another


def timeline(figures: Figures) -> Timeline:
    """Combine the activity of a batch into at most MAX_SLICES slices."""
    holds = tuple(_without_overlaps(figures.holds))
    minutes = figures.minutes
    limited = sum(minute.limited for minute in minutes)
    held = sum((hold.until - hold.since for hold in holds), timedelta())
    if not minutes:
        return Timeline(1, (), None, 0, held, holds)
    span = minutes[-1].at - minutes[0].at + 1
    size = next((size for size in _SIZES if span / size < MAX_SLICES - 1), -(-span // (MAX_SLICES - 2)))
    first = minutes[0].at // size
    sums = [[0, 0, 0, 0] for _ in range(minutes[-1].at // size - first + 1)]
    for minute in minutes:
        into = sums[minute.at // size - first]
        for place, number in enumerate((minute.requests, minute.limited, minute.customers, 1)):
            into[place] += number
    slices = tuple(_slice((first + place) * size, size, *numbers, holds=holds) for place, numbers in enumerate(sums))
    end = datetime.fromtimestamp((minutes[-1].at + 1) * 60, UTC)
    return Timeline(size, slices, end, limited, held, holds)


def _slice(
    at: int, size: int, requests: int, limited: int, customers: int, active: int, *, holds: Iterable[Hold]
) -> Slice:
    begin = datetime.fromtimestamp(at * 60, UTC)
    end = begin + timedelta(minutes=size)
    held = sum((max(min(hold.until, end) - max(hold.since, begin), timedelta()) for hold in holds), timedelta())
    active = max(active, 1)
    return Slice(begin, requests / active, limited / active, customers / active, held / (end - begin))


def _without_overlaps(holds: Iterable[Hold]) -> Iterator[Hold]:
    """End each hold where the next one begins, because a longer hold may start during a shorter one."""
    known = sorted(holds, key=lambda hold: hold.since)
    for hold, next_hold in zip_longest(known, known[1:]):
        until = hold.until if next_hold is None else min(hold.until, next_hold.since)
        if until > hold.since:
            yield Hold(hold.since, until, hold.why)
