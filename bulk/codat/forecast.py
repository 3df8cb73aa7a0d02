"""How many days a migration takes while customers who link increase the daily quota. No I/O, no clock.

A day is Codat's, from one reset at 00:00 UTC to the next. On each day, the quota and the rate limit the number of
requests. A customer who links increases the quota from the following day on.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass

from bulk.codat.quota import QUOTA_A_COMPANY
from bulk.model import REQUESTS_PER_CUSTOMER

MINUTES_A_DAY = 1440


@dataclass(frozen=True, slots=True)
class Linking:
    """The share of customers that is expected to link, spread evenly over the days after their email."""

    share: float  # 0 to 1
    within: int = 1  # days


@dataclass(frozen=True, slots=True)
class Forecast:
    """How long a migration takes if a run begins right after each reset."""

    days: int  # on which requests are sent
    elapsed: float  # days from the first request to the last


NOBODY = Linking(0.0)


def forecast(requests: int, *, quota: int, rate: int, linking: Linking = NOBODY, reading: int = 0) -> Forecast:
    """Return how long the requests take. `quota`: of the first day; `rate`: requests a minute.

    `reading`: how many of the requests read what Codat already has. They are sent first and migrate no customer.
    """
    max_a_day = rate * MINUTES_A_DAY
    if linking.share <= 0 or quota >= max_a_day:  # the quota stays the same, or is never the limit
        a_day = min(quota, max_a_day)
        full_days = max(math.ceil(requests / a_day) - 1, 0)
        return _forecast(full_days, requests - full_days * a_day, max_a_day)
    day, left, linked, newly_linked = 0, requests, 0.0, 0.0
    emailed: deque[float] = deque()  # of each day whose customers still link: how many of them link a day
    while left > (sent := min(quota + int(QUOTA_A_COMPANY * linked), max_a_day)):
        migrated = max(sent - reading, 0) / REQUESTS_PER_CUSTOMER
        reading = max(reading - sent, 0)
        emailed.append(migrated * linking.share / linking.within)
        newly_linked += emailed[-1] - (emailed.popleft() if len(emailed) > linking.within else 0.0)
        linked += newly_linked
        left -= sent
        day += 1
    return _forecast(day, left, max_a_day)


def _forecast(full_days: int, left: int, max_a_day: int) -> Forecast:
    """Return a forecast of full days, and a last day with the requests that are left."""
    return Forecast(full_days + (left > 0), full_days + left / max_a_day)
