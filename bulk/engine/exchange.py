"""One request for a customer: commit its intent, send it, commit its outcome. Codat and the journal meet here.

Nothing is cancelled between the commit of an intent and the commit of its outcome. If the process dies there, the next
run finds an intent without an outcome, and looks it up before it repeats the request.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import anyio

from bulk.codat import endpoints, responses
from bulk.codat.endpoints import Request
from bulk.codat.responses import Reply
from bulk.codat.throttle import Slot
from bulk.engine import changes
from bulk.engine.changes import Changes
from bulk.engine.context import RunContext
from bulk.engine.reservation import Reservation
from bulk.engine.step import Reading, Step, in_doubt, is_gone, next_step
from bulk.journal import attempts, customers, waves
from bulk.journal.attempts import Intent, Result
from bulk.model import Attempt, CustomerRecord, Outcome
from bulk.text import timestamp

NOT_LEFT = Reading(responses.not_sent("the run was held or stopped before it left"), {})


async def send_step(
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
        reply = _since_first(await context.client.send(request, key=key), key, customer, context.wall())
        reading = step.read(customer, reply, context.wall())
        _note_response(ticket, request, customer, reading.reply, context, creates=key is not None)
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


def _since_first(reply: Reply, key: str | None, customer: CustomerRecord, now: float) -> Reply:
    """Return the reply with the seconds since its key was first sent: what was requested may exist since then."""
    sent_at = [attempt.sent_at for attempt in customer.history if key is not None and attempt.key == key]
    return replace(reply, seconds=max(reply.seconds, now - min(sent_at))) if sent_at else reply


def _with_state(customer: CustomerRecord, news: Changes, context: RunContext) -> Changes:
    """Keep the state of a customer with a step left: if this run is killed, the next one continues there."""
    is_left = "state" in news and next_step(changes.apply(customer, news), context.steps) is not None
    return news | {"state": customer.state} if is_left else news


def _after_failure(customer: CustomerRecord, step: Step, reply: Reply) -> Changes:
    """Return the changes for a request that was not, or perhaps not, carried out."""
    left = step.on_failure(customer, reply)
    # After a rejection, `nothing_sent` is applied in the commit that fails the customer: until then it was begun.
    is_certain = reply.outcome is Outcome.FATAL and not step.history(customer).in_doubt
    left |= step.nothing_sent if is_certain else {}
    is_reported = reply.outcome in (Outcome.REJECTED, Outcome.BLOCKED)
    return left | changes.error(step.name, reply.problem) if is_reported else left


def _note_response(
    ticket: int, request: Request, customer: CustomerRecord, reply: Reply, context: RunContext, *, creates: bool
) -> None:
    """Let the limits and the record of broken operations know about a response."""
    was_blocked = any(each.run == context.run and each.outcome is Outcome.BLOCKED for each in customer.history)
    context.broken.note(request.operation, customer.seq, reply.outcome)
    context.throttle.on_response(ticket, reply, creates=creates, is_repeat=was_blocked)


async def look_up(
    customer: CustomerRecord, step: Step, context: RunContext, reservation: Reservation
) -> tuple[Reply, CustomerRecord]:
    """Look up, page by page, whether a step was done already, and apply the result."""
    pages, earlier = [step.look_up(customer)], None
    while True:
        await reservation.require(len(step.operations) + 1)
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
        _note_response(ticket, pages[-1], customer, reading.reply, context, creates=False)
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
        if reply.outcome is Outcome.DONE and news.get("link_url"):
            waves.add_link(connection, customer.seq, timestamp(now))
        note_limits(connection)

    await context.writer.write(record)
