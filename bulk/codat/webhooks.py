"""Codat's webhook events: reads the change of one connection from the body of a signed request. No I/O.

https://docs.codat.io/using-the-api/webhooks/event-types: `connection.connected`, `.reconnected`, `.disconnected`,
`.deleted`. Deliveries repeat and can arrive out of order; `generatedDate` shows which event is newer.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from bulk.codat import boundary
from bulk.model import DELETED, ENDED

# The status of a connection after each event, unless the body is more specific.
STATUS_AFTER = {
    "connection.connected": "Linked",
    "connection.reconnected": "Linked",
    "connection.disconnected": "Deauthorized",
    "connection.deleted": DELETED,
}
# A batch has connections of these types; one without a type counts as an accounting connection, as in lists.
ACCOUNTING, EXPENSE = ("Accounting", "Unknown"), "Expense"


@dataclass(frozen=True, slots=True)
class ConnectionEvent:
    """The change of one connection that an event reports."""

    type: str
    generated_at: str  # UTC, ISO 8601, with fractions of a second
    company_id: str
    tags: dict[str, str]
    connection_id: str
    platform_key: str | None
    is_partner: bool  # an expense connection rather than an accounting one
    status: str


def read_event(content: Any) -> ConnectionEvent | None:
    """Read an event; return None if it is not about an accounting or expense connection."""
    event_type = content.get("eventType") if isinstance(content, dict) else None
    if not isinstance(event_type, str) or event_type not in STATUS_AFTER:
        return None
    payload = content.get("payload")
    company, connection = _part(payload, "referenceCompany"), _part(payload, "connection")
    company_id, connection_id = boundary.text(company.get("id")), boundary.text(connection.get("id"))
    generated_at = boundary.exact_time(content.get("generatedDate"))
    source_type = connection.get("sourceType") or ACCOUNTING[-1]
    if company_id is None or connection_id is None or generated_at is None:
        return None
    if source_type not in (*ACCOUNTING, EXPENSE):
        return None
    return ConnectionEvent(
        type=event_type,
        generated_at=generated_at,
        company_id=company_id,
        tags=boundary.tags(company.get("tags")),
        connection_id=connection_id,
        platform_key=boundary.text(connection.get("integrationKey")),
        is_partner=source_type == EXPENSE,
        status=_status(event_type, connection.get("status")),
    )


def _part(payload: object, name: str) -> dict[str, Any]:
    part = payload.get(name) if isinstance(payload, dict) else None
    return part if isinstance(part, dict) else {}


def _status(event_type: str, status: object) -> str:
    is_exact = event_type == "connection.disconnected" and status in ENDED
    return str(status) if is_exact else STATUS_AFTER[event_type]
