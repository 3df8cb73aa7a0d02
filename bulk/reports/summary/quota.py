"""The use of Codat's daily quota, and the days that the remaining work takes. PURE."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime

from bulk.reports.figures import Figures


@dataclass(frozen=True, slots=True)
class Quota:
    """The daily quota and the remaining work, in requests. None means that Codat has not reported it."""

    limit: int | None
    used: int | None
    left: int | None
    resets_at: str | None  # UTC, ISO 8601
    is_over: bool  # the reset has passed: the whole quota is left again
    to_do: int  # requests
    days: int | None  # on which requests are sent, including today


def quota(figures: Figures) -> Quota:
    """Return the quota that Codat reported last, and the days for the remaining work if no more customers link."""
    known, to_do = figures.summary.quota, figures.requests_to_do
    limit, left = known.limit, known.remaining
    is_over = known.resets_at is not None and datetime.fromisoformat(known.resets_at) <= figures.at
    used = limit - left if limit is not None and left is not None else None
    days = _days(to_do, limit, limit if is_over else left)
    return Quota(limit, used, left, known.resets_at, is_over, to_do, days)


def _days(to_do: int, limit: int | None, today: int | None) -> int | None:
    if not to_do:
        return 0
    if not limit or today is None:
        return None
    return math.ceil(max(to_do - today, 0) / limit) + (today > 0)
