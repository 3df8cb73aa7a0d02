"""Codat's limits as values: the headers that tell them, and the arithmetic of a day's quota. No I/O, no clock.

https://docs.codat.io/using-the-api/rate-limits: 1,000 x (1 + active connected companies) requests a day and client,
told by every answer; 1,000 a minute from one address; a 429 says with Retry-After how long to wait.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import lru_cache

from bulk.model import Quota

A_DAY = 86_400.0
QUOTA_A_COMPANY = 1000  # requests a day: 1,000 x (1 + active connected companies)
A_CENTURY = 36_525 * A_DAY  # further from it no clock goes wrong: such a date is nonsense
AGREEING = 2.0  # seconds that two clocks may differ and count as the same: dates in headers have whole seconds
MAX_WAIT = 3650 * A_DAY  # what is longer is cut to this: it stops the run all the same
MOST = 10**12  # a number of requests that is larger is nonsense
MAX_DAY = 2 * A_DAY  # no quota of Codat's lasts longer: a reset that claims to is nonsense


def retry_after(headers: Mapping[str, str], now: float) -> float | None:
    """Read Retry-After as seconds from now: a number or a date (RFC 9110, 10.2.3). None if it is missing or nonsense.

    A date is taken relative to the answer's own Date, so a clock that is wrong here does not matter; both have
    whole seconds, hence one more.
    """
    text = headers.get("retry-after", "").strip()
    try:
        seconds = float(text)
    except ValueError:
        moment = _date(text)
        seconds = moment - _date_of_answer(headers, now) + 1 if moment is not None else -1.0
    return min(seconds, MAX_WAIT) if 0 <= seconds < math.inf else None


def read_quota(headers: Mapping[str, str], now: float) -> Quota | None:
    """Read the three X-Rate-Limit headers. None if they are missing; a reset that is missing is the next 00:00 UTC."""
    remaining = _whole(headers.get("x-rate-limit-remaining"))
    if remaining is None:
        return None
    reset = _date(headers.get("x-rate-limit-reset", ""))
    served_at = _date_of_answer(headers, now)
    if reset is None:
        reset = _next_midnight(served_at)
    # Told by Codat's clock: where this machine's disagrees, what counts is how long it is until then.
    wait = reset - (now if abs(now - served_at) <= AGREEING else served_at)
    return Quota(_whole(headers.get("x-rate-limit-limit")), remaining, now + min(max(wait, 0.0), MAX_DAY))


@dataclass
class Budget:
    """How many more requests today's quota has room for, counted so that it is never overdrawn.

    An answer tells what was left when Codat took that request in; those in flight may or may not be counted in it.
    So they are counted once more until they are answered, and one that was never answered until a later answer
    tells. `booked` are requests that a customer in work still needs.
    """

    reserve: int = 0
    quota: Quota | None = None
    in_flight: int = 0
    reserved: int = 0
    _sent: int = 0
    _told_when: int = 0  # how many had been sent when `quota` was told: what is sent later tells later
    _lost: list[int] = field(default_factory=list)  # for each lost request, how many had been sent by then

    @property
    def left(self) -> int | None:
        """Requests that may still be promised to somebody; None while no answer has told a quota."""
        if self.quota is None:
            return None
        return self.quota.remaining - self.reserve - self.in_flight - self.reserved - len(self._lost)

    @property
    def is_overdrawn(self) -> bool:
        """Whether there is no room even for a request that was promised, because others use the quota too."""
        used = self.reserve + self.in_flight + len(self._lost)
        return self.quota is not None and self.quota.remaining - used < 1

    def send(self) -> int:
        """Count a request that leaves; its number is handed back with the answer."""
        self._sent += 1
        self.in_flight += 1
        return self._sent

    def answer(self, number: int, told: Quota | None, *, reached: bool) -> None:
        """Take in what request `number` told. `reached`: it may have been counted by Codat."""
        self.in_flight -= 1
        if told is None:
            if reached:
                self._lost.append(self._sent)
            return
        self._lost = [sent for sent in self._lost if sent >= number]
        if self._is_newer(number, told):
            self.quota, self._told_when = told, self._sent

    def expire(self) -> None:
        """Forget a quota whose day is over: the next answer tells the new one."""
        self.quota = None
        self._lost.clear()

    def _is_newer(self, number: int, told: Quota) -> bool:
        """Whether this was told after what is known: answers overtake each other, and the limit may change in a day.

        Within a day what is used only grows, whatever the limit.
        """
        known = self.quota
        if known is None or number > self._told_when:
            return True
        if abs(told.resets_at - known.resets_at) > 60:
            return told.resets_at > known.resets_at
        if told.limit is None or known.limit is None:
            return told.remaining < known.remaining
        return told.limit - told.remaining > known.limit - known.remaining


def _date_of_answer(headers: Mapping[str, str], now: float) -> float:
    told = _date(headers.get("date", ""))
    return now if told is None or abs(told - now) > A_CENTURY else told


@lru_cache(maxsize=16)  # answers say the same few dates again and again
def _date(text: str) -> float | None:
    """Read a date as seconds since 1970, in the form of RFC 9110 or ISO 8601: Codat shows no example."""
    for parse in (parsedate_to_datetime, datetime.fromisoformat):
        try:
            moment = parse(text)
            return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
        except (ValueError, TypeError, IndexError, OverflowError):
            continue
    return None


def _next_midnight(now: float) -> float:
    today = datetime.fromtimestamp(now, UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return (today + timedelta(days=1)).timestamp()


def _whole(text: str | None) -> int | None:
    try:
        number = int(float(text)) if text is not None else None
    except (ValueError, OverflowError):
        return None
    return number if number is not None and abs(number) <= MOST else None
