"""The work on one customer: plan, commit the intent, send, commit the outcome. Here alone Codat and journal meet.

Between the commit of an intent and that of its outcome nothing is cancelled. If the process dies there, the intent
without an outcome is what the next run finds, and looks up before it repeats.
"""

from __future__ import annotations

import random
import sqlite3
import uuid
from collections.abc import Callable
from dataclasses import dataclass, replace

import anyio

from bulk.codat import endpoints, responses
from bulk.codat.client import Sender
from bulk.codat.endpoints import Request
from bulk.codat.responses import Reply
from bulk.codat.throttle import Slot, Throttle
from bulk.engine import retry, steps
from bulk.engine.queue import Item
from bulk.engine.retry import LookUp, Send, Wait
from bulk.engine.steps import Changes, Goal
from bulk.journal import customers, facts
from bulk.journal.attempts import Intent, Result, record_intent, record_outcome
from bulk.journal.writer import Writer
from bulk.model import Attempt, Company, CustomerRecord, Outcome, State, Step

WITH_KEY = ("POST", "PATCH")  # the methods for which Codat keeps an Idempotency-Key


@dataclass(frozen=True, slots=True)
class RunContext:
    """What work is done with: one set for a run."""

    client: Sender
    throttle: Throttle
    writer: Writer
    run: int
    batch: str
    goal: Goal
    wall: Callable[[], float]  # seconds since 1970
    rng: random.Random
    timeout: float = 30.0  # seconds that an answer is waited for
    sweep: retry.Sweep | None = None  # the last one of the company list


@dataclass(frozen=True, slots=True)
class Deferred:
    """The customer waits until `due` (seconds since 1970) and is then taken up again."""

    item: Item
    due: float


@dataclass(frozen=True, slots=True)
class Finished:
    """Nothing more is to be done for the customer in this run. A state of None: it is no longer in the batch."""

    state: State | None
    is_left: bool = False  # there is, but for another run


@dataclass(frozen=True, slots=True)
class _Answered:
    """What one request came to: the reply, and the customer after it."""

    reply: Reply
    entry: CustomerRecord


class _Reservation:
    """Requests of the day's quota that are kept for one customer."""

    def __init__(self, throttle: Throttle) -> None:
        self._throttle = throttle
        self._kept = 0

    async def need(self, requests: int) -> None:
        """Keep so many, which may have to wait for all that the others give back."""
        if self._kept < requests:
            self.give_back()
            await self._throttle.reserve(requests)
            self._kept = requests

    def spend(self) -> int:
        """Take one for a request that leaves now; gives the request's number."""
        self._kept -= 1
        return self._throttle.on_sent()

    def give_back(self) -> None:
        """Keep none any longer."""
        self._throttle.release(self._kept)
        self._kept = 0


async def advance(item: Item, context: RunContext) -> Deferred | Finished:
    """Take a customer as far as it gets now. Raises Stopped when the gate is closed, JournalUnwritable."""
    reservation = _Reservation(context.throttle)
    try:
        return await _advance(item, context, reservation)
    finally:
        reservation.give_back()


async def _advance(item: Item, context: RunContext, reservation: _Reservation) -> Deferred | Finished:
    entry = item.entry
    refused = False  # this run was refused, and looks whether an earlier try had done it after all
    while (step := steps.next_step(entry, context.goal)) is not None:
        decision = _decide(entry, step, context)
        if isinstance(decision, Wait):
            return Deferred(replace(item, entry=entry), decision.until)
        if isinstance(decision, Send) and not entry.is_present and context.goal is Goal.LINK_READY:
            # As long as a key that was in doubt is good, what it asked for may still come about.
            may_come = decision.key is not None and retry.standing(_attempts(entry, step)).was_doubted
            return Finished(entry.state) if may_come else await _let_go(entry, context)
        answered = await _carry_out(decision, entry, step, context, reservation)
        if answered is None:
            continue
        entry, outcome = answered.entry, answered.reply.outcome
        if outcome in (Outcome.DONE, Outcome.FOUND):
            item = Item(entry)
            refused = False
        elif outcome in (Outcome.UNKNOWN, Outcome.SERVER_ERROR, Outcome.CONFLICT, Outcome.NOT_SENT):
            return await _try_later(replace(item, entry=entry), step, answered.reply, context)
        elif refused and outcome is Outcome.NOT_FOUND and steps.next_step(entry, context.goal) is step:
            return await _fail(entry, step, context, steps.unsent(step))
        elif outcome is Outcome.REJECTED:
            refused = isinstance(decision, Send) and retry.standing(_attempts(entry, step)).in_doubt
            if not refused:
                return await _fail(entry, step, context)
    return await _finish(entry, context)


async def _finish(entry: CustomerRecord, context: RunContext) -> Finished:
    if entry.company_id is None and not entry.is_present:  # it was deleted, and the input no longer asks for it
        return await _let_go(entry, context)
    state = steps.state_after(entry)
    if entry.state != state:  # a failed one that was put back to work, and whom nothing is left to be asked for
        changes = {"state": state, "updated_at": steps.timestamp(context.wall())}
        await context.writer.write(lambda connection: customers.change(connection, entry.seq, changes))
    return Finished(state)


async def _carry_out(
    decision: LookUp | Send, entry: CustomerRecord, step: Step, context: RunContext, reservation: _Reservation
) -> _Answered | None:
    """Look or send; None when it had to wait for so long that the decision no longer holds."""
    if isinstance(decision, LookUp):
        await reservation.need(steps.requests_needed(entry, context.goal) + 1)
        return await _look(entry, step, context, reservation)
    await reservation.need(steps.requests_needed(entry, context.goal))
    return await _send(entry, step, decision, context, reservation)


def _decide(entry: CustomerRecord, step: Step, context: RunContext) -> retry.Decision:
    if step is Step.DELETE:
        return retry.decide_deletion(_attempts(entry, step), run=context.run)
    if step is Step.LINK:
        return retry.decide_renewal(_attempts(entry, step), context.wall(), timeout=context.timeout)
    is_known = entry.knows_company if step is Step.COMPANY else entry.knows_connections
    # A sweep of the batch's companies shows every company that it made, but not the connections of those taken over.
    # Whose company it did not show, though there was one, is looked for once more: the list may have lagged.
    sweep = context.sweep if step is Step.COMPANY and is_known else None
    may_exist = step in (Step.COMPANY, Step.CONNECTION, Step.PARTNER) and not is_known
    known = retry.standing(_attempts(entry, step), sweep=sweep, may_exist=may_exist)
    decision = retry.decide(known, context.wall(), is_harmless=step is Step.UNLINK)
    if step is Step.CONNECTION and isinstance(decision, LookUp):
        return retry.decide_look_at_link(_attempts(entry, step), context.wall(), timeout=context.timeout)
    return decision


def _attempts(entry: CustomerRecord, step: Step) -> tuple[Attempt, ...]:
    return tuple(ask for ask in retry.since_deletion(entry.history) if ask.step is step)


async def _send(
    entry: CustomerRecord, step: Step, decision: Send, context: RunContext, reservation: _Reservation
) -> _Answered | None:
    """Send the request of a step, its intent on the disk before it leaves; None as in `_carry_out`."""
    request = steps.request_for(entry, step, batch=context.batch)
    key = None
    if request.method in WITH_KEY:
        if decision.body == request.body or retry.standing(_attempts(entry, step)).was_doubted:
            request, key = replace(request, body=decision.body or request.body), decision.key
        # else nothing was done under the old key: the input's latest values go
        key = key or str(uuid.UUID(int=context.rng.getrandbits(128), version=4))
    async with Slot(context.throttle) as turn:
        if _decide(entry, step, context) != decision:
            return None
        with anyio.CancelScope(shield=True):
            answered = await _exchange(entry, step, request, key, context, reservation, turn)
    return answered


async def _exchange(
    entry: CustomerRecord,
    step: Step,
    request: Request,
    key: str | None,
    context: RunContext,
    reservation: _Reservation,
    turn: Slot,
) -> _Answered:
    sent_at = context.wall()
    intent = Intent(entry.seq, step, request.operation, sent_at, key, request.body)
    is_repeat = key is not None and any(ask.key == key for ask in entry.history)
    may_exist: Changes = {} if is_repeat else steps.sent(entry, step)

    def intend(connection: sqlite3.Connection) -> int:
        customers.change(connection, entry.seq, may_exist)
        return record_intent(connection, context.run, intent)

    number = await context.writer.write(intend)
    entry = steps.apply(entry, may_exist)

    if context.throttle.is_open:
        ticket = reservation.spend()
        reply, changes = steps.read_answer(entry, step, await context.client.send(request, key=key), context.wall())
        context.throttle.on_response(ticket, reply, creates=key is not None)
        turn.end()
        attempts = 1
    else:  # a 429 or a stop came in while the intent was being committed
        reply, changes, attempts = responses.not_sent("the run was held or stopped before it left"), {}, 0

    ask = Attempt(step, key, request.body, sent_at, reply.outcome, reply.status, context.run)
    # A lost answer may have carried another linkUrl: the last one is never restored after it.
    old_link = (None, None) if reply.outcome.is_in_doubt else entry.old_link
    entry = entry.evolve(history=(*entry.history, ask), old_link=old_link)
    left = {}
    if reply.outcome is not Outcome.DONE:
        left = steps.left_by(entry, step, reply, in_doubt=retry.standing(_attempts(entry, step)).in_doubt)
    await _settle(entry, number, reply, left | changes, context, attempts=attempts)
    return _Answered(reply, steps.apply(entry, changes))


async def _look(entry: CustomerRecord, step: Step, context: RunContext, reservation: _Reservation) -> _Answered:
    """Ask Codat whether a step whose outcome is unknown was done, and take over what is there."""
    if step is Step.COMPANY:
        return await _look_for_company(entry, context, reservation)
    look_up = steps.look_up_for(entry, step)
    if step is Step.DELETE:
        return await _ask(entry, step, look_up, context, reservation, read=steps.read_deletable)

    def read(entry: CustomerRecord, reply: Reply, at: float) -> tuple[Reply, Changes]:
        return steps.read_connections(entry, step, reply, at)

    return await _ask(entry, step, look_up, context, reservation, read=read)


async def _look_for_company(entry: CustomerRecord, context: RunContext, reservation: _Reservation) -> _Answered:
    found: list[Company] = []
    following: str | None = None

    def read(entry: CustomerRecord, reply: Reply, at: float) -> tuple[Reply, Changes]:
        nonlocal following
        page = endpoints.read_company_page(reply.content)
        if page is None or page.next_path == request.path:
            return responses.unreadable(reply, "a page of companies"), {}
        following = page.next_path
        found.extend(page.companies)
        company = steps.company_of(entry, found)
        if company is not None:
            return replace(reply, outcome=Outcome.FOUND), steps.taken_over(entry, company, batch=context.batch, at=at)
        return replace(reply, outcome=Outcome.DONE if following else Outcome.NOT_FOUND), {}

    request = steps.look_up_for(entry, Step.COMPANY)
    while True:
        answered = await _ask(entry, Step.COMPANY, request, context, reservation, read=read)
        if answered.reply.outcome is not Outcome.DONE or following is None:
            return answered
        await reservation.need(1 + steps.requests_needed(entry, context.goal))
        entry, request = answered.entry, endpoints.next_page(following)


async def _ask(
    entry: CustomerRecord,
    step: Step,
    request: Request,
    context: RunContext,
    reservation: _Reservation,
    *,
    read: Callable[[CustomerRecord, Reply, float], tuple[Reply, Changes]],
) -> _Answered:
    """Send a request that changes nothing in Codat; it is written down with its answer."""
    async with Slot(context.throttle) as turn:
        with anyio.CancelScope(shield=True):
            sent_at = context.wall()
            ticket = reservation.spend()
            reply = await context.client.send(request)
            changes: Changes = {}
            if reply.outcome is Outcome.DONE or (step is Step.DELETE and steps.is_gone(reply)):
                reply, changes = read(entry, reply, context.wall())
            context.throttle.on_response(ticket, reply, creates=False)
            turn.end()
            if reply.outcome is Outcome.REJECTED:
                changes = steps.troubled(step, reply.problem)

            intent = Intent(entry.seq, step, request.operation, sent_at)
            ask = Attempt(step, None, None, sent_at, reply.outcome, reply.status, context.run)
            entry = entry.evolve(history=(*entry.history, ask))
            await _settle(entry, intent, reply, changes, context, attempts=1)
    return _Answered(reply, steps.apply(entry, changes))


async def _settle(
    entry: CustomerRecord, asked: Intent | int, reply: Reply, changes: Changes, context: RunContext, *, attempts: int
) -> None:
    """Commit an outcome. `asked`: the number of the intent, or a look-up that is only now written down."""
    now = context.wall()
    result = Result(reply.outcome, now, reply.status, reply.problem)
    note_limits = limits_of(context)

    def settle(connection: sqlite3.Connection) -> None:
        number = record_intent(connection, context.run, asked) if isinstance(asked, Intent) else asked
        record_outcome(connection, number, result)
        stamped = changes | {"updated_at": steps.timestamp(now)} if changes else changes
        customers.change(connection, entry.seq, stamped, attempts=attempts)
        note_limits(connection)

    await context.writer.write(settle)


def limits_of(context: RunContext) -> Callable[[sqlite3.Connection], None]:
    """Give what writes down what Codat's answers have told of its limits so far."""
    quota, asked_until = context.throttle.budget.quota, context.throttle.asked_until

    def note(connection: sqlite3.Connection) -> None:
        if (
            quota is not None and quota is context.throttle.budget.quota
        ):  # else a later answer is about to be written down
            facts.put_quota(connection, quota, steps.timestamp(quota.resets_at))
        if asked_until is not None:
            facts.put_retry_after(connection, noted_at=asked_until.noted_at, until=asked_until.until)

    return note


async def _try_later(item: Item, step: Step, reply: Reply, context: RunContext) -> Deferred | Finished:
    """Put a customer with a passing fault back, or leave it for another run.

    While Codat is down for everybody, nobody's tries are counted: the gate does the waiting.
    """
    now = context.wall()
    is_own_fault = not context.throttle.breaker.is_tripped and context.throttle.is_open
    if not is_own_fault:
        return Deferred(Item(item.entry, item.tries), now + retry.backoff(1, context.rng))
    tries, since = item.tries + 1, now if item.since is None else item.since
    if retry.is_worth_another_try(tries, now - since):
        return Deferred(Item(item.entry, tries, since), now + retry.backoff(tries, context.rng))
    changes = steps.troubled(step, reply.problem) | {"updated_at": steps.timestamp(now)}
    await context.writer.write(lambda connection: customers.change(connection, item.entry.seq, changes))
    return Finished(item.entry.state, is_left=True)


async def _fail(entry: CustomerRecord, step: Step, context: RunContext, also: Changes | None = None) -> Finished:
    """Note that Codat refused this step; what it refused to take away is there as before."""
    changes: Changes = (also or {}) | {"updated_at": steps.timestamp(context.wall())}
    if step not in (Step.UNLINK, Step.DELETE):
        changes["state"] = State.FAILED
    await context.writer.write(lambda connection: customers.change(connection, entry.seq, changes))
    return Finished(State.FAILED)


async def _let_go(entry: CustomerRecord, context: RunContext) -> Finished:
    """Codat is known not to have the next thing, and the input no longer asks for it."""
    if entry.company_id is None:
        await context.writer.write(lambda connection: customers.dismiss(connection, entry.seq))
        return Finished(None)
    return Finished(State.PENDING)  # and so it stays: nothing more is asked for it
