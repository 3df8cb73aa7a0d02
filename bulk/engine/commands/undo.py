"""The command `undo`: delete the companies of this batch that nobody has linked, or only list them."""

from __future__ import annotations

import sqlite3
from typing import ClassVar

from bulk.engine.events import Hook, Started
from bulk.engine.feeds import SelectedFeed
from bulk.engine.session import Session
from bulk.engine.statuses import begin_if, read_statuses
from bulk.engine.steps.deletion import DeleteCompany
from bulk.journal import customers, selection
from bulk.journal.writer import Writer


class Undo:
    """Finds the companies that nobody has linked and, with `deletes`, deletes them."""

    name = "undo"
    source: ClassVar[str | None] = None
    steps = (DeleteCompany(),)
    only_present = False

    def __init__(self, *, deletes: bool) -> None:
        """Create the command. Without `deletes`, it deletes nothing."""
        self._deletes = deletes

    def prepare(self, connection: sqlite3.Connection, run: int) -> None:
        """Prepare nothing."""

    async def begin(self, writer: Writer, hook: Hook, now: float) -> bool:  # noqa: ARG002 - a command's signature
        """Return whether Codat may have a company of this batch."""
        return await begin_if(customers.may_have_company, writer, hook)

    async def work(self, session: Session) -> None:
        """Read the statuses, then delete the companies that nobody has linked."""
        writer = session.context.writer
        await read_statuses(session)
        to_do = await writer.write(selection.select_deletable)
        if self._deletes:
            session.hook(Started(to_do, 0))
            await session.process_all(lambda: SelectedFeed(writer), to_do)
