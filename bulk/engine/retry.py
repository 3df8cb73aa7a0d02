"""What to do next for one step of one customer. PURE: its attempts and the time in, a decision out.

The one rule (docs/architecture.md, "Once only"): a request with an unknown outcome is looked up before it is repeated.
The rules of keys are Codat's (https://docs.codat.io/using-the-api/write-data/idempotency): the first response is kept
for 90 minutes and replayed for the same key, a 5xx too, a 429 never. The same key with another body is a 422.
"""

from __future__ import annotations

import random
import uuid
from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import Enum, auto

from bulk.model import Attempt, Outcome

KEY_LIFETIME = 90 * 60.0
# A request whose client has gone may still be at work, and a list may lag. A look-up waits this long after the request
# has left; that costs time for this one customer, and no request.
SETTLING = 5.0
# After a 5xx that Codat keeps, the key cannot be repeated, so the look-up is the only protection: it waits longer.
SETTLING_AFTER_SERVER_ERROR = 12.0
MAX_TRIES = 6  # passing faults of one customer in one run
MAX_EFFORT = 15 * 60.0  # seconds spent on them
# A gateway's 5xx is not kept under the key, unless Codat produced it: after the second one the key counts as spent.
MAX_GATEWAY_FAULTS = 2
# A 409 means that the key is still running: after the second one the thing is looked up. Codat may also keep a 409, so
# the key counts as spent at last, but not while its first request may be at work: the next key would make a second
# thing. That request may be one of a copy of this batch, or of a journal that was lost: they compute the same keys.
MAX_CONFLICTS = 2
MAX_WORK = 30 * 60.0  # seconds that a request may be at work
ERASING_STEP = "delete"  # nothing that was requested before a deletion exists any longer
_KEYS = uuid.UUID("6f6a4c0e-7a58-5c1b-9d1e-2b7f0c8f3a11")


class Policy(Enum):
    """What repeating a request would do, and so what protects against it."""

    CREATE = auto()  # a second one makes a second thing: look up, and repeat with the same key
    CHANGE = auto()  # a second one does no harm and others may undo it: look up, and then use another key
    RENEW = auto()  # a second one makes the first one's linkUrl useless: let the first one end before
    DELETE = auto()  # a second one finds nothing, but it is irreversible: look right before it


@dataclass(frozen=True, slots=True)
class Send:
    """Send the request, with the key and the body of last time or, if `key` is None, with new ones."""

    key: str | None = None
    body: str | None = None


@dataclass(frozen=True, slots=True)
class LookUp:
    """Look up whether Codat has the thing already."""


@dataclass(frozen=True, slots=True)
class Wait:
    """Do nothing before this time, in seconds since 1970."""

    until: float


@dataclass(frozen=True, slots=True)
class GiveUp:
    """Codat rejected it. `nothing_exists`: it is certain that Codat has nothing of this step."""

    nothing_exists: bool = True


Decision = Send | LookUp | Wait | GiveUp


@dataclass(frozen=True, slots=True)
class AttemptHistory:
    """What the attempts for one step amount to."""

    keys: int = 0  # how many keys were used, also for companies that were deleted since
    key: str | None = None  # the newest key
    body: str | None = None
    since: float = 0.0  # when the key was first used
    is_spent: bool = False  # the response kept under the key is useless: a 5xx, a rejection, what was done before
    gateway_faults: int = 0
    conflicts: int = 0
    conflict_at: float = 0.0  # when the first request left that was a 409: the one that holds the key began before
    has_mismatch: bool = False  # a key was refused as one of another request: the next 422 is about the row
    in_doubt: bool = False  # the thing may exist
    was_in_doubt: bool = False
    doubted_at: float = 0.0  # when the newest request in doubt left
    unanswered_at: float = 0.0  # when the newest request left that may still be at work
    settling: float = SETTLING  # how long after that a look-up is meaningful
    not_found_at: float = 0.0  # when it was last looked up and not found
    rejected_in: int = 0  # the run in which Codat rejected the newest request
    last: Attempt | None = None

    @property
    def may_be_done(self) -> bool:
        """Whether the thing may have been done under a key of this step: by this journal, or by a copy of it.

        A copy of the batch computes the same keys, so a 409 may be about a request of its own.
        """
        return self.was_in_doubt or self.conflicts > 0


def history(attempts: Iterable[Attempt], step: str, *, may_exist: bool = False) -> AttemptHistory:
    """Fold a customer's attempts, the oldest first, into the history of one step.

    `may_exist`: the thing may exist although this journal did not ask for it, or asked and lost sight of it.
    """
    now = AttemptHistory(in_doubt=may_exist)
    for attempt in attempts:
        if attempt.step == ERASING_STEP and attempt.outcome in (Outcome.DONE, Outcome.FOUND):
            now = AttemptHistory(keys=now.keys, in_doubt=may_exist)
        elif attempt.step != step:
            continue
        elif attempt.outcome is Outcome.FOUND or (attempt.outcome is Outcome.DONE and attempt.key is not None):
            now = _after_success(now, attempt, may_exist=may_exist)
        else:
            now = _after_look_up(now, attempt) if attempt.key is None else _after_request(now, attempt)
    return now


def decide(known: AttemptHistory, policy: Policy, now: float, *, run: int, timeout: float = 0.0) -> Decision:
    """Decide what to do next for a step that is needed. `run`: this run; `timeout`: how long it waits for a response.

    `now` in seconds since 1970.
    """
    if _was_rejected_without_key(known.last, run):
        return GiveUp(nothing_exists=False)
    match policy:
        case Policy.RENEW:
            return _let_end(known, now, timeout) or Send()
        case Policy.DELETE:
            return _decide_deletion(known.last, run)
    if known.in_doubt:
        return _wait_to_settle(known, now) or LookUp()
    if known.rejected_in == run:
        return GiveUp()
    if policy is Policy.CHANGE and known.was_in_doubt:
        return Send()  # the response that the old key would replay may be of another time
    return _decide_key(known, now)


def decide_look_up(known: AttemptHistory, now: float, *, timeout: float) -> Decision:
    """Decide when to look up a connection: the list makes linkUrls useless, so a lost look-up must have ended."""
    was_look_up = known.last is not None and known.last.key is None
    return (_let_end(known, now, timeout) if was_look_up else None) or LookUp()


def next_key(known: AttemptHistory, *, tag: str, step: str, company_id: str | None) -> str:
    """Return the next Idempotency-Key of a step. It is computed, so a lost journal finds the same keys again."""
    return str(uuid.uuid5(_KEYS, f"{tag}/{step}/{company_id or ''}/{known.keys}"))


def backoff(tries: int, rng: random.Random) -> float:
    """Return the seconds to wait after this many passing faults: 1, 2, 4, ... up to 60, halved to full at random."""
    return float(min(2.0 ** (tries - 1), 60.0) * rng.uniform(0.5, 1.0))


def is_worth_another_try(tries: int, seconds: float) -> bool:
    """Return whether a customer with this many passing faults in this time is tried again in this run."""
    return tries < MAX_TRIES and seconds < MAX_EFFORT


def _wait_to_settle(known: AttemptHistory, now: float) -> Wait | None:
    settled_at = known.doubted_at + known.settling
    # A clock that was set back must not hold a customer for long.
    return Wait(settled_at) if now < settled_at <= now + known.settling else None


def _let_end(known: AttemptHistory, now: float, timeout: float) -> Wait | None:
    """Return how long the last request may still be at work; one without a response may be slower than the timeout."""
    last = known.last
    if last is None or not (last.outcome is None or last.outcome.is_in_doubt):
        return None
    settling = SETTLING if last.status is not None else SETTLING + 2 * timeout
    ends_at = last.sent_at + settling
    return Wait(ends_at) if now < ends_at <= now + settling else None


def _was_rejected_without_key(last: Attempt | None, run: int) -> bool:
    """Return whether Codat rejected the last request without a key, such as a look-up, in this run."""
    return last is not None and last.key is None and last.outcome is Outcome.REJECTED and last.run == run


def _decide_deletion(last: Attempt | None, run: int) -> Decision:
    """Somebody may have linked the company since the list was read: a look-up of this run comes right before."""
    is_fresh = last is not None and last.outcome is Outcome.NOT_FOUND and last.run == run
    return Send() if is_fresh else LookUp()


def _decide_key(known: AttemptHistory, now: float) -> Decision:
    if known.key is None or known.is_spent:
        return Send()
    age = now - known.since
    is_forgotten = age >= KEY_LIFETIME
    # A negative age: the clock was set back, so the key's age is unknown, and a look-up since then is of the past.
    is_looked_up = known.not_found_at >= known.since + KEY_LIFETIME if is_forgotten else known.not_found_at <= now
    if known.may_be_done and (age < 0 or is_forgotten) and not is_looked_up:
        # It may have been done after the look-up; while the key lived, that would have shown.
        return LookUp()
    return Send() if is_forgotten else Send(known.key, known.body)


def _after_success(now: AttemptHistory, attempt: Attempt, *, may_exist: bool) -> AttemptHistory:
    """It was done. Another request for the same step wants another thing, and needs another key."""
    keys = now.keys + (attempt.key is not None and attempt.key != now.key)
    return AttemptHistory(keys=keys, key=attempt.key or now.key, is_spent=True, in_doubt=may_exist, last=attempt)


def _after_look_up(now: AttemptHistory, attempt: Attempt) -> AttemptHistory:
    if attempt.outcome is Outcome.NOT_FOUND:
        return replace(now, in_doubt=False, not_found_at=attempt.sent_at, last=attempt)
    return replace(now, last=attempt)


def _after_request(now: AttemptHistory, attempt: Attempt) -> AttemptHistory:
    if attempt.key != now.key:
        now = replace(now, keys=now.keys + 1, key=attempt.key, body=attempt.body, since=attempt.sent_at)
        now = replace(now, is_spent=False, gateway_faults=0, conflicts=0)
    now = replace(now, rejected_in=0, last=attempt)
    match attempt.outcome:
        case None | Outcome.UNKNOWN | Outcome.SERVER_ERROR:
            return _after_doubt(now, attempt)
        case Outcome.CONFLICT:
            return _after_conflict(now, attempt)
        case Outcome.REJECTED | Outcome.FATAL:
            return _after_rejection(now, attempt)
    return now  # RATE_LIMITED, NOT_SENT: nothing was done, and the key is good


def _after_doubt(now: AttemptHistory, attempt: Attempt) -> AttemptHistory:
    faults = now.gateway_faults + ((attempt.status or 0) >= 500)
    is_spent = now.is_spent or attempt.outcome is Outcome.SERVER_ERROR or faults >= MAX_GATEWAY_FAULTS
    return replace(
        now,
        is_spent=is_spent,
        gateway_faults=faults,
        in_doubt=True,
        was_in_doubt=True,
        doubted_at=attempt.sent_at,
        unanswered_at=attempt.sent_at,
        settling=SETTLING_AFTER_SERVER_ERROR if is_spent else SETTLING,
    )


def _after_conflict(now: AttemptHistory, attempt: Attempt) -> AttemptHistory:
    began_at = now.conflict_at if now.conflicts else attempt.sent_at
    now = replace(now, conflicts=now.conflicts + 1, conflict_at=began_at)
    if now.conflicts < MAX_CONFLICTS:
        return now
    is_spent = now.is_spent or attempt.sent_at >= max(now.conflict_at, now.unanswered_at) + MAX_WORK
    return replace(_with_spent_key(now, attempt), is_spent=is_spent, was_in_doubt=True)


def _after_rejection(now: AttemptHistory, attempt: Attempt) -> AttemptHistory:
    """The rejection is kept under its key. It may be the echo of an earlier request that was done: then look up."""
    if attempt.status == 422 and attempt.body is not None and not now.has_mismatch:
        return replace(_with_spent_key(now, attempt), has_mismatch=True)
    in_doubt = now.in_doubt or now.may_be_done
    rejected_in = attempt.run if attempt.outcome is Outcome.REJECTED else 0
    doubted_at = attempt.sent_at - now.settling
    return replace(now, is_spent=True, in_doubt=in_doubt, doubted_at=doubted_at, rejected_in=rejected_in)


def _with_spent_key(now: AttemptHistory, attempt: Attempt) -> AttemptHistory:
    """The key belongs to another request, maybe of this customer: let the lists catch up, look up, use the next key."""
    settling = SETTLING_AFTER_SERVER_ERROR
    return replace(now, is_spent=True, in_doubt=True, doubted_at=attempt.sent_at, settling=settling)
