"""How long a migration takes, while the customers who link increase the daily quota. PURE.

A day is Codat's, from one reset at 00:00 UTC to the next. On each, as many requests leave as the quota and the rate
allow; a customer who links increases the quota from the next day on.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass

from bulk.codat.endpoints import page_count
from bulk.codat.quota import QUOTA_A_COMPANY
from bulk.model import REQUESTS_PER_CUSTOMER

MINUTES_A_DAY = 1440


@dataclass(frozen=True, slots=True)
class Linking:
    """The customers expected to link: this share, spread evenly over a number of days after their email."""

    share: float  # 0 to 1
    within: int = 1  # days


@dataclass(frozen=True, slots=True)
class Forecast:
    """What a migration takes if a run starts right after each reset."""

    requests: int
    days: int  # with requests
    elapsed: float  # days from the first request to the last


NOBODY = Linking(0.0)


def forecast(customers: int, *, quota: int, rate: int, companies: int = 0, linking: Linking = NOBODY) -> Forecast:
    """Return what a migration of this many customers takes. `quota`: of the first day; `rate`: requests a minute.

    `companies`: those that are in Codat already. The run of each day reads the list of all companies first.
    """
    most = rate * MINUTES_A_DAY
    day = created = requests = 0
    linked = linking_a_day = 0.0
    emailed: deque[float] = deque()
    while created < customers:
        allowed = min(quota + int(QUOTA_A_COMPANY * linked), most)
        reading = page_count(companies + created)
        left = reading + REQUESTS_PER_CUSTOMER * (customers - created)
        if left <= allowed or allowed == most:  # once the rate decides, one run lasts to the end
            return _last(day, requests, left, most)
        # A quota without room for a customer would never end.
        today = max((allowed - reading) // REQUESTS_PER_CUSTOMER, 1)
        emailed.append(today * linking.share / linking.within)
        linking_a_day += emailed[-1] - (emailed.popleft() if len(emailed) > linking.within else 0.0)
        linked += linking_a_day
        created += today
        requests += reading + REQUESTS_PER_CUSTOMER * today
        day += 1
    return Forecast(requests, day, float(day))


def _last(days: int, requests: int, left: int, most: int) -> Forecast:
    """Return the forecast for a run that begins after this many days and requests, and sends what is left."""
    whole = max(math.ceil(left / most) - 1, 0)
    return Forecast(requests + left, days + whole + 1, days + left / most)
