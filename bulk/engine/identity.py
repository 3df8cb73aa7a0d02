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
from bulk.codat.throttle import Stopped
from bulk.engine import retry
from bulk.engine.context import RunContext
from bulk.engine.events import Hook, Warned
from bulk.engine.questions import send_once
from bulk.journal import facts
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
        reason = "Codat does not show which client this new API key belongs to"
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
        reply, client = await _request(identity, context)
        if client is not None or reply.outcome is Outcome.REJECTED:
            client = client or NOT_NAMED
            if client == NOT_NAMED:
                reason = f": {reply.problem.text}" if reply.problem else ""
                hook(Warned(f"Codat does not name the client of this API key{reason}, {NO_PROTECTION}"))
            return replace(identity, of_key=client, of_batch=identity.of_batch or client or None)
        if reply.outcome is not Outcome.RATE_LIMITED:  # otherwise the throttle waits
            tries += 1
            with anyio.move_on_after(retry.backoff(tries, context.rng)):
                await context.throttle.closed.wait()
    if not identity.is_doubtful:  # otherwise the run stops
        hook(Warned(f"Codat does not show which client this API key belongs to, {NO_PROTECTION} in this run"))
    return identity


async def _request(identity: Identity, context: RunContext) -> tuple[Reply, str | None]:
    """Send one request; return its reply and the client, if Codat responds to the question. Raises Stopped."""

    def record(connection: sqlite3.Connection, client: str | None, _: float) -> None:
        if client is not None:
            facts.put_client_of_key(connection, identity.fingerprint, client)

    reply, client, _ = await send_once(endpoints.get_sync_settings(), context, _read, record)
    return reply, client


def _read(reply: Reply) -> tuple[Reply, str | None]:
    """Return the client, or NOT_NAMED. A reply that only denies access to the client's settings is a rejection."""
    if reply.outcome is Outcome.DONE:
        return reply, endpoints.read_client_id(reply.content) or NOT_NAMED
    if reply.is_readable and (reply.outcome is Outcome.REJECTED or reply.status in (402, 403)):
        return replace(reply, outcome=Outcome.REJECTED), NOT_NAMED
    return reply, None
