"""When `follow-up --watch` reads the company list again. PURE: what is known in, a time out."""

from __future__ import annotations

from bulk.model import Quota, Stop

AFTER_TROUBLE = 60.0  # seconds: where Codat was out of reach, an earlier try is useless


def next_poll(now: float, every: float, *, pages: int, waiting: int, quota: Quota | None) -> float:
    """Return when to read the list again, in seconds since 1970, and no sooner than in `every` seconds.

    Each reading takes `pages` requests, and each of the `waiting` customers one more when it links. Half of what is
    left of the day's quota is kept for those, if there are that many; the rest is spread over the rest of the day.
    """
    if quota is None or quota.resets_at <= now:
        return now + every
    readings = (quota.remaining - min(waiting, quota.remaining // 2)) // pages
    return now + max(every, (quota.resets_at - now) / (readings + 1))


def next_try(now: float, every: float, stop: Stop) -> float:
    """Return when to resume after a run that stopped for now, in seconds since 1970."""
    return max(now + max(every, AFTER_TROUBLE), stop.until or 0.0)
