"""The command `unlink`: deauthorize the accounting connections of named customers."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import ClassVar

from bulk.codat import endpoints
from bulk.engine.adopter import Adopter
from bulk.engine.events import Hook, Started, Warned
from bulk.engine.feeds import SelectedFeed
from bulk.engine.reconcile import read_companies
from bulk.engine.session import Session
from bulk.engine.statuses import begin_if, mark_missing, read_statuses
from bulk.engine.steps.unlink import UnlinkConnection
from bulk.journal import company_list, customers, selection
from bulk.journal.writer import Writer
from bulk.model import CustomerRecord


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
        await session.process_all(lambda: SelectedFeed(writer), to_do)

    async def _read_statuses(self, session: Session) -> None:
        """Read single companies if they are no more than the pages of the list; otherwise read the list."""
        context, hook = session.context, session.hook
        companies = await context.writer.write(selection.named_companies)
        all_companies = await context.writer.write(selection.count_companies)
        if len(companies) > endpoints.page_count(all_companies):
            await read_statuses(session)
            return
        adopter = Adopter(context.labels, accepts_missing=True).of_all()  # it sees the named companies only
        blocked = await read_companies(context, companies, adopter, hook)

        def apply(connection: sqlite3.Connection) -> list[CustomerRecord]:
            unread = list(customers.by_companies(connection, blocked))
            for customer in unread:
                company_list.mark_shown(connection, customer.seq)  # nothing shows that its company is missing
            adopter.end(connection, context.wall())
            mark_missing(connection, context.wall(), named=True)
            return unread

        self._report(await context.writer.write(apply), session)

    def _report(self, unread: list[CustomerRecord], session: Session) -> None:
        """Report the customers whose companies are blocked. Those that were linked before are unlinked all the same."""
        for customer in unread:
            reason = "a firewall blocks its company in Codat, so its status may be out of date"
            session.hook(Warned(f"Customer {customer.customer_id}: {reason}"))
            session.left += customer.connection_status != "Linked"
