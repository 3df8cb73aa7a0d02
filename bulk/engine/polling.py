"""When a follow-up that watches asks again. No I/O, no clock: what is known goes in, a time comes out."""

from __future__ import annotations

from bulk.model import Quota, Stop

AFTER_TROUBLE = 60.0  # seconds: sooner is no use where Codat was out of reach


def next_poll(now: float, every: float, *, pages: int, waiting: int, quota: Quota | None) -> float:
    """Say when to read the list again, in seconds since 1970.

    Each reading takes `pages` requests and each of the `waiting` customers one more when it links. Half of what the day
    has left is kept for those, if so many wait; the rest is spread over the rest of the day, no sooner than `every`
    seconds.
    """
    if quota is None or quota.resets_at <= now:
        return now + every
    readings = (quota.remaining - min(waiting, quota.remaining // 2)) // pages
    return now + max(every, (quota.resets_at - now) / (readings + 1))


def next_try(now: float, every: float, stop: Stop) -> float:
    """Say when to go on after a run that has stopped for now."""
    return max(now + max(every, AFTER_TROUBLE), stop.until or 0.0)
