"""The command `undo`: delete the companies of this batch that nobody has linked, or only list them."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import ClassVar

from bulk.engine.events import Hook, Started
from bulk.engine.feeds import SelectedFeed
from bulk.engine.named_statuses import read_named_statuses
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

    def __init__(self, customer_ids: Sequence[str] | None = None, *, deletes: bool) -> None:
        """Create the command for these customers, or for all. Without `deletes`, it deletes nothing."""
        self._customer_ids = customer_ids
        self._deletes = deletes

    def prepare(self, connection: sqlite3.Connection, run: int) -> None:  # noqa: ARG002 - a command's signature
        """Store the names of the customers for this run."""
        if self._customer_ids is not None:
            selection.name(connection, self._customer_ids)

    async def begin(self, writer: Writer, hook: Hook, now: float) -> bool:  # noqa: ARG002 - a command's signature
        """Return whether Codat may have a company of the batch, or of a named customer."""
        may_have = customers.may_have_company if self._customer_ids is None else selection.named_companies
        return await begin_if(may_have, writer, hook)

    async def work(self, session: Session) -> None:
        """Read the statuses, then delete the companies that nobody has linked."""
        writer = session.context.writer
        if self._customer_ids is None:
            await read_statuses(session)
            to_do = await writer.write(selection.select_deletable)
        else:
            unread = await read_named_statuses(session)
            to_do = await writer.write(selection.select_named_deletable)
            session.left += 0 if self._deletes else len(unread)  # a deletion reads its company again
        if self._deletes:
            session.hook(Started(to_do, 0, requests=2))
            await session.process_all(lambda: SelectedFeed(writer), to_do)
