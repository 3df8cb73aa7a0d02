"""What becomes of a webhook event: written down at once, acted on by the next run on the batch.

Between the two the journal may be another run's: only who holds the batch's lock changes a customer.
"""

from __future__ import annotations

import json
import sqlite3
from datetime import datetime

from bulk.codat.events import ConnectionEvent, read_event
from bulk.codat.operations import CUSTOMER_TAG, READABLE_TAG
from bulk.engine import steps
from bulk.engine.after import FollowUp, has_authorized
from bulk.journal import store
from bulk.journal.store import Delivery
from bulk.model import DELETED, Connection, Entry, Step

LAG = 60.0  # seconds by which a list, or another clock, may be behind


def take_in(connection: sqlite3.Connection, delivery_id: str, event: ConnectionEvent, body: str, at: str) -> bool:
    """Write down an event of a customer of this batch; gives whether there is something new to act on."""
    entry = _customer(connection, event)
    if entry is None:
        return False
    delivery = Delivery(delivery_id, entry.seq, event.type, event.connection_id, event.generated_at, body)
    return store.keep_delivery(connection, delivery, at)


class Heed(FollowUp):
    """Acts on what was delivered, then makes the partner connections of those who have linked; asks no list."""

    command = "listen"

    def __init__(self, wall_at: str) -> None:
        """Make the job; `wall_at`: the time that customers are marked with."""
        super().__init__(asks=False)
        self._at = wall_at
        self.heeded = 0  # customers for whom something was new

    def prepare(self, connection: sqlite3.Connection, run: int) -> None:
        """Bring the customers up to date."""
        super().prepare(connection, run)
        with store.transaction(connection):
            newest = store.newest_delivery(connection)
            swept_at = float(store.get(connection, "swept_at") or 0)
            for seq, body in store.unheeded(connection):
                event, entry = read_event(json.loads(body)), store.entry(connection, seq)
                if event is None or entry is None:
                    continue
                if datetime.fromisoformat(event.generated_at).timestamp() < swept_at - LAG:
                    continue  # the list has told since how it is
                changes = told(entry, event)
                if changes:
                    self.heeded += 1
                    store.change(connection, entry.seq, changes | {"updated_at": self._at})
            store.put(connection, {"heeded": newest})


def is_needed(connection: sqlite3.Connection) -> bool:
    """Whether there is anything for `Heed` to do."""
    return store.newest_delivery(connection) > store.heeded(connection) or has_authorized(connection)


def told(entry: Entry, event: ConnectionEvent) -> steps.Changes:
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
    if is_own and event.status == entry.connection_status:
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


def _customer(connection: sqlite3.Connection, event: ConnectionEvent) -> Entry | None:
    """Find whom an event is about: by the company's tags, which have an index; else by the company."""
    tags, uids = event.tags.get(CUSTOMER_TAG), event.tags.get(READABLE_TAG)
    found = store.find_by_tags(connection, [tags] if tags else [], [uids] if uids and not tags else [])
    own = [entry for entry in found if entry.company_id in (None, event.company_id)]
    if own or found:
        return own[0] if own else None
    return store.find_by_company(connection, event.company_id)
