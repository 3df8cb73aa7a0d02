"""Codat's webhook events: the body that was signed in, what it says of a connection out. No I/O.

https://docs.codat.io/using-the-api/webhooks/event-types: `connection.connected`, `.reconnected`, `.disconnected`,
`.deleted`. Deliveries repeat and can come out of order; `generatedDate` says which is newer.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from bulk.codat import operations
from bulk.model import DELETED

# What each event makes of the connection, where its body does not say.
STATUS_AFTER = {
    "connection.connected": "Linked",
    "connection.reconnected": "Linked",
    "connection.disconnected": "Deauthorized",
    "connection.deleted": DELETED,
}
OF_AN_END = ("Unlinked", "Deauthorized")


@dataclass(frozen=True, slots=True)
class ConnectionEvent:
    """What an event says of one connection."""

    type: str
    generated_at: str  # UTC, ISO 8601, with fractions of a second
    company_id: str
    tags: dict[str, str]
    connection_id: str
    platform_key: str | None
    is_partner: bool  # it is about an expense connection, not about the accounting one
    status: str


def read_event(content: Any) -> ConnectionEvent | None:
    """Read an event, or None if it is none about a connection."""
    if not isinstance(content, dict) or content.get("eventType") not in STATUS_AFTER:
        return None
    payload = content.get("payload")
    company, connection = (
        (payload.get("referenceCompany"), payload.get("connection")) if isinstance(payload, dict) else (None, None)
    )
    if not isinstance(company, dict) or not isinstance(connection, dict):
        return None
    generated_at = operations.exact_time(content.get("generatedDate"))
    if not company.get("id") or not connection.get("id") or generated_at is None:
        return None
    tags = company.get("tags")
    kind = str(content["eventType"])
    told = connection.get("status")
    ends = kind == "connection.disconnected" and told in OF_AN_END
    return ConnectionEvent(
        type=kind,
        generated_at=generated_at,
        company_id=str(company["id"]),
        tags={str(k): str(v) for k, v in tags.items()} if isinstance(tags, dict) else {},
        connection_id=str(connection["id"]),
        platform_key=connection.get("integrationKey") or None,
        is_partner=connection.get("sourceType") == "Expense",
        status=str(told) if ends else STATUS_AFTER[kind],
    )
