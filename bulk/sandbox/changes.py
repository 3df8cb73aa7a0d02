"""Changes to connections. Every change goes through here, so that none happens without its event.

The caller holds the transaction. https://docs.codat.io/using-the-api/webhooks/event-types names the events.
"""

from __future__ import annotations

import secrets
from uuid import uuid4

from bulk.sandbox.bodies import connection_body
from bulk.sandbox.clock import Clock, iso_time
from bulk.sandbox.outbox import Outbox
from bulk.sandbox.platforms import Platform
from bulk.sandbox.store import Store, StoredCompany, StoredConnection

CONNECTED = "connection.connected"
RECONNECTED = "connection.reconnected"
DISCONNECTED = "connection.disconnected"
DELETED = "connection.deleted"


def one_time_password() -> str:
    """Return six random digits for the end of a linkUrl."""
    return f"{secrets.randbelow(1_000_000):06d}"


class Changes:
    """Creates, changes and deletes connections."""

    def __init__(
        self, store: Store, outbox: Outbox, clock: Clock, *, base_url: str, partner_events: bool = False
    ) -> None:
        self._store = store
        self._outbox = outbox
        self._clock = clock
        self._base_url = base_url
        self._partner_events = partner_events

    def add(self, company: StoredCompany, platform: Platform, *, status: str) -> StoredConnection:
        """Add a connection to a company."""
        now = self._clock.now()
        connection = self._store.add_connection(
            company.n,
            id=str(uuid4()),
            platform_key=platform.key,
            source_type=platform.source_type,
            status=status,
            created=iso_time(now),
            otp=one_time_password(),
            otp_minted=now,
        )
        if status == "Linked" and self._partner_events:
            self._announce(CONNECTED, connection)
        return connection

    def authorize(self, connection: StoredConnection) -> None:
        """Let a customer link a connection, which spends its linkUrl."""
        self._store.spend_link(connection, errors=())
        self.set_status(connection, "Linked")

    def choose(self, company: StoredCompany, platform: Platform) -> None:
        """Let a customer link the software they really use. The connection that the client made stays as it is."""
        same = [each for each in company.accounting if each.platform_key == platform.key]
        self.authorize(same[-1] if same else self.add(company, platform, status="PendingAuth"))

    def decline(self, connection: StoredConnection) -> None:
        """Let a customer decline, which spends the linkUrl. The connection stays pending, with an error.

        The customer can still authorize with another linkUrl.
        """
        error = {
            "statusCode": "401",
            "statusText": "Unauthorized",
            "errorMessage": "The customer declined to authorize access.",
            "erroredOnUtc": self._now(),
        }
        self._store.spend_link(connection, errors=(error,))

    def set_status(self, connection: StoredConnection, status: str) -> None:
        """Set the status of a connection and announce the change."""
        if status == connection.status:
            return
        self._store.set_status(connection, status, at=self._now())
        if status in {"Unlinked", "Deauthorized"}:
            self._announce(DISCONNECTED, connection)
        elif status == "Linked":
            is_first = connection.status == "PendingAuth" and not self._outbox.has_event(connection.id, CONNECTED)
            self._announce(CONNECTED if is_first else RECONNECTED, connection)

    def delete_connection(self, connection: StoredConnection) -> None:
        """Delete a connection."""
        self._announce(DELETED, connection)
        self._store.delete_connection(connection, until=self._now())

    def delete_company(self, company: StoredCompany) -> None:
        """Delete a company and its connections, with one event for each connection."""
        for connection in company.connections:
            self.delete_connection(connection)
        self._store.delete_company(company, until=self._now())

    def _now(self) -> str:
        return iso_time(self._clock.now())

    def _announce(self, event_type: str, connection: StoredConnection) -> None:
        company = self._store.company_by_number(connection.company)
        changed = self._store.connection_by_number(connection.n)
        if company is None or changed is None:
            return
        reference = {
            "id": company.id,
            "name": company.name,
            "description": company.description,
            "tags": company.tags,
        }
        event = {
            "id": str(uuid4()),
            "eventType": event_type,
            "generatedDate": self._now(),
            "payload": {
                "referenceCompany": reference,
                "connection": connection_body(changed, company.id, self._base_url, has_password=False),
            },
        }
        self._outbox.add(event_type, connection.id, event)
