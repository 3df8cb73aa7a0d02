"""Customers at each stage, what Codat has for them, and its replies, for the tables of the engine's tests."""

from __future__ import annotations

import json
from typing import Any

from bulk.codat import responses
from bulk.codat.responses import Reply
from bulk.engine.changes import NO_ERROR, Changes
from bulk.model import DELETED, Company, Connection, CustomerRecord, State, customer_tag
from bulk.text import timestamp

AT = 1_790_000_000.0
NOW = timestamp(AT)
CREATED = "2026-09-01T00:00:00Z"
LINK, ISSUED = "https://link.example.com/1?otp=1", "2026-09-02T00:00:00Z"
BATCH = "autumn"

WAITING = CustomerRecord(
    seq=1,
    customer_id="a",
    tag=customer_tag("a"),
    name="Acme",
    platform_key="gbol",
    description=None,
    name_sent="Acme",
    company_id="c",
    connection_id="n",
    connection_status="PendingAuth",
    link_url=LINK,
    link_issued_at=ISSUED,
    state=State.LINK_READY,
)
LINKED = WAITING.evolve(connection_status="Linked", state=State.LINKED)
COMPLETE = LINKED.evolve(partner_connection_id="p", partner_status="Linked", state=State.COMPLETE)
PARTNER_REJECTED = LINKED.evolve(state=State.FAILED)
PARTNER_LOST = COMPLETE.evolve(partner_status=DELETED, state=State.FAILED)
WITHOUT_CONNECTION = WAITING.evolve(
    connection_id=None, connection_status=None, link_url=None, link_issued_at=None, state=State.PENDING
)
NEW = WITHOUT_CONNECTION.evolve(company_id=None, name_sent=None)
CONNECTION_LOST = WAITING.evolve(connection_status=DELETED, state=State.FAILED)
TO_RENEW = WAITING.evolve(link_url=None, link_issued_at=None, replaced_link=(LINK, ISSUED))


def connection(status: str, id_: str = "n", *, key: str | None = "gbol", link: str | None = None) -> Connection:
    """Return an accounting connection."""
    return Connection(id_, status, "Accounting", key, link, CREATED)


def partner(id_: str = "p", status: str = "Linked") -> Connection:
    """Return a partner expense connection."""
    return Connection(id_, status, "Expense", "mlth", None, CREATED)


def company(*connections: Connection, knows: bool = True, tags: dict[str, str] | None = None) -> Company:
    """Return the customer's company."""
    return Company("c", "Acme", None, CREATED, tags or {}, connections, knows_connections=knows)


def body(each: Connection) -> dict[str, Any]:
    """Return a connection as Codat writes it."""
    content = {"id": each.id, "status": each.status, "sourceType": each.source_type, "created": each.created}
    return content | {"integrationKey": each.platform_key, "linkUrl": each.link_url}


def ok(content: Any) -> Reply:
    """Return a 200."""
    return responses.read(200, {}, json.dumps(content).encode())


def error(status: int, text: str = "no", **headers: str) -> Reply:
    """Return an error with Codat's own error body."""
    content = {"statusCode": status, "error": text, "correlationId": "c0ffee"}
    return responses.read(status, {k.replace("_", "-"): v for k, v in headers.items()}, json.dumps(content).encode())


def connections_list(*connections: Connection) -> Reply:
    """Return a reply to List connections."""
    return ok({"results": [body(each) for each in connections]})


MISSING = error(404, "no such thing")
GATEWAY_PAGE = responses.read(404, {}, b"<html>no such page</html>")
NO_RESPONSE = responses.no_response("no answer")
NOT_SENT = responses.not_sent("no connection")


def news(changes: Changes) -> Changes:
    """Return the changes without the error's text and without empty error columns."""
    no_news = {"error", "correlation_id"}
    return {k: v for k, v in changes.items() if (k not in NO_ERROR or v is not None) and k not in no_news}


def status_changes(status: str, state: State, id_: str = "n", **more: object) -> Changes:
    """Return the changes for another status of the accounting connection."""
    return {"connection_id": id_, "connection_status": status, "state": state, "platform_sent": "gbol"} | more


def link_changes(id_: str, url: str | None, issued_at: str | None, state: State = State.LINK_READY) -> Changes:
    """Return the changes for a pending connection whose linkUrl is adopted."""
    more = {"knows_connections": True, "link_url": url, "link_issued_at": issued_at}
    return status_changes("PendingAuth", state, id_, **more)


def unfinished_changes(id_: str) -> Changes:
    """Return the changes for a pending connection in a list. Its linkUrl is still to be requested."""
    return link_changes(id_, None, None, State.PENDING)


def lost_changes(step: str, **more: object) -> Changes:
    """Return the changes for a thing that Codat no longer has."""
    column = "partner_status" if step == "partner" else "connection_status"
    return {column: DELETED, "state": State.FAILED, "error_step": step, "error_code": "deleted"} | more
