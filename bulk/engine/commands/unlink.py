"""The command `unlink`: deauthorize the accounting connections of named customers."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import ClassVar

from bulk.engine.events import Hook, Started
from bulk.engine.feeds import SelectedFeed
from bulk.engine.named_statuses import read_named_statuses
from bulk.engine.session import Session
from bulk.engine.statuses import begin_if
from bulk.engine.steps.unlink import UnlinkConnection
from bulk.journal import selection
from bulk.journal.writer import Writer


class Unlink:
    """Unlinks those of the named customers who are linked."""

    name = "unlink"
    source: ClassVar[str | None] = None
    steps = (UnlinkConnection(),)
    only_present = False

    def __init__(self, customer_ids: Sequence[str]) -> None:
        """Create the command for these customers."""
        self._customer_ids = customer_ids

    def prepare(self, connection: sqlite3.Connection, run: int) -> None:  # noqa: ARG002 - a command's signature
        """Store the names of the customers for this run."""
        selection.name(connection, self._customer_ids)

    async def begin(self, writer: Writer, hook: Hook, now: float) -> bool:  # noqa: ARG002 - a command's signature
        """Return whether any of them has a company."""
        return await begin_if(selection.named_companies, writer, hook)

    async def work(self, session: Session) -> None:
        """Read the statuses, since only a linked connection can be unlinked; then unlink."""
        writer = session.context.writer
        unread = await read_named_statuses(session)
        session.left += sum(each.connection_status != "Linked" for each in unread)  # the others are tried all the same
        to_do = await writer.write(selection.select_named_linked)
        session.hook(Started(to_do, 0))
        await session.process_all(lambda: SelectedFeed(writer), to_do)
