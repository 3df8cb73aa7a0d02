"""Processes one customer: ask its step, ask `retry`, send, apply. Codat and the journal meet here; no step is named.

Nothing is cancelled between the commit of an intent and the commit of its outcome. If the process dies there, the next
run finds an intent without an outcome, and looks it up before it repeats the request.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import anyio

from bulk.codat import endpoints, responses
from bulk.codat.endpoints import Request
from bulk.codat.responses import Reply
from bulk.codat.throttle import Slot
from bulk.engine import changes, retry
from bulk.engine.changes import Changes
from bulk.engine.context import RunContext
from bulk.engine.queue import Item
from bulk.engine.reservation import Reservation
from bulk.engine.retry import AttemptHistory, Decision, GiveUp, LookUp, Policy, Send, Wait
from bulk.engine.step import Reading, Step, in_doubt, is_gone
from bulk.journal import attempts, customers
from bulk.journal.attempts import Intent, Result
from bulk.model import Attempt, CustomerRecord, Outcome, Problem, State
from bulk.text import timestamp

WITH_KEY = ("POST", "PATCH")  # the methods for which Codat keeps an Idempotency-Key
NOT_LEFT = Reading(responses.not_sent("the run was held or stopped before it left"), {})
PASSING = (Outcome.UNKNOWN, Outcome.SERVER_ERROR, Outcome.CONFLICT, Outcome.NOT_SENT, Outcome.BLOCKED)


@dataclass(frozen=True, slots=True)
class Deferred:
    """The customer is processed again at `due`, in seconds since 1970."""

    item: Item
    due: float


@dataclass(frozen=True, slots=True)
class Finished:
    """This run has nothing more to do for the customer. The state is None if the customer has left the batch."""

    state: State | None
    is_left: bool = False  # there is more to do, but for another run
    rejection: Problem | None = field(default=None, compare=False)  # of the first create of this run, if it failed


async def process(item: Item, context: RunContext) -> Deferred | Finished:
    """Take a customer as far as possible for now. Raises Stopped if the throttle is closed, and JournalError."""
    with Reservation(context.throttle) as reservation:
        return await _take_steps(item, context, reservation)


def has_request(customer: CustomerRecord, context: RunContext) -> bool:
    """Return whether this run has a request for a customer. For a removed customer, only doubts are resolved."""
    step = _next_step(customer, context)
    if step is None:
        return False
    match _decide(customer, step, context):
        case GiveUp():
            return False
        case Send():
            return customer.is_present or not context.only_present
    return True


async def _take_steps(item: Item, context: RunContext, reservation: Reservation) -> Deferred | Finished:
    customer, rejection, has_created = item.customer, None, False
    while (step := _next_step(customer, context)) is not None:
        decision = _decide(customer, step, context)
        match decision:
            case Wait(until):
                return Deferred(replace(item, customer=customer), until)
            case GiveUp(nothing_exists):
                failed = await _fail(customer, step, context, nothing_exists=nothing_exists)
                return replace(failed, rejection=rejection)
            case Send(key) if context.only_present and not customer.is_present:
                return await _skip_removed(customer, step, context, key=key)
            case LookUp():
                reply, customer = await _look_up(customer, step, context, reservation)
            case Send():
                sent = await _send(customer, step, decision, context, reservation)
                if sent is None:  # the decision no longer held after the wait for a slot
                    continue
                reply, customer = sent
        rejection = None if has_created else _rejected_create(step, reply)
        if reply.outcome in (Outcome.DONE, Outcome.FOUND):
            item, has_created = Item(customer), True
        elif reply.outcome in PASSING:
            return await _try_later(replace(item, customer=customer), step, reply, context)
    return await _finish(customer, context)


def _rejected_create(step: Step, reply: Reply) -> Problem | None:
    return reply.problem if step.policy is Policy.CREATE and reply.outcome is Outcome.REJECTED else None


def _next_step(customer: CustomerRecord, context: RunContext) -> Step | None:
    return next((step for step in context.steps if step.is_needed(customer)), None)


def _decide(customer: CustomerRecord, step: Step, context: RunContext) -> Decision:
    known, now = _history(customer, step), context.wall()
    decision = retry.decide(known, step.policy, now, run=context.run, timeout=context.timeout)
    if step.look_up_renews_links and isinstance(decision, LookUp):
        return retry.decide_look_up(known, now, timeout=context.timeout)
    return decision


def _history(customer: CustomerRecord, step: Step) -> AttemptHistory:
    return retry.history(customer.history, step.name, may_exist=step.may_exist(customer))


async def _send(
    customer: CustomerRecord, step: Step, decision: Send, context: RunContext, reservation: Reservation
) -> tuple[Reply, CustomerRecord] | None:
    """Commit the intent of a step, then send its request. Return None if the decision no longer holds by then."""
    await reservation.require(step.requests)
    async with Slot(context.throttle) as slot:
        if _decide(customer, step, context) != decision:
            return None
        request, key = _request(customer, step, decision, context)
        with anyio.CancelScope(shield=True):
            sent = await _exchange(customer, step, request, key, context, reservation, slot)
    return sent


def _request(customer: CustomerRecord, step: Step, decision: Send, context: RunContext) -> tuple[Request, str | None]:
    """Return the request and its key. A key that may have done something is repeated with exactly the same body."""
    request = step.request(customer, context.labels)
    if request.method not in WITH_KEY:
        return request, None
    known = _history(customer, step)
    if decision.key is not None and (known.may_be_done or decision.body == request.body):
        return replace(request, body=decision.body), decision.key
    # Otherwise nothing was done under the old key: the latest values of the input are sent, with the next key.
    return request, retry.next_key(known, tag=customer.tag, step=step.name, company_id=customer.company_id)


async def _exchange(
    customer: CustomerRecord,
    step: Step,
    request: Request,
    key: str | None,
    context: RunContext,
    reservation: Reservation,
    slot: Slot,
) -> tuple[Reply, CustomerRecord]:
    """Commit the intent, send the request and commit its outcome; return the reply and the changed customer."""
    is_repeat = key is not None and any(attempt.key == key for attempt in customer.history)
    may_exist: Changes = {} if is_repeat else step.on_intent(customer)
    intent = Intent(customer.seq, step.name, request.operation, context.wall(), key, request.body)

    def record_intent(connection: sqlite3.Connection) -> int:
        customers.change(connection, customer.seq, may_exist)
        return attempts.record_intent(connection, context.run, intent)

    number = await context.writer.write(record_intent)
    customer = changes.apply(customer, may_exist)

    if context.throttle.is_open:
        ticket = reservation.spend()
        reply = await context.client.send(request, key=key)
        reading = step.read(customer, reply, context.wall())
        is_repeat = _was_blocked(customer, context)
        context.throttle.on_response(ticket, reading.reply, creates=key is not None, is_repeat=is_repeat)
        slot.end()
        requests = 1
    else:  # a 429 or a stop arrived while the intent was being committed
        reading, requests = NOT_LEFT, 0

    customer = _with_attempt(customer, intent, reading.reply, context)
    read = _with_state(customer, reading.changes, context)
    news = read
    if reading.reply.outcome is not Outcome.DONE:
        news = _after_failure(customer, step, reading.reply) | news
    await _record(customer, number, reading.reply, news, context, requests=requests)
    return reading.reply, changes.apply(customer, read)


def _with_state(customer: CustomerRecord, news: Changes, context: RunContext) -> Changes:
    """Keep the state of a customer with a step left: if this run is killed, the next one continues there."""
    is_left = "state" in news and _next_step(changes.apply(customer, news), context) is not None
    return news | {"state": customer.state} if is_left else news


def _after_failure(customer: CustomerRecord, step: Step, reply: Reply) -> Changes:
    """Return the changes for a request that was not, or perhaps not, carried out."""
    left = step.on_failure(customer, reply)
    # After a rejection, `nothing_sent` is applied in the commit that fails the customer: until then it was begun.
    is_certain = reply.outcome is Outcome.FATAL and not _history(customer, step).in_doubt
    left |= step.nothing_sent if is_certain else {}
    is_reported = reply.outcome in (Outcome.REJECTED, Outcome.BLOCKED)
    return left | changes.error(step.name, reply.problem) if is_reported else left


def _was_blocked(customer: CustomerRecord, context: RunContext) -> bool:
    return any(each.run == context.run and each.outcome is Outcome.BLOCKED for each in customer.history)


async def _look_up(
    customer: CustomerRecord, step: Step, context: RunContext, reservation: Reservation
) -> tuple[Reply, CustomerRecord]:
    """Look up, page by page, whether a step was done already, and apply the result."""
    pages, earlier = [step.look_up(customer)], None
    while True:
        await reservation.require(step.requests + 1)
        async with Slot(context.throttle) as slot:
            with anyio.CancelScope(shield=True):
                reading, customer = await _read_page(customer, step, pages, earlier, context, reservation, slot)
        if reading.next_page is None:
            return reading.reply, customer
        pages.append(reading.next_page)
        earlier = reading.reply.content if reading.joins else None


async def _read_page(
    customer: CustomerRecord,
    step: Step,
    pages: Sequence[Request],
    earlier: Any,
    context: RunContext,
    reservation: Reservation,
    slot: Slot,
) -> tuple[Reading, CustomerRecord]:
    """Request the last of these pages. `earlier` is the content of the others, if they are read together.

    Intent and outcome are recorded together, unless the look-up renews linkUrls: a later run must know about a request
    that may still arrive.
    """
    intent = Intent(customer.seq, step.name, pages[-1].operation, context.wall())
    request: Intent | int = intent
    if step.look_up_renews_links:
        request = await context.writer.write(lambda db: attempts.record_intent(db, context.run, intent))
    if context.throttle.is_open:
        ticket = reservation.spend()
        reply = await context.client.send(pages[-1])
        reply = replace(reply, content=endpoints.joined(earlier, reply.content))
        reading = _read_look_up(customer, step, reply, context)
        if reading.next_page in pages:
            reading = in_doubt(reply, "an end of its list")
        is_repeat = _was_blocked(customer, context)
        context.throttle.on_response(ticket, reading.reply, creates=False, is_repeat=is_repeat)
        slot.end()
        requests = 1
    else:
        reading, requests = NOT_LEFT, 0
    customer = _with_attempt(customer, intent, reading.reply, context)
    news = _with_state(customer, reading.changes, context)
    if reading.reply.outcome is Outcome.REJECTED:
        news = news | changes.error(step.name, reading.reply.problem)
    customer = changes.apply(customer, news)
    await _record(customer, request, reading.reply, news, context, requests=requests)
    return reading, customer


def _read_look_up(customer: CustomerRecord, step: Step, reply: Reply, context: RunContext) -> Reading:
    if reply.outcome is Outcome.DONE or (step.reads_gone and is_gone(reply)):
        return step.read_look_up(customer, reply, context.wall(), labels=context.labels)
    return Reading(reply, {})


def _with_attempt(customer: CustomerRecord, intent: Intent, reply: Reply, context: RunContext) -> CustomerRecord:
    step = intent.step or ""
    correlation_id = reply.problem.correlation_id if reply.problem else None
    response = (reply.outcome, reply.status, context.run, correlation_id)
    attempt = Attempt(step, intent.key, intent.body, intent.sent_at, *response)
    return customer.evolve(history=(*customer.history, attempt))


async def _record(
    customer: CustomerRecord,
    request: Intent | int,
    reply: Reply,
    news: Changes,
    context: RunContext,
    *,
    requests: int,
) -> None:
    """Commit an outcome. `request` is the number of the intent or, for a look-up, the intent to record now."""
    now = context.wall()
    result = Result(reply.outcome, now, reply.status, reply.problem)
    note_limits = context.limits_note()

    def record(connection: sqlite3.Connection) -> None:
        number = attempts.record_intent(connection, context.run, request) if isinstance(request, Intent) else request
        attempts.record_outcome(connection, number, result)
        stamped = news | {"updated_at": timestamp(now)} if news else news
        customers.change(connection, customer.seq, stamped, attempts=requests)
        note_limits(connection)

    await context.writer.write(record)


async def _try_later(item: Item, step: Step, reply: Reply, context: RunContext) -> Deferred | Finished:
    """Defer a customer after a passing fault, or leave it for another run.

    While Codat is down, wholly or in part, the fault is not the customer's: the throttle does the waiting.
    """
    now = context.wall()
    is_own_fault = not context.throttle.breaker.is_tripped and context.throttle.is_open
    if not is_own_fault:
        return Deferred(Item(item.customer), now + retry.backoff(1, context.rng))
    tries, since = item.tries + 1, now if item.since is None else item.since
    if retry.is_worth_another_try(tries, now - since):
        return Deferred(Item(item.customer, tries, since), now + retry.backoff(tries, context.rng))
    await _change(item.customer, changes.error(step.name, reply.problem), context)
    return Finished(item.customer.state, is_left=True)


async def _fail(customer: CustomerRecord, step: Step, context: RunContext, *, nothing_exists: bool) -> Finished:
    """Record that Codat rejected this step. After a rejected removal, the customer keeps its state."""
    news: Changes = dict(step.nothing_sent) if nothing_exists else {}
    if step.fails_customer:
        news["state"] = State.FAILED
    await _change(customer, news, context)
    return Finished(State.FAILED)


async def _skip_removed(customer: CustomerRecord, step: Step, context: RunContext, *, key: str | None) -> Finished:
    """Create nothing more for a customer that was removed from the input. Forget one that has no company."""
    if key is not None and _history(customer, step).may_be_done:
        return Finished(customer.state)  # the request under this key may still be carried out
    if customer.company_id is not None:
        return Finished(State.PENDING)
    await context.writer.write(lambda connection: customers.forget(connection, customer.seq))
    return Finished(None)


async def _finish(customer: CustomerRecord, context: RunContext) -> Finished:
    if customer.company_id is None and not customer.is_present:  # deleted from Codat and removed from the input
        await context.writer.write(lambda connection: customers.forget(connection, customer.seq))
        return Finished(None)
    state = changes.final_state(customer)
    if customer.state != state:  # a failed customer that was reopened and needs no further step
        await _change(customer, {"state": state}, context)
    return Finished(state)


async def _change(customer: CustomerRecord, news: Changes, context: RunContext) -> None:
    stamped = news | {"updated_at": timestamp(context.wall())}
    await context.writer.write(lambda connection: customers.change(connection, customer.seq, stamped))
