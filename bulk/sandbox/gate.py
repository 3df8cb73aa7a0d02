"""The checks in front of every operation: the key and the limits."""

from __future__ import annotations

import base64
import hmac
import math
import time
from collections.abc import Iterator
from contextlib import contextmanager

from bulk.sandbox.bodies import Response, error
from bulk.sandbox.clock import Clock, http_date
from bulk.sandbox.faults import Rule
from bulk.sandbox.limits import DayQuota, MinuteWindow
from bulk.sandbox.options import API_KEY, Options

_AUTHORIZATION = b"Basic " + base64.b64encode(API_KEY.encode())


class Gate:
    """Lets a request through, or refuses it."""

    def __init__(self, clock: Clock, quota: DayQuota, options: Options) -> None:
        self._clock = clock
        self._quota = quota
        self._minute = MinuteWindow(options.rate)
        self._max_concurrent = options.max_concurrent
        self._inside = 0

    @contextmanager
    def entered(self) -> Iterator[None]:
        """Count a request among the concurrent ones while it is answered."""
        self._inside += 1
        try:
            yield
        finally:
            self._inside -= 1

    def refusal(self, authorization: str) -> Response | None:
        """Return the response to a request that may not pass, or None. A request that passes costs one of the day's."""
        # https://docs.codat.io/using-the-api/authentication
        if not hmac.compare_digest(authorization.encode(), _AUTHORIZATION):
            return error(401, "Unauthorized")
        wait_seconds = self._minute.admit(time.monotonic())
        if wait_seconds:
            return self.too_many("Too many requests in a minute.", wait_seconds)
        if self._max_concurrent and self._inside > self._max_concurrent:
            return self.too_many("Too many concurrent requests.", 1)
        if not self._quota.spend():
            return self.too_many("The requests of the day are used up.", self._quota.seconds_to_reset())
        return None

    def too_many(self, message: str, seconds: float, form: str = "seconds") -> Response:
        """Return a 429 that asks to wait, in one of the forms of Retry-After."""
        value = {
            "seconds": str(math.ceil(seconds)),
            "date": http_date(math.ceil(self._clock.now() + seconds)),
            "nonsense": "soon",
        }.get(form)
        return error(429, message, headers={"Retry-After": value} if value else {})

    def fault(self, rule: Rule) -> Response:
        """Return the 429 of a fault."""
        return self.too_many("Too many requests (a fault of the sandbox).", rule.seconds, rule.retry_after)
