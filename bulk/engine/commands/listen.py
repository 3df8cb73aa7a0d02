"""What becomes of a webhook event: written down at once, acted on by the next run on the batch.

Between the two the journal may be another run's: only who holds the batch's lock changes a customer.
"""

from __future__ import annotations

import json
import sqlite3
from datetime import datetime
from pathlib import Path

from bulk.codat.endpoints import CUSTOMER_TAG, READABLE_TAG
from bulk.codat.webhooks import ConnectionEvent, read_event
from bulk.engine import steps
from bulk.engine.commands.after import FollowUp, has_authorized
from bulk.engine.run import refuse_another
from bulk.journal import customers, database, facts, webhook_events
from bulk.journal.error_translator import wrap_errors
from bulk.journal.webhook_events import WebhookEvent
from bulk.model import DELETED, Connection, CustomerRecord, State, Step
from bulk.settings import Settings

# Seconds by which a list, or another clock, may be behind: no signature holds if it is more. What an event too many
# makes wrong, the next one mends; an event too few would be missed.
LAG = 300.0


def record_event(connection: sqlite3.Connection, delivery_id: str, event: ConnectionEvent, body: str, at: str) -> bool:
    """Write down an event of a customer of this batch; gives whether there is something new to act on."""
    entry = _customer(connection, event)
    if entry is None:
        return False
    received = WebhookEvent(delivery_id, entry.seq, event.type, event.connection_id, event.generated_at, body)
    return webhook_events.add_event(connection, received, at)


class ApplyEvents(FollowUp):
    """Acts on what was delivered, then makes the partner connections of those who have linked; asks no list."""

    command = "listen"

    def __init__(self, wall_at: str) -> None:
        """Make the job; `wall_at`: the time that customers are marked with."""
        super().__init__(asks=False)
        self._at = wall_at

    def prepare(self, connection: sqlite3.Connection, run: int) -> None:
        """Bring the customers up to date."""
        super().prepare(connection, run)
        with database.transaction(connection):
            newest = webhook_events.newest_event(connection)
            swept_at = float(facts.get(connection, "swept_at") or 0)
            for seq, body in webhook_events.unprocessed_events(connection):
                event, entry = read_event(json.loads(body)), customers.customer(connection, seq)
                if event is None or entry is None or _is_outdated(connection, entry, event, swept_at):
                    continue
                changes = told(entry, event)
                if changes:
                    customers.change(connection, entry.seq, changes | {"updated_at": self._at})
            facts.put(connection, {"heeded": newest})


def _is_outdated(
    connection: sqlite3.Connection, entry: CustomerRecord, event: ConnectionEvent, swept_at: float
) -> bool:
    """Whether it was told since how things are: by the company list, or by what the customer has linked instead."""
    if datetime.fromisoformat(event.generated_at).timestamp() < swept_at - LAG:
        return True
    if event.is_partner or entry.connection_id in (None, event.connection_id) or entry.connection_status != "Linked":
        return False
    return event.generated_at < webhook_events.newest_event_at(connection, entry.connection_id or "")


def opened(folder: Path, settings: Settings) -> sqlite3.Connection:
    """Open the journal of a batch that is this Codat's. Raises BatchUnusable, WrongUsage, JournalUnwritable."""
    connection = database.open_journal(folder)
    try:
        with wrap_errors(folder / database.FILE):
            known = facts.get(connection, "codat")
        if known is not None:
            refuse_another(known, folder, settings)
    except BaseException:
        connection.close()
        raise
    return connection


def is_needed(connection: sqlite3.Connection) -> bool:
    """Whether there is anything for `Heed` to do."""
    has_news = webhook_events.newest_event(connection) > webhook_events.last_processed(connection)
    return has_news or has_authorized(connection)


def told(entry: CustomerRecord, event: ConnectionEvent) -> steps.Changes:
    """Give what an event changes about its customer; nothing if it says nothing new."""
    if event.company_id != entry.company_id:
        return {}
    if event.is_partner:
        is_own = event.connection_id == entry.partner_connection_id and event.status != entry.partner_status
        if not is_own:
            return {}
        is_lost = event.status == DELETED and entry.connection_status == "Linked"
        return steps.deleted(Step.PARTNER) if is_lost else {"partner_status": event.status}
    is_own = event.connection_id == entry.connection_id
    # The partner connection was refused while the customer was not linked, between two events: who has linked again is
    # asked for once more.
    was_refused = entry.state is State.FAILED and entry.partner_connection_id is None
    if is_own and event.status == entry.connection_status and not (event.status == "Linked" and was_refused):
        return {}
    if event.status == "Linked":  # also another connection than ours: the customer chose another platform
        connection = Connection(event.connection_id, event.status, "Accounting", event.platform_key, None, None)
        return steps.turned(entry, connection)
    if not is_own:
        return {}
    if event.status == DELETED:
        return steps.deleted(Step.CONNECTION)
    connection = Connection(event.connection_id, event.status, "Accounting", event.platform_key, None, None)
    return steps.turned(entry, connection)


def _customer(connection: sqlite3.Connection, event: ConnectionEvent) -> CustomerRecord | None:
    """Find whom an event is about: by the company's tags, which have an index; else by the company."""
    tags, uids = event.tags.get(CUSTOMER_TAG), event.tags.get(READABLE_TAG)
    found = customers.find_by_tags(connection, [tags] if tags else [], [uids] if uids and not tags else [])
    own = [entry for entry in found if entry.company_id in (None, event.company_id)]
    if own or found:
        return own[0] if own else None
    return customers.find_by_company(connection, event.company_id)
