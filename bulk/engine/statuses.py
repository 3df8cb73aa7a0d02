"""Reads the statuses of the batch's customers from the company list, for the commands that depend on them."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable

from bulk.codat import endpoints
from bulk.codat.throttle import Stopped
from bulk.engine.adopter import Adopter
from bulk.engine.changes import company_deleted
from bulk.engine.events import Hook, Started, Warned
from bulk.engine.reconcile import PageHandler, Tag, reconcile
from bulk.engine.retry import SETTLING_AFTER_SERVER_ERROR
from bulk.engine.session import Session
from bulk.journal import company_list, customers
from bulk.journal.writer import Writer
from bulk.model import Stop
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
    handler = Adopter(context.labels, accepts_missing=session.accepts_missing)
    if None not in tags:
        await reconcile(context, tags, handler, hook)
    if None in tags or await context.writer.write(company_list.is_missing_any):
        await read_all(session, handler.of_all())
    await mark_all_missing(session)


async def mark_all_missing(session: Session) -> None:
    """Mark the customers whose company the list of all does not show, and report them."""
    context = session.context
    if lost := await context.writer.write(lambda db: mark_missing(db, context.wall())):
        others = ", ..." if len(lost) > MAX_NAMED else ""
        session.hook(Warned(f"Codat no longer has the companies of: {', '.join(lost[:MAX_NAMED])}{others}"))


async def read_all(session: Session, handler: PageHandler) -> None:
    """Read the list of all companies. Raises Stopped if it lacks many of the batch's: it may be another account's.

    A list may lag behind companies that were just created, so it is read a second time before the run stops.
    """
    context = session.context
    await reconcile(context, [None], handler, session.hook)
    if session.accepts_missing or not await context.writer.write(company_list.lacking):
        return
    reason = "Codat's company list lacks many of the batch's companies; reading it again"
    context.throttle.hold(SETTLING_AFTER_SERVER_ERROR, reason)
    await reconcile(context, [None], handler, session.hook)
    if lacking := await context.writer.write(company_list.lacking):
        named = ", ".join(lacking[:MAX_NAMED]) + (", ..." if len(lacking) > MAX_NAMED else "")
        reason = (
            f"Codat's list lacks the companies of {len(lacking):,} customers of the batch ({named}). This may be "
            "another account, so nothing was created or changed. If they were deleted on purpose, add --accept-missing"
        )
        context.throttle.close(Stop(reason, 3))
        raise Stopped


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
