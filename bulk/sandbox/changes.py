"""What happens to connections: every cause of a change comes through here, so that none goes without its event.

The caller holds the transaction. https://docs.codat.io/using-the-api/webhooks/event-types names the events.
"""

from __future__ import annotations

import secrets
from typing import Any
from uuid import uuid4

from bulk.sandbox.bodies import Json, connection_body
from bulk.sandbox.clock import Clock, iso_time
from bulk.sandbox.outbox import Outbox
from bulk.sandbox.platforms import Platform
from bulk.sandbox.store import Store, StoredCompany, StoredConnection

CONNECTED = "connection.connected"
RECONNECTED = "connection.reconnected"
DISCONNECTED = "connection.disconnected"
DELETED = "connection.deleted"


def one_time_password() -> str:
    """Mint the six digits at the end of a linkUrl."""
    return f"{secrets.randbelow(1_000_000):06d}"


class Changes:
    """Makes, changes and deletes connections; remembers what was before, for lists that lag."""

    def __init__(
        self, store: Store, outbox: Outbox, clock: Clock, *, base_url: str, partner_events: bool = False
    ) -> None:
        self._store = store
        self._outbox = outbox
        self._clock = clock
        self._base_url = base_url
        self._partner_events = partner_events

    def add(self, company: StoredCompany, platform: Platform, *, status: str, chosen: bool = False) -> StoredConnection:
        """Add a connection; `chosen` if the customer made it, and not the client."""
        now = self._clock.now()
        connection = self._store.add_connection(
            connection_id=str(uuid4()),
            company=company.n,
            platform_key=platform.key,
            source_type=platform.source_type,
            status=status,
            created=iso_time(now),
            otp=one_time_password(),
            otp_minted=now,
        )
        if chosen:
            self._store.mark_chosen(connection.n)
        if status == "Linked" and self._partner_events:
            self._tell(CONNECTED, company, connection)
        return connection

    def set_status(self, connection: StoredConnection, status: str, **others: str | float | None) -> None:
        """Give a connection another status, and other values beside it."""
        self._store.change_connection(connection.n, status=status, **others)
        if status == connection.status:
            return
        self._store.remember_status(connection, until=iso_time(self._clock.now()))
        event_type = self._event_type(connection, status)
        company = self._store.company_by_number(connection.company)
        changed = self._store.connection_by_number(connection.n)
        if event_type and company and changed:
            self._tell(event_type, company, changed)

    def delete_connection(self, connection: StoredConnection) -> None:
        """Delete a connection."""
        company = self._store.company_by_number(connection.company)
        if company:
            self._tell(DELETED, company, connection)
        self._store.delete_connection(connection, until=iso_time(self._clock.now()))

    def delete_company(self, company: StoredCompany) -> None:
        """Delete a company; its connections go along, each with an event of its own."""
        for connection in company.connections:
            self.delete_connection(connection)
        self._store.delete_company(company, until=iso_time(self._clock.now()))

    def forge(self, connection: StoredConnection, how: str) -> None:
        """Have somebody claim that a connection was linked; `how` is what is wrong with the signature."""
        company = self._store.company_by_number(connection.company)
        if company:
            lie = connection_body(connection, company.id, self._base_url) | {"status": "Linked"}
            self._outbox.add(CONNECTED, connection.id, self._event(CONNECTED, company, lie), forgery=how)

    def _event_type(self, connection: StoredConnection, status: str) -> str | None:
        if status in {"Unlinked", "Deauthorized"}:
            return DISCONNECTED
        if status != "Linked":
            return None
        first = connection.status == "PendingAuth" and not self._outbox.was_sent_of(connection.id, CONNECTED)
        return CONNECTED if first else RECONNECTED

    def _tell(self, event_type: str, company: StoredCompany, connection: StoredConnection) -> None:
        shown = connection_body(connection, company.id, self._base_url)
        self._outbox.add(event_type, connection.id, self._event(event_type, company, shown))

    def _event(self, event_type: str, company: StoredCompany, connection: Json) -> dict[str, Any]:
        reference = {
            "id": company.id,
            "name": company.name,
            "description": company.description,
            "tags": company.tags,
        }
        return {
            "id": str(uuid4()),
            "eventType": event_type,
            "generatedDate": iso_time(self._clock.now()),
            "payload": {"referenceCompany": reference, "connection": connection},
        }
