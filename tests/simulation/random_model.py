"""A forecast in which each customer links at random, instead of an even spread."""

from __future__ import annotations

import random
from collections import Counter

from bulk.codat.endpoints import page_count
from bulk.codat.forecast import MINUTES_A_DAY, Linking
from bulk.codat.quota import QUOTA_A_COMPANY
from bulk.model import REQUESTS_PER_CUSTOMER


def draw(customers: int, *, quota: int, rate: int, companies: int, linking: Linking, rng: random.Random) -> float:
    """Draw one migration; return the days from its first request to its last."""
    most = rate * MINUTES_A_DAY
    day = created = linked = 0
    links: Counter[int] = Counter()  # customers by the day on which they begin to count
    while True:
        allowed = min(quota + QUOTA_A_COMPANY * linked, most)
        reading = page_count(companies + created)
        left = reading + REQUESTS_PER_CUSTOMER * (customers - created)
        if left <= allowed or allowed == most:  # if the rate is the limit, further linked customers make no difference
            return day + left / most
        today = (allowed - reading) // REQUESTS_PER_CUSTOMER
        created += today
        day += 1
        for _ in range(today):
            if rng.random() < linking.share:
                links[day + rng.randrange(linking.within)] += 1
        linked += links[day]


def spread(
    customers: int, *, quota: int, rate: int, companies: int, linking: Linking, seed: int, draws: int
) -> tuple[float, ...]:
    """Draw a number of migrations; return the 5th, the 50th and the 95th percentile of their days."""
    rng = random.Random(seed)  # noqa: S311 - repeatable, not a secret
    days = sorted(
        draw(customers, quota=quota, rate=rate, companies=companies, linking=linking, rng=rng) for _ in range(draws)
    )
    return tuple(days[round(share * (draws - 1))] for share in (0.05, 0.5, 0.95))
