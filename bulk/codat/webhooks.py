"""Codat's webhook events: the body that was signed in, what it says of a connection out. No I/O.

https://docs.codat.io/using-the-api/webhooks/event-types: `connection.connected`, `.reconnected`, `.disconnected`,
`.deleted`. Deliveries repeat and can come out of order; `generatedDate` says which is newer.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from bulk.codat import endpoints
from bulk.model import DELETED

# What each event makes of the connection, where its body does not say.
STATUS_AFTER = {
    "connection.connected": "Linked",
    "connection.reconnected": "Linked",
    "connection.disconnected": "Deauthorized",
    "connection.deleted": DELETED,
}
OF_AN_END = ("Unlinked", "Deauthorized")
# The kinds of connections that a batch has; one without a kind is taken for an accounting one, as in lists.
ACCOUNTING, EXPENSE = ("Accounting", "Unknown"), "Expense"


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
    """Read an event, or None if it is none about an accounting or expense connection."""
    kind = content.get("eventType") if isinstance(content, dict) else None
    if not isinstance(kind, str) or kind not in STATUS_AFTER:
        return None
    payload = content.get("payload")
    company, connection = (
        (payload.get("referenceCompany"), payload.get("connection")) if isinstance(payload, dict) else (None, None)
    )
    if not isinstance(company, dict) or not isinstance(connection, dict):
        return None
    company_id, connection_id = _text(company.get("id")), _text(connection.get("id"))
    generated_at = endpoints.exact_time(content.get("generatedDate"))
    source_type = connection.get("sourceType") or ACCOUNTING[-1]
    if company_id is None or connection_id is None or generated_at is None:
        return None
    if source_type not in (*ACCOUNTING, EXPENSE):
        return None
    tags = company.get("tags")
    told = connection.get("status")
    ends = kind == "connection.disconnected" and told in OF_AN_END
    return ConnectionEvent(
        type=kind,
        generated_at=generated_at,
        company_id=company_id,
        tags={k: text for k, v in tags.items() if (text := _text(v))} if isinstance(tags, dict) else {},
        connection_id=connection_id,
        platform_key=_text(connection.get("integrationKey")),
        is_partner=source_type == EXPENSE,
        status=str(told) if ends else STATUS_AFTER[kind],
    )


def _text(value: object) -> str | None:
    """Give a text that can be kept: neither empty nor with halves of characters, which JSON can hold."""
    is_kept = isinstance(value, str) and value and not any("\ud800" <= c <= "\udfff" for c in value)
    return str(value) if is_kept else None
