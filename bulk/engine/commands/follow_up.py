"""The command `follow-up`: find the customers who have authorized and create their partner expense connections."""

from __future__ import annotations

import sqlite3
from typing import ClassVar

from bulk.engine.events import Hook, Started
from bulk.engine.feeds import SelectedFeed
from bulk.engine.session import Session
from bulk.engine.statuses import begin_if, read_statuses
from bulk.engine.steps.partner import CreatePartnerConnection
from bulk.journal import customers, database, reopening, selection
from bulk.journal.writer import Writer


class FollowUp:
    """Creates the partner connection of every customer who has authorized."""

    name: ClassVar[str] = "follow-up"
    source: ClassVar[str | None] = None
    steps = (CreatePartnerConnection(),)
    only_present = False

    def __init__(self, *, retry_failed: bool = False) -> None:
        """Create the command. With `retry_failed`, it also retries partner connections that Codat rejected."""
        self._retry_failed = retry_failed

    def prepare(self, connection: sqlite3.Connection, run: int) -> None:  # noqa: ARG002 - a command's signature
        """Reopen the failed customers if they are to be retried."""
        if self._retry_failed:
            with database.transaction(connection):
                reopening.reopen_partners(connection)

    async def begin(self, writer: Writer, hook: Hook, now: float) -> bool:  # noqa: ARG002 - a command's signature
        """Return whether Codat may have a company of this batch."""
        return await begin_if(customers.may_have_company, writer, hook)

    async def work(self, session: Session) -> None:
        """Read the statuses, then create the connections."""
        session.needs_list = True
        while session.needs_list:
            await read_statuses(session)
            await create_partner_connections(session)


async def create_partner_connections(session: Session) -> None:
    """Create the partner connection of every customer who has authorized, according to the journal. Raises Stopped."""
    writer = session.context.writer
    to_do = await writer.write(selection.select_authorized)
    done = await writer.write(customers.count_complete)
    session.hook(Started(to_do, done))
    await session.process_all(lambda: SelectedFeed(writer), to_do + done)
