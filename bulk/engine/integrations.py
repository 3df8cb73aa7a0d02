"""Asks Codat for its integrations, which confirm platformKeys that bulk does not know, before their rows are enrolled.

One request for each batch: after that the journal has the list. Without it nothing is enrolled, so a run that ends
before the response leaves the batch as it was.
"""

from __future__ import annotations

import sqlite3

from bulk.codat import endpoints, responses
from bulk.codat.responses import Reply
from bulk.engine.questions import after_fault, send_once
from bulk.engine.session import Session
from bulk.journal import facts
from bulk.model import Outcome

_Keys = frozenset[str]


class UnconfirmedKey(Exception):  # noqa: N818 - not an error: Codat is asked, and the input is read again
    """The input has a word of four letters that is a platformKey only if Codat lists it."""

    def __init__(self, key: str) -> None:
        super().__init__(key)
        self.key = key


async def list_platform_keys(session: Session, key: str) -> None:
    """Store the platformKeys that Codat lists, which `key` may be one of. Raises Stopped."""
    thing = f"its integrations, which may confirm the platformKey {key} (--platform-name {key}={key} also confirms it)"
    context, tries = session.context, 0
    while True:
        reply, keys, _ = await send_once(endpoints.list_integrations(), context, _read, _record)
        if keys is not None:
            return
        if reply.outcome is Outcome.RATE_LIMITED or context.throttle.stop is not None:
            continue  # the throttle waits, or is closed
        tries += 1
        await after_fault(reply, tries, thing, context, session.hook)


def _read(reply: Reply) -> tuple[Reply, _Keys | None]:
    if reply.outcome is not Outcome.DONE:
        return reply, None
    platforms = endpoints.read_platforms(reply.content)
    if platforms is None:
        return responses.unreadable(reply, "a page of integrations"), None
    return reply, frozenset(each.key for each in platforms)


def _record(connection: sqlite3.Connection, keys: _Keys | None, _: float) -> None:
    if keys is not None:
        facts.put_platform_keys(connection, keys)
