"""Codat's daily quota: the headers that report it, and a budget that is never overdrawn. No I/O, no clock.

https://docs.codat.io/using-the-api/rate-limits: each client has 1,000 x (1 + active connected companies) requests a
day. Every response reports the quota in its headers; the Retry-After of a 429 is the time to wait.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from bulk.codat.boundary import header_date, header_number
from bulk.codat.deadline import MAX_WAIT
from bulk.model import Quota

A_DAY = 86_400.0
QUOTA_A_COMPANY = 1000  # requests a day: 1,000 x (1 + active connected companies)
MAX_CLOCK_ERROR = 36_525 * A_DAY  # a century: a date that is further away is invalid, not a wrong clock
CLOCK_TOLERANCE = 2.0  # seconds: a smaller difference is none, because dates in headers have whole seconds
SAME_RESET = 60.0  # seconds: resets that differ by less are the same reset


def retry_after(headers: Mapping[str, str], now: float) -> float | None:
    """Return Retry-After as seconds from now, at most MAX_WAIT, or None if it is missing or invalid.

    It is a number or a date (RFC 9110, 10.2.3). A date is compared with the response's own Date, so this machine's
    clock may be wrong; because both are in whole seconds, one second is added.
    """
    text = headers.get("retry-after", "").strip()
    if text.isdecimal():  # of any length: a number of hundreds of digits is infinite
        return min(float(text), MAX_WAIT)
    try:
        seconds = float(text)
    except ValueError:
        date = header_date(text)
        seconds = date - _sent_at(headers, now) + 1 if date is not None else -1.0
    return min(seconds, MAX_WAIT) if 0 <= seconds < math.inf else None


def read_quota(headers: Mapping[str, str], now: float) -> Quota | None:
    """Return the quota in the three X-Rate-Limit headers, or None. Without a reset, the next 00:00 UTC is used.

    `resets_at` is a time of this machine's clock. If that differs from Codat's, the seconds from the response's Date to
    the reset are counted from now.
    """
    remaining = header_number(headers.get("x-rate-limit-remaining"))
    if remaining is None:
        return None
    sent_at = _sent_at(headers, now)
    reset = header_date(headers.get("x-rate-limit-reset", ""))
    if reset is None:
        reset = _next_midnight(sent_at)
    wait = reset - (now if abs(now - sent_at) <= CLOCK_TOLERANCE else sent_at)
    limit = header_number(headers.get("x-rate-limit-limit"))
    return Quota(limit, remaining, now + min(max(wait, 0.0), MAX_WAIT))


@dataclass
class Budget:
    """Tracks the number of requests for which today's quota has room.

    A response reports the quota that was left when Codat received its request. Other requests in flight may or may not
    be included, so they are subtracted until their responses arrive. A request without a response is subtracted until
    a later one has a response. `reserved` counts the requests that customers in progress still need.
    """

    reserve: int = 0  # requests to leave unused
    quota: Quota | None = None
    in_flight: int = 0
    reserved: int = 0
    _sent: int = 0
    _sent_before_quota: int = 0  # requests sent by the time `quota` was received: a later one brings newer figures
    _unanswered: list[int] = field(default_factory=list)  # for each one, the number of requests sent by then

    @property
    def is_idle(self) -> bool:
        """Whether nothing is in flight or reserved."""
        return self.in_flight == 0 and self.reserved == 0

    @property
    def left(self) -> int | None:
        """The number of requests that can still be reserved, or None while no response has reported a quota."""
        if self.quota is None:
            return None
        return self.quota.remaining - self.reserve - self.in_flight - self.reserved - len(self._unanswered)

    @property
    def is_overdrawn(self) -> bool:
        """Whether even a reserved request no longer fits, because other programs use the quota too."""
        used = self.reserve + self.in_flight + len(self._unanswered)
        return self.quota is not None and self.quota.remaining - used < 1

    @property
    def keeps_some(self) -> bool:
        """Whether requests are left today that the reserve keeps."""
        return self.reserve > 0 and self.quota is not None and self.quota.remaining > 0

    @property
    def keeps_everything(self) -> bool:
        """Whether the reserve is as large as the daily quota, so no day has room for a request."""
        limit = self.quota.limit if self.quota is not None else None
        return limit is not None and self.reserve >= limit

    def on_sent(self) -> int:
        """Count a request that leaves; return its number, for `on_response`."""
        self._sent += 1
        self.in_flight += 1
        return self._sent

    def on_response(self, number: int, quota: Quota | None, *, may_count: bool) -> None:
        """Apply the quota in the response to a request. `may_count` means that Codat may have received the request."""
        self.in_flight -= 1
        if quota is None:
            if may_count:
                self._unanswered.append(self._sent)
            return
        self._unanswered = [sent for sent in self._unanswered if sent >= number]
        if self._is_newer(number, quota):
            self.quota, self._sent_before_quota = quota, self._sent

    def expire(self) -> None:
        """Forget a quota whose day has ended. The next response reports the new one."""
        self.quota = None
        self._unanswered.clear()

    def _is_newer(self, number: int, quota: Quota) -> bool:
        """Return whether figures are newer than the known ones, although responses can overtake each other.

        Within a day the number of used requests only grows, even if the limit changes.
        """
        known = self.quota
        if known is None or number > self._sent_before_quota:
            return True
        if abs(quota.resets_at - known.resets_at) > SAME_RESET:
            return quota.resets_at > known.resets_at
        if quota.limit is None or known.limit is None:
            return quota.remaining < known.remaining
        return quota.limit - quota.remaining > known.limit - known.remaining


def _sent_at(headers: Mapping[str, str], now: float) -> float:
    """Return the Date of a response, in seconds since 1970, or `now` if it is missing or invalid."""
    date = header_date(headers.get("date", ""))
    return now if date is None or abs(date - now) > MAX_CLOCK_ERROR else date


def _next_midnight(now: float) -> float:
    today = datetime.fromtimestamp(now, UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return (today + timedelta(days=1)).timestamp()
