"""What to do next for one step of one customer. No I/O, no clock: what was asked and the time in, a decision out.

The one rule (docs/architecture.md, "Once only"): an outcome that is unknown is looked up before the request is
repeated. The key's rules are Codat's (https://docs.codat.io/using-the-api/write-data/idempotency): the first answer is
kept for 90 minutes and replayed for the same key, a 5xx too, a 429 never.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from bulk.model import Attempt, Outcome, Step

KEY_LIFETIME = 90 * 60.0
# A request whose client is gone may still be at work, and a list may lag behind; a look-up waits so long after the
# request left. It costs time for this one customer and no request.
SETTLING = 5.0
# Behind a kept 5xx the look-up is all there is, since the key cannot be repeated: it gets longer.
SETTLING_OF_KEPT = 12.0
MAX_TRIES = 6  # passing faults of one customer in one run
MAX_EFFORT = 15 * 60.0  # seconds spent on them
# Codat's own 5xx are kept under their key. A gateway's are not, unless Codat stood behind it: after the second,
# the key is held to be spent.
GATEWAY_FAULTS_A_KEY = 2


@dataclass(frozen=True, slots=True)
class Send:
    """Send the POST; with the key and body of last time, or with new ones."""

    key: str | None = None
    body: str | None = None


@dataclass(frozen=True, slots=True)
class LookUp:
    """Ask Codat whether the thing exists already."""


@dataclass(frozen=True, slots=True)
class Wait:
    """Do nothing before this time, in seconds since 1970."""

    until: float


Decision = Send | LookUp | Wait


@dataclass(frozen=True, slots=True)
class Sweep:
    """A whole reading of the lists that show a step: what it showed is in the journal as done."""

    at: float  # when it began, seconds since 1970
    run: int  # which run made it, before all that it asked for customers


@dataclass(frozen=True, slots=True)
class AttemptHistory:
    """What the requests for one step so far amount to."""

    key: str | None = None  # the key to repeat, if any
    body: str | None = None
    since: float = 0.0  # when the key was first used
    is_spent: bool = False  # the answer kept under the key is of no use: a 5xx, a refusal, what was done before
    gateway_faults: int = 0
    in_doubt: bool = False  # the thing may exist
    doubted_at: float = 0.0  # when the newest request in doubt left
    doubted_in: int = 0  # and in which run
    settling: float = SETTLING  # how long after that a look-up is worth something
    was_doubted: bool = False  # it was in doubt at some time
    absent_at: float = 0.0  # when it was last looked for and not found


def standing(attempts: Iterable[Attempt], *, sweep: Sweep | None = None, may_exist: bool = False) -> AttemptHistory:
    """Fold what was asked for one step, oldest first.

    `may_exist`: whether the thing may be there although nobody here asked for it, or did and lost sight of it.
    `sweep`: the last one that shows this step. What was in doubt before it, and is still, was not there then.
    """
    now = AttemptHistory(in_doubt=may_exist)
    for ask in attempts:
        if ask.outcome is Outcome.FOUND or (ask.outcome is Outcome.DONE and ask.key is not None):
            # It was done. What is asked of the same step since then is another thing, and needs another key.
            now = AttemptHistory(key=ask.key or now.key, is_spent=True, in_doubt=may_exist)
        else:
            now = _after_look(now, ask) if ask.key is None else _after_post(now, ask)
    if now.in_doubt and sweep and now.doubted_in < sweep.run and sweep.at >= now.doubted_at + now.settling:
        now = replace(now, in_doubt=False, absent_at=sweep.at)
    return now


def decide(known: AttemptHistory, now: float, *, is_harmless: bool = False) -> Decision:
    """Decide what to do next for a step that is not done.

    `is_harmless`: doing it twice does no harm, and it can be undone by others. Then the answer that is kept under a key
    in doubt may be of another time, and is not asked for again.
    """
    if known.in_doubt:
        settled_at = known.doubted_at + known.settling
        # A clock that was set back must not hold anybody for long.
        return Wait(settled_at) if now < settled_at <= now + known.settling else LookUp()
    if is_harmless and known.was_doubted:
        return Send()
    if known.key is None or known.is_spent:
        return Send()
    age = now - known.since
    is_forgotten = age >= KEY_LIFETIME
    # Below 0 the clock was set back, and nobody knows how old the key is. A look-up since then is of the past.
    is_looked_for = known.absent_at >= known.since + KEY_LIFETIME if is_forgotten else known.absent_at <= now
    if known.was_doubted and (age < 0 or is_forgotten) and not is_looked_for:
        # What was in doubt may have been done since it was looked for; while the key lived, that would have shown.
        return LookUp()
    return Send() if is_forgotten else Send(known.key, known.body)


def decide_renewal(attempts: Sequence[Attempt], now: float, *, timeout: float) -> Decision:
    """Decide what to do next for a linkUrl that is to be made anew, oldest ask first.

    Asking twice is no harm, but only the last one made opens. So a request that was lost and may still be at work must
    be over before the next one, or it would spoil what that one brings. `timeout`: for how many seconds an answer is
    waited for; one that never came may have been as slow as that, and more.
    """
    last = attempts[-1] if attempts else None
    if last is not None and (last.outcome is None or last.outcome.is_in_doubt):
        settling = SETTLING if last.status is not None else SETTLING + 2 * timeout
        settled_at = last.sent_at + settling
        return Wait(settled_at) if now < settled_at <= now + settling else Send()
    return Send()


def decide_look_at_link(attempts: Sequence[Attempt], now: float, *, timeout: float) -> Decision:
    """Decide when to look for a connection that is in doubt, oldest ask first.

    The list of a company's connections makes their linkUrls anew as well: a look-up that was lost must be over.
    """
    was_look_up = bool(attempts) and attempts[-1].key is None
    renewal = decide_renewal(attempts, now, timeout=timeout) if was_look_up else LookUp()
    return renewal if isinstance(renewal, Wait) else LookUp()


def decide_deletion(attempts: Sequence[Attempt], *, run: int) -> Decision:
    """Decide what to do next for a company that is to be deleted, oldest ask first.

    A deletion needs no key, since a second one finds nothing; but it cannot be taken back. So Codat is asked right
    before it whether somebody has linked the company: `run` is this run, and a look of an earlier one is too old.
    """
    last = attempts[-1] if attempts else None
    is_fresh = last is not None and last.outcome is Outcome.NOT_FOUND and last.run == run
    return Send() if is_fresh else LookUp()


def since_deletion(attempts: Sequence[Attempt]) -> Sequence[Attempt]:
    """Leave out what was asked for a company that has been deleted since: nothing of it is left."""
    is_gone = (Outcome.DONE, Outcome.FOUND)
    gone = [n for n, ask in enumerate(attempts) if ask.step is Step.DELETE and ask.outcome in is_gone]
    return attempts[gone[-1] + 1 :] if gone else attempts


def backoff(tries: int, rng: random.Random) -> float:
    """Seconds to wait after so many passing faults in a row: 1, 2, 4, ... up to a minute, halved to full at random."""
    return float(min(2.0 ** (tries - 1), 60.0) * rng.uniform(0.5, 1.0))


def is_worth_another_try(tries: int, seconds: float) -> bool:
    """Whether a customer with so many passing faults over so long is tried again in this run."""
    return tries < MAX_TRIES and seconds < MAX_EFFORT


def _after_look(now: AttemptHistory, ask: Attempt) -> AttemptHistory:
    return replace(now, in_doubt=False, absent_at=ask.sent_at) if ask.outcome is Outcome.NOT_FOUND else now


def _after_post(now: AttemptHistory, ask: Attempt) -> AttemptHistory:
    if ask.key != now.key:
        now = replace(now, key=ask.key, body=ask.body, since=ask.sent_at, is_spent=False, gateway_faults=0)
    outcome = ask.outcome
    if outcome is None or outcome.is_in_doubt:
        faults = now.gateway_faults + (1 if (ask.status or 0) >= 500 else 0)
        is_spent = now.is_spent or outcome is Outcome.SERVER_ERROR or faults >= GATEWAY_FAULTS_A_KEY
        return replace(
            now,
            is_spent=is_spent,
            gateway_faults=faults,
            in_doubt=True,
            doubted_at=ask.sent_at,
            doubted_in=ask.run,
            settling=SETTLING_OF_KEPT if is_spent else SETTLING,
            was_doubted=True,
        )
    if outcome in (Outcome.REJECTED, Outcome.FATAL):  # kept under its key: it would be replayed
        # An earlier try may have done it, and this refusal be its echo ("has one already"): look once more.
        in_doubt = now.in_doubt or now.was_doubted
        doubted_at = ask.sent_at - now.settling
        return replace(now, is_spent=True, in_doubt=in_doubt, doubted_at=doubted_at, doubted_in=ask.run)
    return now  # HELD, BUSY, UNSENT: nothing was done, the key is good
