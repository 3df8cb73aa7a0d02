"""Turns Codat's companies and connections into changes of a customer. PURE.

Changes are values for the columns of the journal's table `customers`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from bulk import problems
from bulk.codat import endpoints, selection
from bulk.engine import conflicts
from bulk.model import DELETED, ENDED, Company, Connection, CustomerRecord, Labels, Problem, State

Changes = dict[str, Any]
NO_ERROR: Changes = {"error_step": None, "error_code": None, "error": None, "correlation_id": None}
NOTHING_SENT: Changes = {
    **dict.fromkeys(("name_sent", "platform_sent", "description_sent", "company_id", "company_origin")),
    **dict.fromkeys(("company_batch", "connection_id", "connection_status", "link_url", "link_issued_at")),
    "link_error": None,
    **dict.fromkeys(("partner_connection_id", "partner_status")),
    "knows_connections": True,
    "state": State.PENDING,
    "conflict": None,
    **NO_ERROR,
}


def apply(customer: CustomerRecord, changes: Changes) -> CustomerRecord:
    """Return the customer with these changes."""
    return customer.evolve(**changes) if changes else customer


def state_of(connection_status: str | None, *, has_partner: bool) -> State:
    """Return the state of a customer with a company."""
    match connection_status:
        case "Linked":
            return State.COMPLETE if has_partner else State.LINKED
        case _ if connection_status in ENDED:
            return State.UNLINKED
        case None:
            return State.PENDING
        case _ if connection_status == DELETED:
            return State.FAILED
    return State.LINK_READY


def final_state(customer: CustomerRecord) -> State:
    """Return the state of a customer who needs no further step."""
    if customer.company_id is None:
        return State.PENDING if customer.conflict is None else State.CONFLICT
    if customer.connection_status == "Linked" and _has_lost_partner(customer):
        return State.FAILED
    return state_of(customer.connection_status, has_partner=customer.partner_connection_id is not None)


def company_created(company: Company, *, is_replayed: bool = False) -> Changes:
    """Return the changes for a company that this batch created, in this run or in one whose response is replayed."""
    origin = "replayed" if is_replayed else "created"
    own: Changes = {"company_id": company.id, "company_origin": origin, "company_batch": None}
    return own | {"name_sent": company.name} | NO_ERROR


def company_adopted(customer: CustomerRecord, company: Company, *, labels: Labels) -> Changes:
    """Return the changes for a company that was found in Codat, with its connections."""
    is_own = conflicts.is_own(customer, company, labels)
    changes: Changes = {
        "company_id": company.id,
        "company_origin": "created" if is_own else "adopted",
        "company_batch": None if is_own else company.tags.get(endpoints.BATCH_TAG),
        "name_sent": company.name,
        "description_sent": company.description,
        "knows_connections": company.knows_connections,
        "state": State.PENDING,
        "conflict": None,
        "damage": None,  # Codat has the name as it is in the input, or a person has accepted the company
    } | NO_ERROR
    connection = selection.accounting_connection(company.connections, customer.platform_key)
    if connection is None:
        return changes
    changes |= connection_without_link(connection)
    partner = selection.partner_connection(company.connections)
    if partner is None:
        return changes
    return changes | partner_found(partner) | {"state": state_of(connection.status, has_partner=True)}


def conflict_found(problem: problems.Problem) -> Changes:
    """Return the changes for a customer whose company may be another customer's. A person decides."""
    found: Changes = {"state": State.CONFLICT, "conflict": problems.to_text([problem])}
    return found | NO_ERROR | {"error_step": "conflict", "error_code": problem["code"]}


def conflict_gone(damage: str | None = None) -> Changes:
    """Return the changes for a customer without a company whose conflict no longer exists, or was accepted.

    If its row is damaged, that is the conflict which remains.
    """
    if damage is not None:
        return conflict_found(*problems.parse(damage))
    return {"state": State.PENDING, "conflict": None} | NO_ERROR


def company_of(customer: CustomerRecord, companies: Iterable[Company], labels: Labels) -> Company | None:
    """Return the company with the tag of a customer without a company. One deleted on purpose is ignored.

    Of several, prefer one with the customer's name: the others are another customer's.
    """
    own = [
        company
        for company in companies
        if company.id != customer.deleted_company_id and selection.is_of_customer(company, customer, labels.source)
    ]
    same = [company for company in own if conflicts.of_name(customer, company, labels) is None]
    return selection.most_advanced(same or own)


def company_in_list(customer: CustomerRecord, company: Company) -> Changes:
    """Return the changes of a customer's company in the company list that the journal does not have yet."""
    if not company.knows_connections:
        return {}
    accounting = _current_connection(customer, company.connections)
    if accounting is None and customer.connection_id is None:
        return NO_ERROR | {"connection_status": None, "state": State.PENDING} if customer.connection_status else {}
    if accounting is None:
        return {} if customer.connection_status == DELETED else connection_deleted()
    partner = selection.partner_connection(company.connections)
    if _is_known(customer, accounting, partner):
        return _attempt_changes(customer, accounting)
    is_same = accounting.id == customer.connection_id
    with_partner = with_partner_connection(customer, partner)
    changes = connection_status_changed(with_partner, accounting) if is_same else connection_without_link(accounting)
    changes["state"] = state_of(accounting.status, has_partner=partner is not None)
    if accounting.status == "PendingAuth" and not (is_same and customer.link_url):
        changes["state"] = State.PENDING  # until it has a linkUrl
    return changes | _partner_in_list(customer, accounting, partner) | _attempt_changes(customer, accounting)


def _attempt_changes(customer: CustomerRecord, connection: Connection) -> Changes:
    """Return the changes for the last failed attempt to link a connection. One that is linked has none."""
    link_error = connection.link_error if connection.status == "PendingAuth" else None
    return {} if link_error == customer.link_error else {"link_error": link_error}


def name_in_list(customer: CustomerRecord, company: Company) -> Changes:
    """Return the changes for a customer's company that somebody has renamed in Codat.

    It may be another customer's now, so its linkUrl is not handed out until a person retries the customer.
    """
    names = (customer.name, customer.name_sent or customer.name)
    if not company.name or any(conflicts.has_name(company, name) for name in names):
        return {}
    renamed: Changes = {"name_sent": company.name}
    if customer.connection_status != "PendingAuth":
        return renamed
    text = (
        f'Somebody has renamed its company in Codat to "{company.name}"; if it is this customer\'s, retry the customer'
    )
    return renamed | {"state": State.FAILED} | error("company", Problem(text, "renamed"))


def _is_known(customer: CustomerRecord, accounting: Connection, partner: Connection | None) -> bool:
    in_list = (accounting.id, accounting.status, partner and partner.id, partner.status if partner else None)
    known = (
        customer.connection_id,
        customer.connection_status,
        customer.partner_connection_id,
        customer.partner_status,
    )
    is_known_loss = partner is None and customer.partner_status == DELETED
    return in_list == known or (is_known_loss and in_list[:2] == known[:2])


def _partner_in_list(customer: CustomerRecord, accounting: Connection, partner: Connection | None) -> Changes:
    if partner is not None:
        return partner_found(partner)
    if customer.partner_connection_id is None:
        return {}
    return partner_deleted() if accounting.status == "Linked" else {"partner_status": DELETED}


def _current_connection(customer: CustomerRecord, connections: Sequence[Connection]) -> Connection | None:
    """Return the accounting connection that determines a customer's state: a linked one, otherwise the journal's.

    A customer may have linked other software than expected and unlinked it later. Then that connection is returned, so
    that the customer is not asked again.
    """
    best = selection.accounting_connection(connections, customer.platform_key)
    own = next((c for c in connections if c.id == customer.connection_id), None)
    if best is None or own is None or best.status == "Linked":
        return own if own is not None and own.status == "Linked" else best
    later = [c for c in connections if c.source_type == own.source_type and (c.created or "") > (own.created or "")]
    ended = [c for c in later if c.status in ENDED]
    return own if own.status in ENDED else max(ended, key=lambda c: c.created or "", default=own)


def connection_found(connection: Connection, *, issued_at: str | None) -> Changes:
    """Return the changes for an accounting connection. `issued_at` is the time when its linkUrl was made, in UTC."""
    changes: Changes = {
        "connection_id": connection.id,
        "connection_status": connection.status,
        "knows_connections": True,
        "link_url": connection.link_url,
        "link_issued_at": issued_at if connection.link_url else None,
        "state": state_of(connection.status, has_partner=False),
    } | NO_ERROR
    if connection.status == "PendingAuth" and not connection.link_url:
        changes["state"] = State.PENDING
    if connection.platform_key:
        changes["platform_sent"] = connection.platform_key
    if connection.status == "PendingAuth" and connection.link_error:
        changes["link_error"] = connection.link_error
    return changes


def connection_without_link(connection: Connection) -> Changes:
    """Return the changes for an accounting connection in a list.

    A linkUrl in a list only shows that there is one: Codat's own examples have it without its one-time password, and
    such a link does not open. *Get connection* returns one that does
    (https://docs.codat.io/auth-flow/authorize-hosted-link).
    """
    return connection_found(replace(connection, link_url=None), issued_at=None)


def connection_status_changed(customer: CustomerRecord, connection: Connection) -> Changes:
    """Return the changes for a new status of a known connection. Its linkUrl does not change."""
    has_partner = customer.partner_connection_id is not None
    changes: Changes = {
        "connection_id": connection.id,
        "connection_status": connection.status,
        "state": state_of(connection.status, has_partner=has_partner),
    }
    changes |= ({"platform_sent": connection.platform_key} if connection.platform_key else {}) | NO_ERROR
    if connection.status != "PendingAuth" and customer.link_error is not None:
        changes["link_error"] = None
    return changes | partner_deleted() if connection.status == "Linked" and _has_lost_partner(customer) else changes


def partner_found(partner: Connection) -> Changes:
    """Return the changes for a partner expense connection, without the state."""
    return {"partner_connection_id": partner.id, "partner_status": partner.status}


def with_partner_connection(customer: CustomerRecord, partner: Connection | None) -> CustomerRecord:
    """Return the customer with this partner expense connection, or without one if it is None."""
    if partner is None:
        return customer.evolve(partner_connection_id=None, partner_status=None)
    return customer.evolve(**partner_found(partner))


def _has_lost_partner(customer: CustomerRecord) -> bool:
    return customer.partner_connection_id is not None and customer.partner_status == DELETED


def company_deleted() -> Changes:
    """Return the changes for a company that somebody deleted in Codat."""
    return {"connection_status": DELETED} | _lost("company", "company")


def connection_deleted() -> Changes:
    """Return the changes for an accounting connection that somebody deleted in Codat."""
    return {"connection_status": DELETED} | _lost("connection", "accounting connection")


def partner_deleted() -> Changes:
    """Return the changes for a partner expense connection that somebody deleted in Codat."""
    return {"partner_status": DELETED} | _lost("partner", "partner connection")


def _lost(step: str, thing: str) -> Changes:
    problem = Problem(f"Codat no longer has this {thing}: it was deleted there", DELETED.lower())
    return {"state": State.FAILED} | error(step, problem)


def deleted_on_purpose(customer: CustomerRecord) -> Changes:
    """Return the changes after `undo` has deleted a company: the customer is as if nothing had been sent.

    No run creates another company for it, unless `migrate --again` says so.
    """
    return NOTHING_SENT | {"deleted_company_id": customer.company_id, "company_origin": "undone"}


def error(step: str, problem: Problem | None) -> Changes:
    """Return the error columns for a problem."""
    if problem is None:
        return {}
    return {
        "error_step": step,
        "error_code": problem.code,
        "error": problem.text,
        "correlation_id": problem.correlation_id,
    }
