"""What a test wants to know afterwards: who asked what, how often, how fast, and too early or not."""

from __future__ import annotations

import time
from collections import Counter, deque
from dataclasses import asdict, dataclass
from typing import Any

from bulk.sandbox.limits import WINDOW_SECONDS

# A request that was on its way when the 429 was sent is nobody's fault.
GRACE_SECONDS = 0.25
_LOGGED = 20_000


@dataclass(frozen=True, slots=True)
class Arrival:
    """A request that has come in; `at` is the sandbox's own time, `started` monotonic."""

    number: int
    operation: str
    at: float
    started: float


@dataclass(frozen=True, slots=True)
class LogEntry:
    """A request that is over; `status` is None where no answer was sent."""

    number: int
    at: float
    operation: str
    method: str
    path: str
    status: int | None
    seconds: float
    key: str | None
    fault: str | None
    replayed: bool


class Stats:
    """Counts since the start, or since they were reset. In memory only, and flat."""

    def __init__(self) -> None:
        self._numbered = 0
        self._in_flight = 0
        self.reset()

    def reset(self) -> None:
        """Count from zero; what is in flight stays in flight."""
        self._operations: Counter[str] = Counter()
        self._statuses: Counter[str] = Counter()
        self._faults: Counter[str] = Counter()
        self._limits: Counter[str] = Counter()
        self._recent: deque[float] = deque()
        self._worst_window = 0
        self._hold_from = self._hold_until = 0.0
        self._early = self._early_in_grace = 0
        self._replays = 0
        self._most_in_flight = self._in_flight
        self._refused_second = 0
        self._log: deque[LogEntry] = deque(maxlen=_LOGGED)

    @property
    def in_flight(self) -> int:
        """Requests that are being answered now."""
        return self._in_flight

    def arrive(self, operation: str, now: float) -> Arrival:
        """Count a request, first thing."""
        started = time.monotonic()
        self._numbered += 1
        self._operations[operation] += 1
        self._in_flight += 1
        self._most_in_flight = max(self._most_in_flight, self._in_flight)
        self._recent.append(started)
        while self._recent[0] <= started - WINDOW_SECONDS:
            self._recent.popleft()
        self._worst_window = max(self._worst_window, len(self._recent))
        if now < self._hold_until:
            if now > self._hold_from + GRACE_SECONDS:
                self._early += 1
            else:
                self._early_in_grace += 1
        return Arrival(self._numbered, operation, now, started)

    def leave(self, entry: LogEntry) -> None:
        """Count a request that is over."""
        self._in_flight -= 1
        self._statuses["no answer" if entry.status is None else str(entry.status)] += 1
        self._replays += entry.replayed
        if entry.fault:
            self._faults[entry.fault] += 1
        self._log.append(entry)

    def told_to_wait(self, now: float, until: float) -> None:
        """Note that a Retry-After was given, and until when."""
        if until > self._hold_until:
            self._hold_from, self._hold_until = now, until

    def limited(self, limit: str) -> None:
        """Count a request that ran into a limit: `minute`, `day` or `at_once`."""
        self._limits[limit] += 1

    def refused_second(self) -> None:
        """Count a second connection that was asked for and refused: a duplicate that did not come about."""
        self._refused_second += 1

    def log_after(self, number: int) -> list[dict[str, Any]]:
        """List the finished requests that came after one, by its number, of the last 20,000."""
        return [asdict(entry) for entry in self._log if entry.number > number]

    def report(self) -> dict[str, Any]:
        """Give all counts."""
        return {
            "requests": dict(self._operations),
            "requests_total": self._operations.total(),
            "statuses": dict(self._statuses),
            "faults": dict(self._faults),
            "rate_limited": self._statuses["429"],
            "limits": dict(self._limits),
            "worst_window": self._worst_window,
            "early_requests": self._early,
            "early_within_grace": self._early_in_grace,
            "idempotent_replays": self._replays,
            "in_flight": self._in_flight,
            "max_in_flight": self._most_in_flight,
            "refused_second_connections": self._refused_second,
        }
