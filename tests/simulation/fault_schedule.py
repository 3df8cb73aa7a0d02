"""What may become of a request on its way to Codat and back, and which of it a seed has in store.

Two lines of defence, the look-up and the key, hold one without the other, not when both fail (docs/architecture.md,
"Once only"). So a seed has one of the skies, and each sky leaves one of the two whole.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from enum import StrEnum


class Fate(StrEnum):
    """What becomes of one request."""

    WELL = "well"
    SLOW = "slow"  # done and answered, late but in time
    NO_CONNECTION = "no connection"  # it never leaves
    LOST_BEFORE = "lost on the way"  # nothing is done, the connection is lost
    LOST_AFTER = "answer lost"  # it is done, the connection is lost
    STALLED = "stalled"  # nothing is done, and there is never an answer
    LATE = "late"  # the client gives up; it is done afterwards
    CUT_OFF = "cut off"  # the connection is lost at once; it is done afterwards
    KEPT_BEFORE = "5xx, not done"  # Codat's own, kept under the key
    KEPT_AFTER = "5xx, done"
    GATEWAY_BEFORE = "gateway 5xx, not done"
    GATEWAY_AFTER = "gateway 5xx, done"
    HTML_BEFORE = "somebody else's 200, not done"
    HTML_AFTER = "somebody else's 200, done"
    TRUNCATED = "half an answer, done"
    EMPTY = "empty 200, done"
    THROTTLED = "429"
    BUSY = "409"
    REFUSED = "400"  # Codat's own, kept under the key
    KEY_REFUSED = "401"
    NO_ACCOUNT = "402"  # Codat's own, kept under the key


# What Codat itself answers and keeps under the key, though nothing is done.
OWN = {Fate.KEPT_BEFORE: 500, Fate.REFUSED: 400, Fate.NO_ACCOUNT: 402}
GATEWAYS = (Fate.GATEWAY_BEFORE, Fate.GATEWAY_AFTER)
SPENDS_KEY = (Fate.KEPT_BEFORE, Fate.KEPT_AFTER, *GATEWAYS)
NOT_DONE = (
    *(Fate.NO_CONNECTION, Fate.LOST_BEFORE, Fate.STALLED, Fate.GATEWAY_BEFORE, Fate.HTML_BEFORE),
    *(Fate.THROTTLED, Fate.BUSY, Fate.KEY_REFUSED),
)
STOPPING = (Fate.KEY_REFUSED, Fate.NO_ACCOUNT)
RARE = 0.08  # how often a fate that ends a run is as likely as the others


class RetryAfter(StrEnum):
    """In which form an answer asks to wait."""

    SECONDS = "seconds"
    DATE = "date"
    NONSENSE = "nonsense"
    MISSING = "missing"


@dataclass(frozen=True, slots=True)
class Sky:
    """What a seed's Codat is like. Times in seconds."""

    honours_keys: bool = True
    longest_delay: float = 0.0  # after which a request whose client has given up is still done
    longest_lag: float = 0.0  # by which a list is behind
    spends_keys: bool = True  # whether answers occur after which a key is of no use any more
    jumps: bool = True  # whether this machine's clock may be set while a run goes on; else between runs only
    longest_jump: float = 86_400.0  # of this clock: a key counts as younger or older than it is


SKIES = {
    "nothing late, keys ignored": Sky(honours_keys=False),
    "a little late, keys ignored": Sky(honours_keys=False, longest_delay=4.0, jumps=False),
    "a little late, lists behind": Sky(longest_delay=4.0, longest_lag=4.0, jumps=False),
    "very late, lists far behind": Sky(longest_delay=900.0, longest_lag=600.0, spends_keys=False, longest_jump=60.0),
}


@dataclass(frozen=True, slots=True)
class Passage:
    """One request's way: its fate, and how long each part of it takes, in seconds."""

    fate: Fate
    there: float  # until it arrives: the server counts it then
    work: float  # from then until it is done
    back: float
    lag: float = 0.0  # by which a list is behind
    status: int = 200
    retry_after: RetryAfter = RetryAfter.MISSING
    wait: float = 0.0  # that is asked for


@dataclass
class Weather:
    """Decides each request's passage; a spell gives all of them one fate for a while."""

    sky: Sky
    rng: random.Random
    share: float  # of requests that meet a fault
    fates: list[Fate]  # those that this seed has in store, besides WELL
    spells: list[tuple[float, float, Fate]] = field(default_factory=list)  # from, until, of the story's clock
    is_over: bool = False

    @classmethod
    def of(cls, rng: random.Random, sky: Sky, *, days: float) -> Weather:
        """Make a seed's weather: some have all faults, some one, some none."""
        known: list[Fate] = [
            fate
            for fate in Fate
            if fate is not Fate.WELL
            and (sky.spends_keys or fate not in (*SPENDS_KEY, *OWN, *STOPPING))
            and (sky.longest_delay or fate not in (Fate.LATE, Fate.CUT_OFF))
            and (fate not in STOPPING or rng.random() < RARE)
        ]
        fates = rng.sample(known, rng.randint(1, len(known)))
        share = rng.choice([0.0, 0.02, 0.08, 0.15, 0.3, 0.5])
        weather = cls(sky, rng, share, fates)
        for _ in range(rng.choice([0, 0, 1, 2])):
            begin = rng.uniform(0, days * 86_400 / 10)
            spell = rng.choice([fate for fate in fates if fate not in STOPPING] or [Fate.NO_CONNECTION])
            weather.spells.append((begin, begin + rng.choice([5.0, 60.0, 200.0, 900.0]), spell))
        return weather

    def passage(self, now: float, *, timeout: float, is_list: bool) -> Passage:
        """Say what becomes of a request that leaves now."""
        rng = self.rng
        fate = Fate.WELL if self.is_over else self._fate(now)
        there, back = rng.uniform(0.005, 0.2), rng.uniform(0.005, 0.2)
        work = rng.uniform(0.001, 0.1)
        if fate is Fate.SLOW:
            work, back = min(rng.uniform(0, self.sky.longest_delay or 0.1), timeout / 2), rng.uniform(0.5, timeout - 5)
        elif fate is Fate.LATE:
            # The longest delay counts from when it left: where the time-out is longer, it is cut off instead.
            fate = Fate.LATE if timeout < self.sky.longest_delay else Fate.CUT_OFF
        if fate is Fate.LATE:
            work = rng.uniform(timeout, self.sky.longest_delay)
        elif fate is Fate.CUT_OFF:
            work = rng.uniform(0.0, self.sky.longest_delay - 0.3)
        lags = is_list and not self.is_over and self.sky.longest_lag and rng.random() < 0.3
        status = rng.choice([500, 503]) if fate in (Fate.KEPT_BEFORE, Fate.KEPT_AFTER) else 200
        status = rng.choice([502, 503, 504]) if fate in GATEWAYS else status
        history = fate in (Fate.THROTTLED, Fate.BUSY) or (status == 503 and rng.random() < 0.5)
        return Passage(
            fate,
            there,
            work,
            back,
            lag=rng.uniform(0.1, self.sky.longest_lag) if lags else 0.0,
            status=status,
            retry_after=rng.choice(list(RetryAfter)) if history else RetryAfter.MISSING,
            wait=rng.choice([0.0, 1.0, 2.0, 7.0, 30.0, 120.0, 400.0]),
        )

    def _fate(self, now: float) -> Fate:
        for begin, end, fate in self.spells:
            if begin <= now < end:
                return fate
        return self.rng.choice(self.fates) if self.rng.random() < self.share else Fate.WELL
