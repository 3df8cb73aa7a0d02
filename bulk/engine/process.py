"""Processes one customer: ask its step, ask `retry`, send, apply. No step is named here."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TypeAlias

import anyio

from bulk.codat.endpoints import Request
from bulk.codat.responses import Reply
from bulk.codat.throttle import Slot
from bulk.engine import changes, exchange, retry
from bulk.engine.changes import Changes
from bulk.engine.context import RunContext
from bulk.engine.queue import Item
from bulk.engine.reservation import Reservation
from bulk.engine.retry import Decision, GiveUp, LookUp, Policy, Send, Wait
from bulk.engine.step import Step, next_step
from bulk.journal import customers
from bulk.model import CustomerRecord, Outcome, Problem, State
from bulk.text import timestamp

WITH_KEY = ("POST", "PATCH")  # the methods for which Codat keeps an Idempotency-Key
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


@dataclass(frozen=True, slots=True)
class Outdated:
    """The company list must be read again before anything is created."""


@dataclass(frozen=True, slots=True)
class HeldBack:
    """The customer needs an operation that is broken: it waits until the others are done."""


Result: TypeAlias = Deferred | Finished | HeldBack | Outdated


async def process(item: Item, context: RunContext, *, may_hold_back: bool = False) -> Result:
    """Take a customer as far as possible for now. Raises Stopped if the throttle is closed, and JournalError."""
    with Reservation(context.throttle) as reservation:
        return await _take_steps(item, context, reservation, may_hold_back=may_hold_back)


def has_request(customer: CustomerRecord, context: RunContext) -> bool:
    """Return whether this run has a request for a customer. For a removed customer, only doubts are resolved."""
    step = next_step(customer, context.steps)
    if step is None:
        return False
    match _decide(customer, step, context):
        case GiveUp():
            return False
        case Send():
            return customer.is_present or not context.only_present
    return True


async def _take_steps(item: Item, context: RunContext, reservation: Reservation, *, may_hold_back: bool) -> Result:
    customer, rejection, has_created = item.customer, None, False
    while (step := next_step(customer, context.steps)) is not None:
        decision = _decide(customer, step, context)
        match decision:
            case Wait(until):
                return Deferred(replace(item, customer=customer), until)
            case GiveUp(nothing_exists):
                failed = await _fail(customer, step, context, nothing_exists=nothing_exists)
                return replace(failed, rejection=rejection)
            case Send(key) if context.only_present and not customer.is_present:
                return await _skip_removed(customer, step, context, key=key)
            case LookUp() | Send():
                obstacle = _obstacle(customer, step, decision, context, may_hold_back=may_hold_back)
                if obstacle is not None:
                    return obstacle
                sent = await _ask(customer, step, decision, context, reservation)
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


def _decide(customer: CustomerRecord, step: Step, context: RunContext) -> Decision:
    known, now = step.history(customer), context.wall()
    decision = retry.decide(known, step.policy, now, run=context.run, timeout=context.timeout)
    if step.look_up_renews_links and isinstance(decision, LookUp):
        return retry.decide_look_up(known, now, timeout=context.timeout)
    return decision


def _obstacle(
    customer: CustomerRecord, step: Step, decision: LookUp | Send, context: RunContext, *, may_hold_back: bool
) -> HeldBack | Outdated | None:
    """Return the reason why a request must not leave now, if there is one."""
    if _is_outdated(step, decision, context):
        return Outdated()
    if may_hold_back and context.broken.includes_any(_operations(customer, step, decision)):
        return HeldBack()
    return None


def _is_outdated(step: Step, decision: LookUp | Send, context: RunContext) -> bool:
    creates = step.policy is Policy.CREATE and isinstance(decision, Send)
    return creates and context.list_validity.has_ended(context.throttle.now())


def _operations(customer: CustomerRecord, step: Step, decision: LookUp | Send) -> tuple[str, ...]:
    """Return the operations that the customer needs now."""
    return (step.look_up(customer).operation,) if isinstance(decision, LookUp) else step.operations


async def _ask(
    customer: CustomerRecord, step: Step, decision: LookUp | Send, context: RunContext, reservation: Reservation
) -> tuple[Reply, CustomerRecord] | None:
    """Look up or send; return the reply and the changed customer, or None if the decision no longer holds by then."""
    if isinstance(decision, LookUp):
        return await exchange.look_up(customer, step, context, reservation)
    await reservation.require(len(step.operations))
    async with Slot(context.throttle) as slot:
        if _decide(customer, step, context) != decision or _is_outdated(step, decision, context):
            return None
        request, key = _request(customer, step, decision, context)
        with anyio.CancelScope(shield=True):
            sent = await exchange.send_step(customer, step, request, key, context, reservation, slot)
    return sent


def _request(customer: CustomerRecord, step: Step, decision: Send, context: RunContext) -> tuple[Request, str | None]:
    """Return the request and its key. A key that may have done something is repeated with exactly the same body."""
    request = step.request(customer, context.labels)
    if request.method not in WITH_KEY:
        return request, None
    known = step.history(customer)
    if decision.key is not None and (known.may_be_done or decision.body == request.body):
        return replace(request, body=decision.body), decision.key
    # Otherwise nothing was done under the old key: the latest values of the input are sent, with the next key.
    return request, retry.next_key(known, tag=customer.tag, step=step.name, company_id=customer.company_id)


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
    if key is not None and step.history(customer).may_be_done:
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
