"""The command `unlink`: deauthorize the accounting connections of named customers."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import ClassVar

from bulk.codat import endpoints
from bulk.engine.adopter import Adopter
from bulk.engine.events import Hook, Started
from bulk.engine.feeds import SelectedFeed
from bulk.engine.reconcile import read_companies
from bulk.engine.session import Session
from bulk.engine.statuses import begin_if, mark_missing, read_statuses
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
        await self._read_statuses(session)
        to_do = await writer.write(selection.select_named_linked)
        session.hook(Started(to_do, 0))
        await session.process_all(SelectedFeed(writer), to_do)

    async def _read_statuses(self, session: Session) -> None:
        """Read single companies if they are no more than the pages of the list; otherwise read the list."""
        context, hook = session.context, session.hook
        companies = await context.writer.write(selection.named_companies)
        all_companies = await context.writer.write(selection.count_companies)
        if len(companies) > endpoints.page_count(all_companies):
            await read_statuses(session)
            return
        adopter = Adopter(context.labels, accepts_missing=True).of_all()  # it sees the named companies only
        await read_companies(context, companies, adopter, hook)

        def apply(connection: sqlite3.Connection) -> None:
            adopter.end(connection, context.wall())
            mark_missing(connection, context.wall(), named=True)

        await context.writer.write(apply)
