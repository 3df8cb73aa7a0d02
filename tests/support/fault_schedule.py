"""What may happen to a request on its way to Codat and back, and which of it a seed or a test has in store.

bulk has two lines of defence against duplicates, the look-up and the key. Each of them alone is enough; both must not
fail together (docs/architecture.md, "Once only"). So a seed has one of the `CONDITIONS`; each leaves one of them whole.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol, TypeAlias


class Fate(StrEnum):
    """What happens to one request."""

    WELL = "well"
    SLOW = "slow"  # done and answered, late but in time
    NO_CONNECTION = "no connection"  # it never leaves
    LOST_BEFORE = "lost on the way"  # nothing is done, the connection is lost
    LOST_AFTER = "answer lost"  # it is done, the connection is lost
    STALLED = "stalled"  # nothing is done, and no answer ever comes
    LATE = "late"  # the client gives up; it is done afterwards
    CUT_OFF = "cut off"  # the connection is lost at once; it is done afterwards
    KEPT_BEFORE = "5xx, not done"  # Codat's own, kept under the key
    KEPT_AFTER = "5xx, done"
    GATEWAY_BEFORE = "gateway 5xx, not done"
    GATEWAY_AFTER = "gateway 5xx, done"
    HTML_BEFORE = "another server's 200, not done"
    HTML_AFTER = "another server's 200, done"
    TRUNCATED = "half an answer, done"
    EMPTY = "empty 200, done"
    THROTTLED = "429"
    BUSY = "409"
    REJECTED = "400"  # Codat's own, kept under the key
    KEY_REJECTED = "401"
    NO_ACCOUNT = "402"  # Codat's own, kept under the key


# What Codat itself answers and keeps under the key, though nothing is done.
OWN = {Fate.KEPT_BEFORE: 500, Fate.REJECTED: 400, Fate.NO_ACCOUNT: 402}
GATEWAYS = (Fate.GATEWAY_BEFORE, Fate.GATEWAY_AFTER)
SPENDS_KEY = (Fate.KEPT_BEFORE, Fate.KEPT_AFTER, *GATEWAYS)
NOT_DONE = (
    *(Fate.NO_CONNECTION, Fate.LOST_BEFORE, Fate.STALLED, Fate.GATEWAY_BEFORE, Fate.HTML_BEFORE),
    *(Fate.THROTTLED, Fate.BUSY, Fate.KEY_REJECTED),
)
STOPPING = (Fate.KEY_REJECTED, Fate.NO_ACCOUNT)
RARE = 0.08  # how often a fate that ends a run is as likely as the others


class RetryAfter(StrEnum):
    """The form in which an answer asks to wait."""

    SECONDS = "seconds"
    DATE = "date"
    NONSENSE = "nonsense"
    MISSING = "missing"


Spoil: TypeAlias = Callable[[int, bytes], tuple[int, Mapping[str, str], bytes]]  # status, headers, body


@dataclass(frozen=True, slots=True)
class Passage:
    """One request's way: its fate, and how long each part of the way takes, in seconds."""

    fate: Fate
    there: float = 0.0  # until it arrives: the server counts it then
    work: float = 0.0  # from then until it is done
    back: float = 0.0
    lag: float = 0.0  # how far behind a list is
    status: int = 200
    retry_after: RetryAfter = RetryAfter.MISSING
    wait: float = 0.0  # how long an answer asks to wait
    spoil: Spoil | None = None  # what else the way back does to an answer


class Schedule(Protocol):
    """Decides the passage of each request."""

    def passage(self, now: float, *, timeout: float, operation: str) -> Passage:
        """Return the passage of a request that leaves now."""


@dataclass(frozen=True, slots=True)
class Conditions:
    """What a seed's Codat and network can do. Times in seconds."""

    honours_keys: bool = True
    max_delay: float = 0.0  # after which a request whose client has given up is still done
    max_lag: float = 0.0  # how far behind a list is
    spends_keys: bool = True  # whether answers occur after which a key is of no further use
    has_jumps: bool = True  # whether this machine's clock may be set during a run; else between runs only
    max_jump: float = 86_400.0  # of this clock: a key seems younger or older than it is


CONDITIONS = {
    "nothing late, keys ignored": Conditions(honours_keys=False),
    "a little late, keys ignored": Conditions(honours_keys=False, max_delay=4.0, has_jumps=False),
    "a little late, lists behind": Conditions(max_delay=4.0, max_lag=4.0, has_jumps=False),
    "very late, lists far behind": Conditions(max_delay=900.0, max_lag=600.0, spends_keys=False, max_jump=60.0),
}


@dataclass
class FaultSchedule:
    """Draws each request's passage. A spell gives all requests one fate for a while."""

    conditions: Conditions
    rng: random.Random
    share: float  # of requests that meet a fault
    fates: list[Fate]  # that this seed has in store, apart from WELL
    spells: list[tuple[float, float, Fate]] = field(default_factory=list)  # from, until, by the scenario's clock
    is_over: bool = False

    @classmethod
    def draw(cls, rng: random.Random, conditions: Conditions, *, days: float) -> FaultSchedule:
        """Draw a seed's schedule: some have all faults, some one, some none."""
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
