"""Forecasts the duration of a migration. Customers who link increase the daily quota meanwhile. PURE.

A day is Codat's, from one reset at 00:00 UTC to the next. Each day, bulk sends as many requests as the quota and the
rate allow; a customer who links increases the quota from the next day on.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass

from bulk.codat.endpoints import page_count
from bulk.codat.quota import QUOTA_A_COMPANY
from bulk.model import REQUESTS_PER_CUSTOMER

MINUTES_A_DAY = 1440
REQUESTS_PER_KEY = 1  # for the client that the API key belongs to


@dataclass(frozen=True, slots=True)
class Linking:
    """The share of customers expected to link, spread evenly over the days after they receive their link."""

    share: float  # 0 to 1
    within: int = 1  # days


@dataclass(frozen=True, slots=True)
class Forecast:
    """The requests and days of a migration, if a run starts right after each reset."""

    requests: int
    days: int  # on which requests are sent
    elapsed: float  # days from the first request to the last


NOBODY = Linking(0.0)


def forecast(
    customers: int,
    *,
    quota: int,
    rate: int,
    companies: int = 0,
    linking: Linking = NOBODY,
    each: int = REQUESTS_PER_CUSTOMER,
    left_today: int | None = None,
) -> Forecast:
    """Forecast a migration of this many customers.

    `quota` is the quota of the first day, `rate` the requests a minute, and `companies` the number of companies that
    exist in Codat already. Each day's run first reads the list of all companies; the first one also asks Codat for the
    client of the API key. A customer needs `each` requests. If the first day's run is in progress and has read the
    list, `left_today` is the rest of that day's quota.
    """
    max_a_day = rate * MINUTES_A_DAY
    day = created = requests = 0
    linked = linking_a_day = 0.0
    emailed: deque[float] = deque()
    while created < customers:
        rest = left_today if not day else None
        is_begun = rest is not None
        allowed = min(rest if rest is not None else quota + int(QUOTA_A_COMPANY * linked), max_a_day)
        reading = 0 if is_begun else page_count(companies + created) + (0 if day else REQUESTS_PER_KEY)
        left = reading + each * (customers - created)
        if left <= allowed or allowed == max_a_day:  # once the rate decides, one run lasts to the end
            return _last(day, requests, left, max_a_day)
        # A quota without room for a customer would never end.
        today = max((allowed - reading) // each, 0 if is_begun else 1)
        emailed.append(today * linking.share / linking.within)
        linking_a_day += emailed[-1] - (emailed.popleft() if len(emailed) > linking.within else 0.0)
        linked += linking_a_day
        created += today
        requests += reading + each * today
        day += 1
    return Forecast(requests, day, float(day))


def _last(days: int, requests: int, left: int, max_a_day: int) -> Forecast:
    """Return the forecast whose last run begins after this many days and requests, and sends the rest."""
    whole = max(math.ceil(left / max_a_day) - 1, 0)
    return Forecast(requests + left, days + whole + 1, days + left / max_a_day)
