"""Decides the next action for one step of one customer from its earlier attempts. PURE.

The one rule (docs/architecture.md, "Once only"): a request with an unknown outcome is looked up before it is repeated.
The rules of keys are Codat's (https://docs.codat.io/using-the-api/write-data/idempotency): the first response is kept
for 90 minutes and replayed for the same key, even a 5xx, but never a 429. The same key with another body is a 422.
"""

from __future__ import annotations

import random
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum, auto
from typing import NamedTuple

from bulk.model import Attempt, Outcome

KEY_LIFETIME = 90 * 60.0
# Codat may still be working on a request whose client has gone, and a list may lag. A look-up waits this long after the
# request has left. That delays only this customer, and costs no request.
SETTLING = 5.0
# After a 5xx that Codat keeps, the key cannot be repeated. The look-up is then the only protection, so it waits longer.
SETTLING_AFTER_SERVER_ERROR = 12.0
MAX_TRIES = 6  # passing faults of one customer in one run
MAX_EFFORT = 15 * 60.0  # seconds spent on them
# A gateway's 5xx is not kept under the key, but Codat may have produced it: after the second one, the key is spent.
MAX_GATEWAY_FAULTS = 2
# A 409 means that the key's request is still running: after the second one, the thing is looked up. Codat may also keep
# a 409, so in the end the key is spent, but not while its first request may be running: the next key would make a
# second thing. A copy of this batch, or a journal that was lost, may have sent that request: they use the same keys.
MAX_CONFLICTS = 2
MAX_WORK = 30 * 60.0  # seconds that Codat may work on a request
# Two 409s with the same correlation id are one response that Codat keeps and replays: the key's request has ended with
# it, and nothing is running. A look-up a minute later is the proof, unless a request of this journal had no response.
SETTLING_AFTER_KEPT_CONFLICT = 60.0
ERASING_STEP = "delete"  # after a deletion, nothing that was requested before it exists
_KEYS = uuid.UUID("6f6a4c0e-7a58-5c1b-9d1e-2b7f0c8f3a11")


class Policy(Enum):
    """The effect of a repeated request, and the protection against it."""

    CREATE = auto()  # a second one makes a second thing: look up, and repeat with the same key
    CHANGE = auto()  # a second one does no harm, and others may undo the first: look up, then use another key
    RENEW = auto()  # a second one makes the linkUrl of the first useless: wait until the first has ended
    DELETE = auto()  # a second one finds nothing, but deletion is irreversible: look up right before it


@dataclass(frozen=True, slots=True)
class Send:
    """Send the request with the same key and body as before or, if `key` is None, with new ones."""

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
    """Give up because Codat rejected the request. `nothing_exists`: Codat certainly has nothing of this step."""

    nothing_exists: bool = True


Decision = Send | LookUp | Wait | GiveUp


class AttemptHistory(NamedTuple):
    """The summary of the attempts for one step."""

    keys: int = 0  # the number of keys used, including those for companies that were deleted since
    key: str | None = None  # the newest key
    body: str | None = None
    since: float = 0.0  # time of the first request with the key
    is_spent: bool = False  # the response kept under the key is useless: a 5xx, a rejection or an earlier success
    gateway_faults: int = 0
    conflicts: int = 0
    conflict_at: float = 0.0  # time of the first request that got a 409: the one that holds the key began before
    conflict_id: str | None = None  # the correlation id of the last 409
    has_mismatch: bool = False  # Codat rejected a key as used for another request: the next 422 is about the row
    in_doubt: bool = False  # the thing may exist
    was_in_doubt: bool = False
    doubted_at: float = 0.0  # time of the newest request in doubt
    unanswered_at: float = 0.0  # time of the newest request on which Codat may still be working
    settling: float = SETTLING  # seconds after `doubted_at` before a look-up is meaningful
    not_found_at: float = 0.0  # time of the last look-up that did not find the thing
    rejected_in: int = 0  # the run in which Codat rejected the newest request
    last: Attempt | None = None

    @property
    def may_be_done(self) -> bool:
        """Whether the thing may have been done under a key of this step, by this journal or by a copy of it.

        A copy of the batch computes the same keys, so a 409 may be about one of its requests.
        """
        return self.was_in_doubt or self.conflicts > 0


def history(attempts: Iterable[Attempt], step: str, *, may_exist: bool = False) -> AttemptHistory:
    """Summarize a customer's attempts, given oldest first, as the history of one step.

    `may_exist` means that the thing may exist although the attempts do not show that it was created.
    """
    known = AttemptHistory(in_doubt=may_exist)
    for attempt in attempts:
        if attempt.step in (step, ERASING_STEP):
            known = after(known, attempt, step, may_exist=may_exist)
    return known


def after(known: AttemptHistory, attempt: Attempt, step: str, *, may_exist: bool = False) -> AttemptHistory:
    """Return the history of a step after one more attempt: for this step, or a deletion."""
    if attempt.step == ERASING_STEP and attempt.outcome in (Outcome.DONE, Outcome.FOUND):
        return AttemptHistory(keys=known.keys, in_doubt=may_exist)
    if attempt.step != step:
        return known
    if attempt.outcome is Outcome.FOUND or (attempt.outcome is Outcome.DONE and attempt.key is not None):
        return _after_success(known, attempt, may_exist=may_exist)
    return _after_look_up(known, attempt) if attempt.key is None else _after_request(known, attempt)


def decide(known: AttemptHistory, policy: Policy, now: float, *, run: int, timeout: float = 0.0) -> Decision:
    """Decide the next action for a step that is needed.

    `now` is in seconds since 1970. `run` is the number of this run, `timeout` its timeout for a response in seconds.
    """
    if _was_rejected_without_key(known.last, run):
        return GiveUp(nothing_exists=False)
    match policy:
        case Policy.RENEW:
            return _wait_for_last(known, now, timeout) or Send()
        case Policy.DELETE:
            return _decide_deletion(known.last, run)
    if known.in_doubt:
        return _wait_to_settle(known, now) or LookUp()
    if known.rejected_in == run:
        return GiveUp()
    if policy is Policy.CHANGE and known.was_in_doubt:
        return Send()  # the old key would replay a response that may be outdated
    return _decide_key(known, now)


def decide_look_up(known: AttemptHistory, now: float, *, timeout: float) -> Decision:
    """Decide when to look up a connection. The list makes linkUrls useless, so an earlier look-up must have ended."""
    was_look_up = known.last is not None and known.last.key is None
    return (_wait_for_last(known, now, timeout) if was_look_up else None) or LookUp()


def settling_without_response(timeout: float) -> float:
    """Return the seconds after which a request without a response has no effect any more."""
    return SETTLING + 2 * timeout


def next_key(known: AttemptHistory, *, tag: str, step: str, company_id: str | None) -> str:
    """Return the next Idempotency-Key of a step. It is computed, so a new journal uses the same keys as a lost one."""
    return str(uuid.uuid5(_KEYS, f"{tag}/{step}/{company_id or ''}/{known.keys}"))


def backoff(tries: int, rng: random.Random) -> float:
    """Return the seconds to wait after this many passing faults: 50% to 100% of 1, 2, 4, ... 60, at random."""
    return float(min(2.0 ** (tries - 1), 60.0) * rng.uniform(0.5, 1.0))


def is_worth_another_try(tries: int, seconds: float) -> bool:
    """Return whether to try a customer again in this run, after this many passing faults in this many seconds."""
    return tries < MAX_TRIES and seconds < MAX_EFFORT


def _wait_to_settle(known: AttemptHistory, now: float) -> Wait | None:
    settled_at = known.doubted_at + known.settling
    # If the clock was set back, the customer must not wait for long.
    return Wait(settled_at) if now < settled_at <= now + known.settling else None


def _wait_for_last(known: AttemptHistory, now: float, timeout: float) -> Wait | None:
    """Return a wait while Codat may still be working on the last request, or None.

    A request without a response may take longer than the timeout.
    """
    last = known.last
    if last is None or not (last.outcome is None or last.outcome.is_in_doubt):
        return None
    settling = SETTLING if last.status is not None else settling_without_response(timeout)
    ends_at = last.sent_at + settling
    return Wait(ends_at) if now < ends_at <= now + settling else None


def _was_rejected_without_key(last: Attempt | None, run: int) -> bool:
    """Return whether Codat rejected the last request without a key, such as a look-up, in this run."""
    return last is not None and last.key is None and last.outcome is Outcome.REJECTED and last.run == run


def _decide_deletion(last: Attempt | None, run: int) -> Decision:
    """Look up right before a deletion, because somebody may have linked the company since the list was read."""
    is_fresh = last is not None and last.outcome is Outcome.NOT_FOUND and last.run == run
    return Send() if is_fresh else LookUp()


def _decide_key(known: AttemptHistory, now: float) -> Decision:
    if known.key is None or known.is_spent:
        return Send()
    age = now - known.since
    is_forgotten = age >= KEY_LIFETIME
    # If the age is negative, the clock was set back: the key's age is unknown, and a look-up in the future is invalid.
    is_looked_up = known.not_found_at >= known.since + KEY_LIFETIME if is_forgotten else known.not_found_at <= now
    if known.may_be_done and (age < 0 or is_forgotten) and not is_looked_up:
        # It may have been done after the last look-up. While the key lived, repeating it would have shown that.
        return LookUp()
    return Send() if is_forgotten else Send(known.key, known.body)


def _after_success(known: AttemptHistory, attempt: Attempt, *, may_exist: bool) -> AttemptHistory:
    """Start again after a success: another request for the same step asks for another thing, and needs another key."""
    keys = known.keys + (attempt.key is not None and attempt.key != known.key)
    return AttemptHistory(keys=keys, key=attempt.key or known.key, is_spent=True, in_doubt=may_exist, last=attempt)


def _after_look_up(known: AttemptHistory, attempt: Attempt) -> AttemptHistory:
    if attempt.outcome is Outcome.NOT_FOUND:
        return known._replace(in_doubt=False, not_found_at=attempt.sent_at, last=attempt)
    return known._replace(last=attempt)


def _after_request(known: AttemptHistory, attempt: Attempt) -> AttemptHistory:
    if attempt.key != known.key:
        known = known._replace(keys=known.keys + 1, key=attempt.key, body=attempt.body, since=attempt.sent_at)
        known = known._replace(is_spent=False, gateway_faults=0, conflicts=0)
    known = known._replace(rejected_in=0, last=attempt)
    match attempt.outcome:
        case None | Outcome.UNKNOWN | Outcome.SERVER_ERROR:
            return _after_doubt(known, attempt)
        case Outcome.CONFLICT:
            return _after_conflict(known, attempt)
        case Outcome.REJECTED | Outcome.FATAL:
            return _after_rejection(known, attempt)
    return known  # RATE_LIMITED, NOT_SENT, BLOCKED: nothing was done, and the key is good


def _after_doubt(known: AttemptHistory, attempt: Attempt) -> AttemptHistory:
    faults = known.gateway_faults + ((attempt.status or 0) >= 500)
    may_be_running = known.conflicts > 0 and attempt.sent_at < known.conflict_at + MAX_WORK
    is_useless = attempt.outcome is Outcome.SERVER_ERROR or (faults >= MAX_GATEWAY_FAULTS and not may_be_running)
    is_spent = known.is_spent or is_useless
    return known._replace(
        is_spent=is_spent,
        gateway_faults=faults,
        in_doubt=True,
        was_in_doubt=True,
        doubted_at=attempt.sent_at,
        unanswered_at=attempt.sent_at,
        settling=SETTLING_AFTER_SERVER_ERROR if is_spent else SETTLING,
    )


def _after_conflict(known: AttemptHistory, attempt: Attempt) -> AttemptHistory:
    began_at = known.conflict_at if known.conflicts else attempt.sent_at
    is_replay = known.conflicts > 0 and attempt.correlation_id == known.conflict_id is not None
    known = known._replace(conflicts=known.conflicts + 1, conflict_at=began_at, conflict_id=attempt.correlation_id)
    if known.conflicts < MAX_CONFLICTS:
        return known
    has_ended = attempt.sent_at >= known.unanswered_at + MAX_WORK
    is_kept = is_replay and has_ended
    is_spent = known.is_spent or is_kept or (has_ended and attempt.sent_at >= known.conflict_at + MAX_WORK)
    known = _with_spent_key(known, attempt)._replace(is_spent=is_spent, was_in_doubt=True)
    return known._replace(settling=SETTLING_AFTER_KEPT_CONFLICT) if is_kept else known


def _after_rejection(known: AttemptHistory, attempt: Attempt) -> AttemptHistory:
    """Mark the key as spent, because Codat keeps the rejection. If an earlier request may be done, look it up."""
    if attempt.status == 422 and attempt.body is not None and not known.has_mismatch:
        return _with_spent_key(known, attempt)._replace(has_mismatch=True)
    in_doubt = known.in_doubt or known.may_be_done
    rejected_in = attempt.run if attempt.outcome is Outcome.REJECTED else 0
    doubted_at = attempt.sent_at - known.settling
    return known._replace(is_spent=True, in_doubt=in_doubt, doubted_at=doubted_at, rejected_in=rejected_in)


def _with_spent_key(known: AttemptHistory, attempt: Attempt) -> AttemptHistory:
    """Mark the key as used by another request, perhaps for this customer: let the lists catch up, then look up."""
    settling = SETTLING_AFTER_SERVER_ERROR
    return known._replace(is_spent=True, in_doubt=True, doubted_at=attempt.sent_at, settling=settling)
