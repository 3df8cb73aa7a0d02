"""Reads the statuses of the batch's customers from the company list, for the commands that depend on them."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable

from bulk.codat import endpoints
from bulk.engine.adopter import Adopter
from bulk.engine.changes import company_deleted
from bulk.engine.events import Hook, Started, Warned
from bulk.engine.reconcile import Tag, reconcile
from bulk.engine.session import Session
from bulk.journal import company_list, customers
from bulk.journal.writer import Writer
from bulk.text import timestamp

MAX_NAMED = 20  # customers listed in a message


async def begin_if(condition: Callable[[sqlite3.Connection], object], writer: Writer, hook: Hook) -> bool:
    """Return whether the condition holds in the journal. If it does not, report a run with nothing to do."""
    if await writer.write(condition):
        return True
    hook(Started(0, 0))
    return False


async def read_statuses(session: Session) -> None:
    """Update the batch's customers from the company list. Raises Stopped.

    A company that is not in the lists with the batches' tags is looked up in the list of all companies before it is
    considered deleted, because tags can be removed in Codat's portal.
    """
    context, hook = session.context, session.hook
    tags = await context.writer.write(lambda db: _tags(db, context.labels.batch))
    handler = Adopter(context.labels)
    await reconcile(context, tags, handler.of_all() if None in tags else handler, hook)
    if None not in tags and await context.writer.write(company_list.is_missing_any):
        await reconcile(context, [None], handler.of_all(), hook)
    if lost := await context.writer.write(lambda db: mark_missing(db, context.wall())):
        others = ", ..." if len(lost) > MAX_NAMED else ""
        hook(Warned(f"Codat no longer has the companies of: {', '.join(lost[:MAX_NAMED])}{others}"))


def mark_missing(connection: sqlite3.Connection, now: float, *, named: bool = False) -> list[str]:
    """Mark the customers whose company Codat no longer has; return those whose company somebody else deleted.

    With `named`, only the named customers are checked.
    """
    lost = company_list.missing(connection, named=named)
    changes = company_deleted() | {"updated_at": timestamp(now)}
    for seq, _, _ in lost:
        customers.change(connection, seq, changes)
    return [customer_id for _, customer_id, is_own_deletion in lost if not is_own_deletion]


def _tags(connection: sqlite3.Connection, batch: str) -> list[Tag | None]:
    """Return the tags whose lists contain all companies of the batch, or [None] if only the list of all does."""
    others = company_list.batches_adopted_from(connection)
    if None in others:
        return [None]
    tags = {endpoints.batch_tag(batch), *(tag for tag in others if tag is not None)}
    return [(endpoints.BATCH_TAG, tag) for tag in sorted(tags)]
