"""Estimates when a run ends: today, or after several resets of Codat's daily quota. PURE."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Final

from bulk.codat.forecast import NOBODY, Linking, forecast
from bulk.codat.quota import A_DAY
from bulk.model import Quota
from bulk.text import display_width, duration

LINKING: Final = Linking(0.10, 7)
"""The assumption of the second estimate: a tenth of the customers link within a week, as `bulk check` assumes."""
UNKNOWN: Final = "time left unknown"


@dataclass(frozen=True, slots=True)
class Pace:
    """The limits of a run: requests a minute, requests at once, and requests of the daily quota to leave unused."""

    rate: int = 1000
    concurrency: int = 10
    reserve: int = 0


@dataclass(frozen=True, slots=True)
class Work:
    """The customers of a run since the last reset of the quota, and the requests that each of them needs."""

    left: int
    done_today: int
    requests: int = 1


@dataclass(frozen=True, slots=True)
class Estimate:
    """The end of a run. If the quota does not last until then, the end is a day, if no more customers link."""

    seconds: float  # infinity: unknown
    today: int | None = None  # customers; None: today's quota is enough for all
    of: int = 0  # customers that were left at the last reset
    end: date | None = None  # None: unknown
    days_if_linking: int | None = None  # including today; None: as many


def estimate(work: Work, quota: Quota | None, *, pace: Pace, per_second: float, now: float) -> Estimate:
    """Estimate the end of a run at `now`, in seconds since 1970. `per_second` is its speed in customers so far."""
    seconds = work.left / per_second if per_second > 0 else math.inf
    if quota is None:
        return Estimate(seconds)
    if quota.resets_at <= now:
        quota, work = _after_reset(quota, now), replace(work, done_today=0)
    left_today = max(quota.remaining - pace.reserve, 0)
    today = left_today // work.requests
    if work.left <= today:
        return Estimate(seconds)
    done = work.done_today
    of, limit = done + work.left, max((quota.limit or 0) - pace.reserve, 0)
    if limit < work.requests:
        return Estimate(math.inf, done + today, of)
    days, faster = (_days(work, limit, left_today, pace.rate, linking) for linking in (NOBODY, LINKING))
    end = _after(datetime.fromtimestamp(now, UTC).date(), days - 1)
    return Estimate(math.inf, done + today, of, end, faster if faster < days else None)


def _after_reset(quota: Quota, now: float) -> Quota:
    """Return the quota after its reset, which the next response will report."""
    days = math.floor((now - quota.resets_at) / A_DAY) + 1
    return Quota(quota.limit, quota.limit or 0, quota.resets_at + days * A_DAY)


def _days(work: Work, limit: int, left_today: int, rate: int, linking: Linking) -> int:
    """Return the days from the last reset on: the customers who were done since may link, too."""
    used = work.done_today * work.requests
    customers, today = work.done_today + work.left, left_today + used
    return forecast(customers, quota=limit, rate=rate, linking=linking, left_today=today, each=work.requests).days


def _after(first: date, days: int) -> date | None:
    try:
        return first + timedelta(days=days)
    except OverflowError:
        return None


def speed_forms(found: Estimate, *, speed: str, quota: Quota | None) -> Iterator[str]:
    """Yield the text of the end of a run on this day, the longest first. `speed` is in words."""
    left = f"{duration(found.seconds)} left" if math.isfinite(found.seconds) else UNKNOWN
    if quota is not None:
        yield f"{speed}, quota {quota.remaining:,} left, {left}"
    yield f"{speed}, {left}"
    yield left


def days_forms(found: Estimate, *, this_year: int) -> Iterator[str]:
    """Yield the text of the end of a run of several days, the longest first."""
    today = f"{found.today:,} of {found.of:,} today"
    if found.end is None:
        yield f"{today}, end unknown"
        yield today
        return
    end = f"{found.end.day} {found.end:%B}" + (f" {found.end.year}" if found.end.year != this_year else "")
    if found.days_if_linking is not None:
        yield f"{today}, done about {end}; {found.days_if_linking:,} days if {LINKING.share:.0%} link"
    yield f"{today}, done about {end}"
    yield f"{found.today:,} today, done about {end}"
    yield f"done about {end}"
    yield end


def waiting_forms(seconds: float, forms: Sequence[str]) -> Iterator[str]:
    """Yield the text of a wait with what follows it, the longest first."""
    waiting = f"waiting {duration(seconds)}"
    yield from (f"{waiting}; {form}" for form in forms)
    yield waiting


def fitting(forms: Sequence[str], room: float) -> str:
    """Return the longest of these texts that has room, or the shortest."""
    return next((form for form in forms if display_width(form) <= room), forms[-1])
