"""The faults that a request may meet on its way to Codat and back, and the choice of a seed or a test among them.

bulk has two defences against duplicates: the look-up and the key. Each of them alone is enough; both must not fail
together (docs/architecture.md, "Once only"). So a seed has one of the `CONDITIONS`, and each leaves one defence intact.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol, TypeAlias


class Fate(StrEnum):
    """The fate of one request."""

    WELL = "well"
    SLOW = "slow"  # done and answered, slowly but in time
    NO_CONNECTION = "no connection"  # the request never leaves
    LOST_BEFORE = "lost on the way"  # nothing is done, the connection is lost
    LOST_AFTER = "answer lost"  # it is done, the connection is lost
    STALLED = "stalled"  # nothing is done, and no response ever comes
    LATE = "late"  # the client gives up; it is done afterwards
    CUT_OFF = "cut off"  # the connection is lost at once; it is done afterwards
    KEPT_BEFORE = "5xx, not done"  # Codat's own, stored under the key
    KEPT_AFTER = "5xx, done"
    GATEWAY_BEFORE = "gateway 5xx, not done"
    GATEWAY_AFTER = "gateway 5xx, done"
    HTML_BEFORE = "another server's 200, not done"
    HTML_AFTER = "another server's 200, done"
    TRUNCATED = "half an answer, done"
    EMPTY = "empty 200, done"
    THROTTLED = "429"
    BUSY = "409"
    CONFLICT_KEPT = "409, stored"  # Codat's own, stored under the key
    REJECTED = "400"  # Codat's own, stored under the key
    FIREWALL = "a firewall's page, not done"
    KEY_REJECTED = "401"
    NO_ACCOUNT = "402"  # Codat's own, stored under the key


# Codat's own responses that it stores under the key although nothing is done.
OWN = {Fate.KEPT_BEFORE: 500, Fate.CONFLICT_KEPT: 409, Fate.REJECTED: 400, Fate.NO_ACCOUNT: 402}
GATEWAYS = (Fate.GATEWAY_BEFORE, Fate.GATEWAY_AFTER)
SPENDS_KEY = (Fate.KEPT_BEFORE, Fate.KEPT_AFTER, *GATEWAYS)
NOT_DONE = (
    *(Fate.NO_CONNECTION, Fate.LOST_BEFORE, Fate.STALLED, Fate.GATEWAY_BEFORE, Fate.HTML_BEFORE),
    *(Fate.THROTTLED, Fate.BUSY, Fate.FIREWALL, Fate.KEY_REJECTED),
)
FIREWALLS = (302, 401, 402, 403, 404, 407)
STOPPING = (Fate.KEY_REJECTED, Fate.NO_ACCOUNT)
RARE = 0.08  # the chance that a seed includes a fate that ends a run


class RetryAfter(StrEnum):
    """The form of a Retry-After header."""

    SECONDS = "seconds"
    DATE = "date"
    NONSENSE = "nonsense"
    MISSING = "missing"


Corrupt: TypeAlias = Callable[[int, bytes], tuple[int, Mapping[str, str], bytes]]  # status, headers, body


@dataclass(frozen=True, slots=True)
class Passage:
    """One request's way: its fate, and the seconds that each part of the way takes."""

    fate: Fate
    there: float = 0.0  # until it arrives: the server counts it then
    work: float = 0.0  # from then until it is done
    back: float = 0.0
    lag: float = 0.0  # how far behind a list is
    status: int = 200
    retry_after: RetryAfter = RetryAfter.MISSING
    wait: float = 0.0  # seconds that a response asks the client to wait
    corrupt: Corrupt | None = None  # changes the response on the way back


class Schedule(Protocol):
    """Chooses the passage of each request."""

    def passage(self, now: float, *, timeout: float, operation: str) -> Passage:
        """Return the passage of a request that leaves now."""


@dataclass(frozen=True, slots=True)
class Conditions:
    """The properties of a seed's Codat and network. Times are in seconds."""

    honours_keys: bool = True
    max_delay: float = 0.0  # within which a request is still done after its client has given up
    max_lag: float = 0.0  # how far behind a list is
    spends_keys: bool = True  # whether responses occur that make a key useless
    has_jumps: bool = True  # whether this machine's clock may jump during a run; if not, only between runs
    max_jump: float = 86_400.0  # of this clock: a key seems newer or older than it is


CONDITIONS = {
    "nothing late, keys ignored": Conditions(honours_keys=False),
    "a little late, keys ignored": Conditions(honours_keys=False, max_delay=4.0, has_jumps=False),
    "a little late, lists behind": Conditions(max_delay=4.0, max_lag=4.0, has_jumps=False),
    "very late, lists far behind": Conditions(max_delay=900.0, max_lag=600.0, spends_keys=False, max_jump=60.0),
}


@dataclass
class FaultSchedule:
    """Draws each request's passage. During a spell all requests have the same fate."""

    conditions: Conditions
    rng: random.Random
    share: float  # of requests that meet a fault
    fates: list[Fate]  # the fates of this seed, without WELL
    spells: list[tuple[float, float, Fate]] = field(default_factory=list)  # from, until, by the scenario's clock
    is_over: bool = False

    @classmethod
    def draw(cls, rng: random.Random, conditions: Conditions, *, days: float) -> FaultSchedule:
        """Draw the schedule of a seed: all faults, one, or none."""
        known = [
            fate for fate in Fate if _is_possible(fate, conditions) and (fate not in STOPPING or rng.random() < RARE)
        ]
        fates = rng.sample(known, rng.randint(1, len(known)))
        share = rng.choice([0.0, 0.02, 0.08, 0.15, 0.3, 0.5])
        schedule = cls(conditions, rng, share, fates)
        for _ in range(rng.choice([0, 0, 1, 2])):
            begin = rng.uniform(0, days * 86_400 / 10)
            spell = rng.choice([fate for fate in fates if fate not in STOPPING] or [Fate.NO_CONNECTION])
            schedule.spells.append((begin, begin + rng.choice([5.0, 60.0, 200.0, 900.0]), spell))
        return schedule

    def passage(self, now: float, *, timeout: float, operation: str) -> Passage:
        """Return the passage of a request that leaves now."""
        rng, max_delay = self.rng, self.conditions.max_delay
        fate = Fate.WELL if self.is_over else self._fate(now)
        there, back = rng.uniform(0.005, 0.2), rng.uniform(0.005, 0.2)
        work = rng.uniform(0.001, 0.1)
        if fate is Fate.SLOW:
            work, back = min(rng.uniform(0, max_delay or 0.1), timeout / 2), rng.uniform(0.5, timeout - 5)
        elif fate is Fate.LATE:
            # The delay counts from when the request left: where the timeout is longer, it is cut off instead.
            fate = Fate.LATE if timeout < max_delay else Fate.CUT_OFF
        if fate is Fate.LATE:
            work = rng.uniform(timeout, max_delay)
        elif fate is Fate.CUT_OFF:
            work = rng.uniform(0.0, max_delay - 0.3)
        lags = operation.startswith("list_") and not self.is_over and self.conditions.max_lag and rng.random() < 0.3
        status = rng.choice([500, 503]) if fate in (Fate.KEPT_BEFORE, Fate.KEPT_AFTER) else 200
        status = rng.choice([502, 503, 504]) if fate in GATEWAYS else status
        status = rng.choice(FIREWALLS) if fate is Fate.FIREWALL else status
        asks_to_wait = fate in (Fate.THROTTLED, Fate.BUSY) or (status == 503 and rng.random() < 0.5)
        return Passage(
            fate,
            there,
            work,
            back,
            lag=rng.uniform(0.1, self.conditions.max_lag) if lags else 0.0,
            status=status,
            retry_after=rng.choice(list(RetryAfter)) if asks_to_wait else RetryAfter.MISSING,
            wait=rng.choice([0.0, 1.0, 2.0, 7.0, 30.0, 120.0, 400.0]),
        )

    def _fate(self, now: float) -> Fate:
        for begin, end, fate in self.spells:
            if begin <= now < end:
                return fate
        return self.rng.choice(self.fates) if self.rng.random() < self.share else Fate.WELL


def _is_possible(fate: Fate, conditions: Conditions) -> bool:
    if fate is Fate.WELL or (fate in (Fate.LATE, Fate.CUT_OFF) and not conditions.max_delay):
        return False
    return conditions.spends_keys or fate not in (*SPENDS_KEY, *OWN, *STOPPING)
