"""What chance makes of a forecast: who links, and when, is drawn customer by customer instead of spread evenly."""

from __future__ import annotations

import random
from collections import Counter

from bulk.codat.forecast import MINUTES_A_DAY, Linking
from bulk.codat.quota import QUOTA_A_COMPANY
from bulk.model import REQUESTS_PER_CUSTOMER


def draw(requests: int, *, quota: int, rate: int, linking: Linking, rng: random.Random) -> float:
    """Draw one migration; gives the days from its first request to its last."""
    most = rate * MINUTES_A_DAY
    day, left, linked = 0, requests, 0
    links: Counter[int] = Counter()  # customers by the day from which they count
    while left > (sent := min(quota + QUOTA_A_COMPANY * linked, most)):
        day += 1
        left -= sent
        # Once the quota is not what decides, nobody more need be drawn.
        for _ in range(sent // REQUESTS_PER_CUSTOMER if sent < most else 0):
            if rng.random() < linking.share:
                links[day + rng.randrange(linking.within)] += 1
        linked += links[day]
    return day + left / most


def spread(requests: int, *, quota: int, rate: int, linking: Linking, seed: int, draws: int) -> tuple[float, ...]:
    """Draw so many; gives the days of the 5th, the 50th and the 95th in a hundred."""
    rng = random.Random(seed)  # noqa: S311 - repeatable, no secret
    days = sorted(draw(requests, quota=quota, rate=rate, linking=linking, rng=rng) for _ in range(draws))
    return tuple(days[round(share * (draws - 1))] for share in (0.05, 0.5, 0.95))
