"""How many days a migration takes, while the customers who link make the day's quota grow. No I/O, no clock.

A day is Codat's, from one reset at 00:00 UTC to the next. On each, as many requests leave as its quota has room for and
the rate lets through; what customers add to the quota counts from the day after they have linked.
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
    """Who is expected to link: this share of the customers, spread evenly over so many days after their email."""

    share: float  # 0 to 1
    within: int = 1  # days


@dataclass(frozen=True, slots=True)
class Forecast:
    """How long it takes if a run begins right after each reset."""

    days: int  # on which requests leave
    elapsed: float  # days from the first request to the last


NOBODY = Linking(0.0)


def forecast(requests: int, *, quota: int, rate: int, linking: Linking = NOBODY, reading: int = 0) -> Forecast:
    """Say how long so many requests take. `quota`: of the first day; `rate`: a minute.

    `reading`: those among them that make nobody ready, because they read what is in Codat already. They leave first.
    """
    most = rate * MINUTES_A_DAY
    if linking.share <= 0 or quota >= most:  # it stays as it is, or is never what decides
        whole = max(math.ceil(requests / min(quota, most)) - 1, 0)
        return _ended(whole, requests - whole * min(quota, most), most)
    day, left, linked, linking_a_day = 0, requests, 0.0, 0.0
    emailed: deque[float] = deque()
    while left > (sent := min(quota + int(QUOTA_A_COMPANY * linked), most)):
        ready = max(sent - reading, 0) / REQUESTS_PER_CUSTOMER
        reading = max(reading - sent, 0)
        emailed.append(ready * linking.share / linking.within)
        linking_a_day += emailed[-1] - (emailed.popleft() if len(emailed) > linking.within else 0.0)
        linked += linking_a_day
        left -= sent
        day += 1
    return _ended(day, left, most)


def _ended(whole: int, left: int, most: int) -> Forecast:
    """Give a forecast of so many days used up, and what is left for the last one."""
    return Forecast(whole + (left > 0), whole + left / most)
