"""Which steps a customer needs, in which order, and what an answer changes about a customer. No I/O.

Changes are columns of the journal's table `customers`.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from bulk.codat import operations, wire
from bulk.codat.operations import Request
from bulk.codat.wire import Reply
from bulk.model import Company, Connection, Entry, Outcome, Problem, State, Step, customer_tag

Changes = dict[str, Any]

STATE_OF_CONNECTION = {
    "PendingAuth": State.LINK_READY,
    "Linked": State.LINKED,
    "Unlinked": State.UNLINKED,
    "Deauthorized": State.UNLINKED,
}


def next_step(entry: Entry) -> Step | None:
    """Say what is to be asked next; None when the customer has got as far as it can."""
    if entry.company_id is None:
        return Step.COMPANY
    if entry.connection_id is None:
        return Step.CONNECTION
    if entry.connection_status == "PendingAuth" and not entry.link_url:
        return Step.LINK
    return None


def requests_needed(entry: Entry) -> int:
    """Count the requests that take this customer to the end, if all goes well."""
    return {Step.COMPANY: 2, Step.CONNECTION: 1, Step.LINK: 1, None: 0}[next_step(entry)]


def request_for(entry: Entry, step: Step, *, batch: str) -> Request:
    """Build the request of a step."""
    if step is Step.COMPANY:
        return operations.create_company(
            customer_id=entry.customer_id, name=entry.name, description=entry.description, batch=batch
        )
    if step is Step.CONNECTION:
        return operations.create_connection(entry.company_id or "", entry.platform_key)
    return operations.get_connection(entry.company_id or "", entry.connection_id or "")


def look_up_for(entry: Entry, step: Step) -> Request:
    """Build the request that shows whether a step was done already."""
    if step is Step.COMPANY:
        return operations.list_companies(tag=(operations.CUSTOMER_TAG, customer_tag(entry.customer_id)))
    return operations.list_connections(entry.company_id or "")


def sent(entry: Entry, step: Step) -> Changes:
    """Give what Codat may have from now on, since the request of this step is about to leave."""
    if step is Step.COMPANY:
        return {"name_sent": entry.name, "description_sent": entry.description}
    if step is Step.CONNECTION:
        return {"platform_sent": entry.platform_key}
    return {}


def unsent(step: Step) -> Changes:
    """Give what holds again when it is certain that Codat has nothing of this step."""
    if step is Step.COMPANY:
        return {"name_sent": None, "description_sent": None}
    if step is Step.CONNECTION:
        return {"platform_sent": None}
    return {}


def created(company: Company) -> Changes:
    """Give what a new company changes."""
    return {"company_id": company.id, "company_origin": "created", "name_sent": company.name} | NO_ERROR


def read_created(step: Step, reply: Reply, at: float) -> tuple[Reply, Changes]:
    """Read the answer to a POST: what it changes, or that it may have been done although it does not say so."""
    if reply.outcome is not Outcome.DONE:
        return reply, {}
    if step is Step.COMPANY:
        company = operations.read_company(reply.content)
        return (reply, created(company)) if company else (wire.unreadable(reply, "a company's id"), {})
    connection = operations.read_connection(reply.content)
    if connection is None:
        return wire.unreadable(reply, "a connection's id and status"), {}
    return reply, connected(connection, issued_at=timestamp(at))


def read_link(_: Entry, reply: Reply, at: float) -> tuple[Reply, Changes]:
    """Read the answer to Get connection, whose linkUrl is fresh."""
    connection = operations.read_connection(reply.content)
    if connection is None:
        return wire.unreadable(reply, "a connection's id and status"), {}
    if connection.status == "PendingAuth" and not connection.link_url:
        problem = Problem("Codat gave the connection without a linkUrl", str(reply.status))
        return replace(reply, outcome=Outcome.BUSY, problem=problem), {}
    return reply, connected(connection, issued_at=timestamp(at))


def read_look_up(entry: Entry, reply: Reply, at: float) -> tuple[Reply, Changes]:
    """Read the answer to List connections, whose linkUrls are fresh: was the accounting connection made?"""
    connections = operations.read_connections(reply.content)
    if connections is None:
        return wire.unreadable(reply, "a page of connections"), {}
    connection = operations.accounting_connection(connections, entry.platform_key)
    if connection is None:
        return replace(reply, outcome=Outcome.ABSENT), {}
    return replace(reply, outcome=Outcome.FOUND), connected(connection, issued_at=timestamp(at))


def taken_over(entry: Entry, company: Company, *, batch: str, at: float) -> Changes:
    """Give what a company that was found in Codat changes, with its accounting connection where it has one."""
    is_own = company.tags.get(operations.BATCH_TAG) == operations.batch_tag(batch)
    changes: Changes = {
        "company_id": company.id,
        "company_origin": "created" if is_own else "taken_over",
        "name_sent": company.name,
        "description_sent": company.description,
        "knows_connections": company.knows_connections,
    } | NO_ERROR
    connection = operations.accounting_connection(company.connections, entry.platform_key)
    if connection is None:
        return changes
    partner = next((c for c in company.connections if c.source_type == "Expense"), None)
    return changes | listed(connection, at=at) | partnered(partner)


def listed(connection: Connection, *, at: float) -> Changes:
    """Give what an accounting connection changes that the company list shows.

    Its linkUrl was issued with the connection or later, so it is good for a lifetime from then at least.
    """
    return connected(connection, issued_at=connection.created or timestamp(at))


def connected(connection: Connection, *, issued_at: str | None) -> Changes:
    """Give what an accounting connection changes."""
    changes: Changes = {
        "connection_id": connection.id,
        "connection_status": connection.status,
        "link_url": connection.link_url,
        "link_issued_at": issued_at if connection.link_url else None,
        "state": STATE_OF_CONNECTION.get(connection.status, State.LINK_READY),
    } | NO_ERROR
    if connection.status == "PendingAuth" and not connection.link_url:
        changes["state"] = State.PENDING
    if connection.platform_key:
        changes["platform_sent"] = connection.platform_key
    return changes


def partnered(partner: Connection | None) -> Changes:
    """Give what a partner expense connection changes, if there is one."""
    if partner is None:
        return {}
    changes: Changes = {"partner_connection_id": partner.id, "partner_status": partner.status}
    return changes | {"state": State.COMPLETE} if partner.status == "Linked" else changes


def troubled(step: Step, problem: Problem | None) -> Changes:
    """Give what a problem leaves behind, for the reports."""
    if problem is None:
        return {}
    return {
        "error_step": step,
        "error_code": problem.code,
        "error": problem.text,
        "correlation_id": problem.correlation_id,
    }


NO_ERROR: Changes = {"error_step": None, "error_code": None, "error": None, "correlation_id": None}


def apply(entry: Entry, changes: Changes) -> Entry:
    """Make the entry that these changes leave."""
    known = ("name_sent", "company_id", "knows_connections", "connection_id", "connection_status", "link_url")
    return entry.evolve(**{name: changes[name] for name in known if name in changes})


def timestamp(seconds: float) -> str:
    """Write a time the way the reports do: UTC, ISO 8601, whole seconds."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
