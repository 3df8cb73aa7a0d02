"""Counts the requests of a sandbox: their operations, their rate, those that came too early, and their results."""

from __future__ import annotations

import time
from collections import Counter, deque
from dataclasses import asdict, dataclass
from email.utils import parsedate_to_datetime
from typing import Any

from bulk.sandbox.bodies import Response
from bulk.sandbox.exchange import Outcome
from bulk.sandbox.limits import WINDOW_SECONDS

# A request that was on its way when the 429 was sent does not count as early.
GRACE_SECONDS = 0.25
_LOGGED = 20_000


@dataclass(frozen=True, slots=True)
class Arrival:
    """A request that has arrived; `at` is the sandbox's own time, `started` is monotonic."""

    number: int
    operation: str
    at: float
    started: float


@dataclass(frozen=True, slots=True)
class LogEntry:
    """A finished request; `status` is None if the client got no response."""

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
    """Counts since the start or since the last reset, in memory."""

    def __init__(self) -> None:
        self._numbered = 0
        self._in_flight = 0
        self.reset()

    def reset(self) -> None:
        """Count from zero; requests in flight stay in flight."""
        self._operations: Counter[str] = Counter()
        self._statuses: Counter[str] = Counter()
        self._faults: Counter[str] = Counter()
        self._recent: deque[float] = deque()
        self._worst_window = 0
        self._hold_from = self._hold_until = 0.0
        self._early = self._early_in_grace = 0
        self._replays = 0
        self._max_in_flight = self._in_flight
        self._refused_second = 0
        self._log: deque[LogEntry] = deque(maxlen=_LOGGED)

    def arrive(self, operation: str, now: float) -> Arrival:
        """Count a request on arrival; `now` is the sandbox's own time."""
        started = time.monotonic()
        self._numbered += 1
        self._operations[operation] += 1
        self._in_flight += 1
        self._max_in_flight = max(self._max_in_flight, self._in_flight)
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

    def leave(self, arrival: Arrival, *, method: str, path: str, outcome: Outcome, now: float) -> None:
        """Count a finished request."""
        self._in_flight -= 1
        response = outcome.response
        self._statuses["no answer" if response is None else str(response.status)] += 1
        self._replays += outcome.is_replay
        if outcome.fault:
            self._faults[outcome.fault] += 1
        if response is not None:
            self._refused_second += response.status == 400 and b"already has a" in response.body
            self._note_wait(response, now)
        self._log.append(
            LogEntry(
                number=arrival.number,
                at=arrival.at,
                operation=arrival.operation,
                method=method,
                path=path,
                status=None if response is None else response.status,
                seconds=time.monotonic() - arrival.started,
                key=outcome.key,
                fault=outcome.fault,
                replayed=outcome.is_replay,
            )
        )

    def _note_wait(self, response: Response, now: float) -> None:
        """Note the time until which a Retry-After asks the client to wait."""
        value = dict(response.headers).get("Retry-After", "")
        if value.isdecimal():
            self.hold(now, now + int(value))
        elif value.endswith("GMT"):
            self.hold(now, parsedate_to_datetime(value).timestamp())

    def hold(self, now: float, until: float) -> None:
        """Note that no request should arrive before a time."""
        if until > self._hold_until:
            self._hold_from, self._hold_until = now, until

    def log_after(self, number: int) -> list[dict[str, Any]]:
        """Return the finished requests with a higher number, of the last 20,000."""
        return [asdict(entry) for entry in self._log if entry.number > number]

    def report(self) -> dict[str, Any]:
        """Return all counts."""
        return {
            "requests": dict(self._operations),
            "requests_total": self._operations.total(),
            "statuses": dict(self._statuses),
            "faults": dict(self._faults),
            "rate_limited": self._statuses["429"],
            "worst_window": self._worst_window,
            "early_requests": self._early,
            "early_within_grace": self._early_in_grace,
            "idempotent_replays": self._replays,
            "in_flight": self._in_flight,
            "max_in_flight": self._max_in_flight,
            "refused_second_connections": self._refused_second,
        }
