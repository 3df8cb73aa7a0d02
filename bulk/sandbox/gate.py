"""What stands before every operation: the key, the limits and their headers."""

from __future__ import annotations

import base64
import hmac
import math
import time

from bulk.sandbox.bodies import Answer, error
from bulk.sandbox.clock import Clock, http_date
from bulk.sandbox.faults import Rule
from bulk.sandbox.limits import DayQuota, MinuteWindow
from bulk.sandbox.operations import ApiRequest
from bulk.sandbox.options import API_KEY, API_KEY_WITHOUT_ACCESS, Options
from bulk.sandbox.stats import Stats


class Gate:
    """Lets a request through or answers it itself."""

    def __init__(self, clock: Clock, quota: DayQuota, stats: Stats, options: Options) -> None:
        self._clock = clock
        self._quota = quota
        self._stats = stats
        self._minute = MinuteWindow(options.rate)
        self._most_at_once = options.max_concurrent

    def refusal(self, request: ApiRequest) -> Answer | None:
        """Give the answer to a request that may not pass, or None. A request that passes costs one of the day's."""
        refused = _unauthorized(request.headers.get("authorization", ""))
        if refused:
            return refused
        wait_seconds = self._minute.admit(time.monotonic())
        if wait_seconds:
            self._stats.limited("minute")
            return self.too_many("Too many requests in a minute.", math.ceil(wait_seconds))
        if self._most_at_once and self._stats.in_flight > self._most_at_once:
            self._stats.limited("at_once")
            return self.too_many("Too many requests at once.", 1)
        if not self._quota.spend():
            self._stats.limited("day")
            return self.too_many("The requests of the day are used up.", self._quota.seconds_to_reset())
        return None

    def too_many(self, message: str, seconds: float, form: str = "seconds") -> Answer:
        """Give a 429 that asks to wait, in one of the forms of Retry-After."""
        now = self._clock.now()
        value = {
            "seconds": str(math.ceil(seconds)),
            "date": http_date(math.ceil(now + seconds)),
            "nonsense": "soon",
        }.get(form)
        if form in {"seconds", "date"}:
            self._stats.told_to_wait(now, now + seconds)
        return error(429, message, headers={"Retry-After": value} if value else {})

    def fault(self, rule: Rule) -> Answer:
        """Give the 429 of a fault."""
        return self.too_many("Too many requests (a fault of the sandbox).", rule.seconds, rule.retry_after)


def _unauthorized(header: str) -> Answer | None:
    """Check `Authorization: Basic <base64 of the key>` (https://docs.codat.io/using-the-api/authentication)."""
    if hmac.compare_digest(header.encode(), _header(API_KEY)):
        return None
    if hmac.compare_digest(header.encode(), _header(API_KEY_WITHOUT_ACCESS)):
        return error(403, "This API key has no access to this resource.")
    return error(401, "Unauthorized")


def _header(key: str) -> bytes:
    return b"Basic " + base64.b64encode(key.encode())
