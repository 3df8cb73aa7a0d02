"""The command `listen`: store webhook events at once, and apply them later in separate runs.

In between, another run may use the journal: only a run that holds the batch's lock changes a customer.
"""

from __future__ import annotations

import json
import sqlite3
from datetime import datetime
from pathlib import Path
from typing import ClassVar

from bulk.codat.endpoints import CUSTOMER_TAG, READABLE_TAG
from bulk.codat.webhooks import ConnectionEvent, read_event
from bulk.engine.commands.follow_up import create_partner_connections
from bulk.engine.event_changes import event_changes
from bulk.engine.events import Hook
from bulk.engine.run import require_same_codat
from bulk.engine.session import Session
from bulk.engine.steps.partner import CreatePartnerConnection
from bulk.journal import customers, database, disk, facts, selection, webhook_events
from bulk.journal.error_translator import wrap_errors
from bulk.journal.webhook_events import WebhookEvent
from bulk.journal.writer import Writer
from bulk.model import CustomerRecord
from bulk.settings import Settings

# Seconds by which a list or another clock may lag; a signature is valid no longer. If an outdated event is applied, the
# next event corrects the result; if a new event is skipped, it is lost.
LAG = 300.0


def record_event(connection: sqlite3.Connection, event_id: str, event: ConnectionEvent, body: str, at: str) -> bool:
    """Store an event about a customer of this batch; return whether it is new."""
    customer = _customer(connection, event)
    if customer is None:
        return False
    stored = WebhookEvent(event_id, customer.seq, event.type, event.connection_id, event.generated_at, body)
    return webhook_events.add_event(connection, stored, at)


def open_journal(folder: Path, settings: Settings) -> sqlite3.Connection:
    """Open the journal of a batch that belongs to this Codat. Raises BatchError, UsageError, JournalError."""
    disk.require_able(folder)
    connection = database.open_journal(folder)
    try:
        with wrap_errors(folder / database.FILE):
            known = facts.get(connection, "codat")
        if known is not None:
            require_same_codat(known, folder, settings)
    except BaseException:
        connection.close()
        raise
    return connection


def has_work(connection: sqlite3.Connection) -> bool:
    """Return whether there is anything for `ApplyEvents` to do."""
    return webhook_events.has_unprocessed(connection) or customers.has_authorized(connection)


class ApplyEvents:
    """Applies the stored events, then creates the partner connections. It does not read the company list."""

    name: ClassVar[str] = "listen"
    source: ClassVar[str | None] = None
    steps = (CreatePartnerConnection(),)
    only_present = False

    def __init__(self, at: str) -> None:
        """Create the command. `at` is the timestamp of changed customers, in UTC."""
        self._at = at

    def prepare(self, connection: sqlite3.Connection, run: int) -> None:  # noqa: ARG002 - a command's signature
        """Apply the stored events to the customers."""
        with database.transaction(connection):
            read_at = float(facts.get(connection, "list_read_at") or 0)
            for seq, body in webhook_events.unprocessed_events(connection):
                event, customer = read_event(json.loads(body)), customers.by_seq(connection, seq)
                if event is None or customer is None or _is_outdated(connection, customer, event, read_at):
                    continue
                news = event_changes(customer, event)
                if news:
                    customers.change(connection, customer.seq, news | {"updated_at": self._at})
            webhook_events.mark_processed(connection)

    async def begin(self, writer: Writer, hook: Hook, now: float) -> bool:  # noqa: ARG002 - a command's signature
        """Return whether a customer waits for a partner connection."""
        return await writer.write(selection.select_authorized) > 0

    async def work(self, session: Session) -> None:
        """Create the partner connections."""
        await create_partner_connections(session)


def _is_outdated(
    connection: sqlite3.Connection, customer: CustomerRecord, event: ConnectionEvent, read_at: float
) -> bool:
    """Return whether the company list, or an event about the connection linked instead, is newer than the event."""
    if datetime.fromisoformat(event.generated_at).timestamp() < read_at - LAG:
        return True
    is_own = customer.connection_id in (None, event.connection_id)
    if event.is_partner or is_own or customer.connection_status != "Linked":
        return False
    return event.generated_at < webhook_events.newest_event_at(connection, customer.connection_id or "")


def _customer(connection: sqlite3.Connection, event: ConnectionEvent) -> CustomerRecord | None:
    """Return the customer of an event, by the company's tags, which have an index, or else by the company's id."""
    tag, uid = event.tags.get(CUSTOMER_TAG), event.tags.get(READABLE_TAG)
    tags, uids = ([tag], []) if tag else ([], [uid] if uid else [])
    tagged = customers.by_tags(connection, tags) + customers.by_ids(connection, uids)
    own = [customer for customer in tagged if customer.company_id in (None, event.company_id)]
    if own or tagged:
        return own[0] if own else None
    return customers.by_company(connection, event.company_id)
