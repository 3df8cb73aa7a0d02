"""Sends the requests that concern no single customer: for the client, the integrations, the pages of companies."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from typing import TypeVar

import anyio

from bulk.codat.blockade import blocked_reason
from bulk.codat.circuit_breaker import FAULTS
from bulk.codat.endpoints import Request
from bulk.codat.responses import Reply
from bulk.codat.throttle import Slot
from bulk.engine import retry
from bulk.engine.context import RunContext
from bulk.engine.events import Hook, Warned
from bulk.engine.reservation import Reservation
from bulk.journal import attempts
from bulk.journal.attempts import Intent, Result
from bulk.model import Outcome, Stop

MAX_TRIES = 3 * retry.MAX_TRIES  # of one request
Content = TypeVar("Content")
Change = TypeVar("Change")


async def send_once(
    request: Request,
    context: RunContext,
    read: Callable[[Reply], tuple[Reply, Content]],
    record: Callable[[sqlite3.Connection, Content, float], Change],
    on_send: Callable[[], None] = lambda: None,
) -> tuple[Reply, Content, Change]:
    """Send a request, and record it together with what its response changes. Raises Stopped.

    `read` returns the reply, or another one if its body cannot be used, and the content. `record` changes the journal
    for a content that was received at this time. `on_send` is called when the request leaves; it may have waited long.
    """
    with Reservation(context.throttle) as reservation:
        await reservation.require(1)
        async with Slot(context.throttle) as slot:
            with anyio.CancelScope(shield=True):
                intent = Intent(None, None, request.operation, context.wall())
                ticket = reservation.spend()
                on_send()
                reply, content = read(await context.client.send(request))
                context.throttle.on_response(ticket, reply, creates=False)
                slot.end()
                result = Result(reply.outcome, context.wall(), reply.status, reply.problem)
                change = await _record(intent, result, context, lambda db: record(db, content, result.answered_at))
    return reply, content, change


async def _record(
    intent: Intent, result: Result, context: RunContext, record: Callable[[sqlite3.Connection], Change]
) -> Change:
    note_limits = context.limits_note()

    def write(connection: sqlite3.Connection) -> Change:
        attempts.record_outcome(connection, attempts.record_intent(connection, context.run, intent), result)
        note_limits(connection)
        return record(connection)

    return await context.writer.write(write)


async def after_fault(
    reply: Reply, tries: int, thing: str, context: RunContext, hook: Hook, *, change: str = ""
) -> None:
    """Wait before a request is repeated, or close the throttle after too many faults of it.

    `thing` is what was requested, and `change` what the repeated request changes.
    """
    reason = reply.problem.text if reply.problem else "no answer"
    if reply.outcome is Outcome.REJECTED:
        context.throttle.close(Stop(f"Codat rejected the request for {thing}: {reason}", 75))
    elif reply.outcome is Outcome.BLOCKED and tries >= retry.MAX_TRIES:
        context.throttle.close(Stop(blocked_reason(reply), 75))
    elif tries >= MAX_TRIES and reply.outcome not in FAULTS:  # after those, the circuit breaker ends the run
        context.throttle.close(Stop(f"Codat does not return {thing}: {reason}", 75))
    else:
        hook(Warned(f"Codat did not return {thing} ({reason}); trying again{change}"))
        await anyio.sleep(retry.backoff(min(tries, 4), context.rng))
