"""Calculates when `follow-up --watch` reads the company list again. PURE."""

from __future__ import annotations

from bulk.model import Quota, Stop

AFTER_TROUBLE = 60.0  # seconds: while Codat is unreachable, an earlier try is useless


def next_poll(now: float, every: float, *, pages: int, waiting: int, quota: Quota | None) -> float:
    """Return the time of the next reading of the list, in seconds since 1970. It is at least `every` seconds from now.

    Each reading takes `pages` requests, and each of the `waiting` customers takes one more when they link. Up to half
    of the remaining quota is kept for them; the readings are spread so that the rest lasts until the reset.
    """
    if quota is None or quota.resets_at <= now:
        return now + every
    readings = (quota.remaining - min(waiting, quota.remaining // 2)) // pages
    return now + max(every, (quota.resets_at - now) / (readings + 1))


def next_try(now: float, every: float, stop: Stop) -> float:
    """Return the time to resume after a run that stopped early, in seconds since 1970."""
    return max(now + max(every, AFTER_TROUBLE), stop.until or 0.0)
