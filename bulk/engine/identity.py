"""Makes sure that the API key belongs to the Codat client of the batch, before anything is sent or changed.

A client has its own companies and its own quota. Codat is asked once for each key; after that the journal knows it. A
server that does not name the client stops no run: then only the company list shows a wrong account.
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass, replace

import anyio

from bulk.codat import endpoints
from bulk.codat.responses import Reply
from bulk.codat.throttle import Slot, Stopped
from bulk.engine import retry
from bulk.engine.context import RunContext
from bulk.engine.events import Hook, Warned
from bulk.engine.reservation import Reservation
from bulk.journal import attempts, facts
from bulk.journal.attempts import Intent, Result
from bulk.model import Outcome, Stop
from bulk.settings import Settings

MAX_TRIES = 3
NOT_NAMED = ""  # Codat responded without the client's id
NO_PROTECTION = "so bulk cannot notice a key of another client"


@dataclass(frozen=True, slots=True)
class Identity:
    """The client of the batch, and that of the API key in use."""

    fingerprint: str  # of the key
    of_batch: str | None  # None: no key has shown it yet
    of_key: str | None  # None: Codat was not asked yet

    @property
    def is_doubtful(self) -> bool:
        """Whether the key may belong to another client than the batch."""
        return self.of_batch is not None and self.of_key not in (self.of_batch, NOT_NAMED)

    @property
    def client(self) -> str | None:
        """The client whose companies this run changes, or None if Codat does not name it."""
        return self.of_key or self.of_batch


def read_identity(connection: sqlite3.Connection, settings: Settings) -> Identity:
    """Return what the journal knows about the key of these settings."""
    fingerprint = settings.fingerprint(facts.get(connection, "key_salt") or "")
    of_key = facts.clients_of_keys(connection).get(fingerprint)
    return Identity(fingerprint, facts.get(connection, "client_id"), of_key)


async def identify(identity: Identity, context: RunContext, hook: Hook) -> Identity:
    """Return the identity after Codat was asked about an unknown key. Raises Stopped if the key is another client's."""
    if identity.of_key is None:
        identity = await _ask(identity, context, hook)
    if not identity.is_doubtful:
        return identity
    if identity.of_key is None:
        reason = "Codat does not respond which client this new API key belongs to"
        context.throttle.close(Stop(f"{reason}, and the batch belongs to the client {identity.of_batch}", 75))
    else:
        reason = (
            f"This API key belongs to the Codat client {identity.of_key}, and the batch {context.labels.batch} to the "
            f"client {identity.of_batch}. Nothing was created or changed. Use a key of the batch's client, or migrate "
            "the input in another batch (--batch NAME)"
        )
        context.throttle.close(Stop(reason, 3))
    raise Stopped


async def _ask(identity: Identity, context: RunContext, hook: Hook) -> Identity:
    """Ask Codat for the client of the key. After several faults, leave the question to the next run."""
    tries = 0
    while tries < MAX_TRIES:
        reply = await _request(identity, context)
        if reply.outcome is Outcome.DONE or reply.outcome is Outcome.REJECTED:
            client = _client(reply)
            if client == NOT_NAMED:
                reason = f": {reply.problem.text}" if reply.problem else ""
                hook(Warned(f"Codat does not name the client of this API key{reason}, {NO_PROTECTION}"))
            return replace(identity, of_key=client, of_batch=identity.of_batch or client or None)
        if reply.outcome is not Outcome.RATE_LIMITED:  # otherwise the throttle waits
            tries += 1
            with anyio.move_on_after(retry.backoff(tries, context.rng)):
                await context.throttle.closed.wait()
    hook(Warned(f"Codat does not respond which client this API key belongs to, {NO_PROTECTION} in this run"))
    return identity


async def _request(identity: Identity, context: RunContext) -> Reply:
    """Send one request, and record it together with its result. Raises Stopped."""
    request = endpoints.get_sync_settings()
    with Reservation(context.throttle) as reservation:
        await reservation.require(1)
        async with Slot(context.throttle) as slot:
            with anyio.CancelScope(shield=True):
                intent = Intent(None, None, request.operation, context.wall())
                ticket = reservation.spend()
                reply = _without_stop(await context.client.send(request))
                context.throttle.on_response(ticket, reply, creates=False)
                slot.end()
                await _record(identity, intent, reply, context)
    return reply


def _without_stop(reply: Reply) -> Reply:
    """Return the reply as a rejection if Codat only denies access to the client's settings."""
    return replace(reply, outcome=Outcome.REJECTED) if reply.status in (402, 403) and reply.is_readable else reply


async def _record(identity: Identity, intent: Intent, reply: Reply, context: RunContext) -> None:
    result = Result(reply.outcome, context.wall(), reply.status, reply.problem)
    note_limits = context.limits_note()

    def record(connection: sqlite3.Connection) -> None:
        attempts.record_outcome(connection, attempts.record_intent(connection, context.run, intent), result)
        note_limits(connection)
        if reply.outcome is Outcome.DONE or (reply.outcome is Outcome.REJECTED and reply.is_readable):
            facts.put_client_of_key(connection, identity.fingerprint, _client(reply))

    await context.writer.write(record)


def _client(reply: Reply) -> str:
    client = endpoints.read_client_id(reply.content) if reply.outcome is Outcome.DONE else None
    return client or NOT_NAMED
