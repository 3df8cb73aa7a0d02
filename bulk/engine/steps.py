"""Which steps a customer needs, in which order, and what an answer changes about a customer. No I/O.

Changes are columns of the journal's table `customers`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from enum import Enum, auto
from functools import lru_cache
from typing import Any

from bulk.codat import endpoints, responses, selection
from bulk.codat.endpoints import Request
from bulk.codat.responses import Reply
from bulk.model import DELETED, Company, Connection, CustomerRecord, Outcome, Problem, State, Step, customer_tag

Changes = dict[str, Any]
ENDED = ("Unlinked", "Deauthorized")
LATER = Outcome.CONFLICT, Outcome.NOT_SENT, Outcome.RATE_LIMITED, Outcome.REJECTED, Outcome.FATAL


class Goal(Enum):
    """What a run wants of its customers: which steps it takes with them."""

    LINK_READY = auto()  # a company, an accounting connection and a linkUrl
    PARTNER = auto()  # the partner expense connection of those who have authorized
    FRESH_LINK = auto()  # another linkUrl, in place of one that is no longer good
    UNLINKED = auto()  # no authorized connection
    UNDONE = auto()  # no company, unless somebody has linked it


def next_step(entry: CustomerRecord, goal: Goal) -> Step | None:
    """Say what is to be asked next; None when the customer has got as far as it can."""
    status = entry.connection_status
    if goal is Goal.LINK_READY:
        return _next_to_link_ready(entry)
    if goal is Goal.UNDONE:
        is_nobodys = status in (None, "PendingAuth", DELETED) and entry.partner_connection_id is None
        return Step.DELETE if entry.company_id is not None and is_nobodys else None
    if status == "Linked" and goal is Goal.PARTNER:
        return Step.PARTNER if entry.partner_connection_id is None else None
    if status == "Linked" and goal is Goal.UNLINKED:
        return Step.UNLINK
    return Step.LINK if status == "PendingAuth" and goal is Goal.FRESH_LINK and not entry.link_url else None


def _next_to_link_ready(entry: CustomerRecord) -> Step | None:
    if entry.company_id is None:
        return Step.COMPANY
    if entry.connection_id is None:
        return Step.CONNECTION
    return Step.LINK if entry.connection_status == "PendingAuth" and not entry.link_url else None


def requests_needed(entry: CustomerRecord, goal: Goal) -> int:
    """Count the requests that take this customer to the end, if all goes well."""
    step = next_step(entry, goal)
    return 0 if step is None else 2 if step is Step.COMPANY else 1


def state_of(connection_status: str | None, *, has_partner: bool) -> State:
    """Say how far a customer with a company has got."""
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


def state_after(entry: CustomerRecord) -> State:
    """Say how far a customer has got for whom nothing more is asked."""
    if entry.company_id is None:
        return State.PENDING
    if entry.connection_status == "Linked" and _has_lost_partner(entry):
        return State.FAILED
    return state_of(entry.connection_status, has_partner=entry.partner_connection_id is not None)


def _has_lost_partner(entry: CustomerRecord) -> bool:
    return entry.partner_connection_id is not None and entry.partner_status == DELETED


def request_for(entry: CustomerRecord, step: Step, *, batch: str) -> Request:
    """Build the request of a step."""
    company_id, connection_id = entry.company_id or "", entry.connection_id or ""
    match step:
        case Step.COMPANY:
            return endpoints.create_company(
                customer_id=entry.customer_id, name=entry.name, description=entry.description, batch=batch
            )
        case Step.CONNECTION:
            return endpoints.create_connection(company_id, entry.platform_key)
        case Step.LINK:
            return endpoints.get_connection(company_id, connection_id)
        case Step.PARTNER:
            return endpoints.create_partner_expense_connection(company_id)
        case Step.UNLINK:
            return endpoints.unlink_connection(company_id, connection_id)
        case Step.DELETE:
            return endpoints.delete_company(company_id)


def look_up_for(entry: CustomerRecord, step: Step) -> Request:
    """Build the request that shows whether a step was done already."""
    if step is Step.COMPANY:
        return endpoints.list_companies(tag=(endpoints.CUSTOMER_TAG, customer_tag(entry.customer_id)))
    if step is Step.DELETE:
        return endpoints.get_company(entry.company_id or "")
    return endpoints.list_connections(entry.company_id or "")


def sent(entry: CustomerRecord, step: Step) -> Changes:
    """Give what Codat may have from now on, since the request of this step is about to leave."""
    if step is Step.COMPANY:
        return {"name_sent": entry.name, "description_sent": entry.description}
    if step is Step.CONNECTION:
        return {"platform_sent": entry.platform_key}
    if step is Step.LINK:
        return {"link_url": None, "link_issued_at": None}  # another one makes the last one useless
    return {}


def left_by(entry: CustomerRecord, step: Step, reply: Reply, *, in_doubt: bool) -> Changes:
    """Give what a request leaves behind in the journal that was not done, as far as is known."""
    changes: Changes = {}
    if step is Step.LINK and reply.outcome in LATER:
        changes = dict(zip(("link_url", "link_issued_at"), entry.old_link, strict=True))
    if reply.outcome in (Outcome.REJECTED, Outcome.FATAL) and not in_doubt:
        changes |= unsent(step)
    return changes | troubled(step, reply.problem) if reply.outcome is Outcome.REJECTED else changes


def unsent(step: Step) -> Changes:
    """Give what holds again when it is certain that Codat has nothing of this step."""
    if step is Step.COMPANY:
        return {"name_sent": None, "description_sent": None}
    if step is Step.CONNECTION:
        return {"platform_sent": None}
    return {}


def created(company: Company) -> Changes:
    """Give what a new company changes."""
    own: Changes = {"company_id": company.id, "company_origin": "created", "company_batch": None}
    return own | {"name_sent": company.name} | NO_ERROR


def read_answer(entry: CustomerRecord, step: Step, reply: Reply, at: float) -> tuple[Reply, Changes]:
    """Read the answer to a step's request: what it changes, or that it may have been done and does not say so."""
    if step is Step.DELETE and (reply.outcome is Outcome.DONE or is_gone(reply)):
        return replace(reply, outcome=Outcome.DONE, problem=None), undone(entry)
    if reply.outcome is not Outcome.DONE:
        return reply, {"connection_status": DELETED} if step is Step.LINK and is_gone(reply) else {}
    if step is Step.COMPANY:
        company = endpoints.read_company(reply.content)
        return (reply, created(company)) if company else (responses.unreadable(reply, "a company's id"), {})
    connection = endpoints.read_connection(reply.content)
    if connection is None:
        return responses.unreadable(reply, "a connection's id and status"), {}
    if step is Step.PARTNER:
        return reply, partnered(connection) | {"state": State.COMPLETE, "knows_connections": True} | NO_ERROR
    if step is Step.UNLINK and connection.status == "Linked":
        return responses.unreadable(reply, "having unlinked the connection"), {}
    if step is Step.LINK and connection.status == "PendingAuth" and not connection.link_url:
        return responses.unreadable(reply, "a linkUrl"), {}
    if step in (Step.LINK, Step.UNLINK) and connection.status != "PendingAuth":
        return reply, turned(entry, connection)
    return reply, connected(connection, issued_at=timestamp(at))


def read_connections(entry: CustomerRecord, step: Step, reply: Reply, at: float) -> tuple[Reply, Changes]:
    """Read the answer to List connections, whose linkUrls are fresh: was this step done already?"""
    connections = endpoints.read_connections(reply.content)
    if connections is None:
        return responses.unreadable(reply, "a page of connections"), {}
    accounting = selection.accounting_connection(connections, entry.platform_key)
    partner = selection.partner_connection(connections)
    absent, found = replace(reply, outcome=Outcome.NOT_FOUND), replace(reply, outcome=Outcome.FOUND)
    if step is Step.CONNECTION:
        return (found, connected(accounting, issued_at=timestamp(at))) if accounting else (absent, {})
    is_linked = accounting is not None and accounting.status == "Linked"
    is_found = partner is not None if step is Step.PARTNER else not is_linked
    with_partner = _with(entry, partner) if partner is not None else entry
    if accounting is None:
        changes = deleted(Step.CONNECTION)
    elif accounting.status == "PendingAuth":
        changes = connected(accounting, issued_at=timestamp(at))
    elif not is_found and (accounting.id, accounting.status) == (entry.connection_id, entry.connection_status):
        changes = {}  # nothing is new, so what went wrong before stays said
    else:
        changes = turned(with_partner, accounting)
    return (found if is_found else absent), changes | (partnered(partner) if partner is not None else {})


def read_deletable(entry: CustomerRecord, reply: Reply, at: float) -> tuple[Reply, Changes]:
    """Read the answer to Get company: is it gone, or has somebody linked it, or may it be deleted?"""
    if is_gone(reply):
        return replace(reply, outcome=Outcome.FOUND, problem=None), undone(entry)
    company = endpoints.read_company(reply.content)
    if company is None or not company.knows_connections:
        return responses.unreadable(reply, "a company and its connections"), {}
    changes = refreshed(entry, company, at=at)
    was_linked = any(c.status != "PendingAuth" or c.source_type == "Expense" for c in company.connections)
    if was_linked and next_step(apply(entry, changes), Goal.UNDONE) is not None:
        problem = Problem("Somebody has linked this company, or had: it is left alone", "linked")
        return replace(reply, outcome=Outcome.REJECTED, problem=problem), changes
    return replace(reply, outcome=Outcome.NOT_FOUND), changes


def is_gone(reply: Reply) -> bool:
    """Whether Codat itself, not a gateway, says that it has no such thing."""
    return reply.status == 404 and reply.is_readable


def company_of(entry: CustomerRecord, companies: Iterable[Company]) -> Company | None:
    """Pick the company that a list shows of a customer who has none; one that was deleted is none, shown or not."""
    return selection.find_company([c for c in companies if c.id != entry.deleted_id], entry.customer_id)


def taken_over(entry: CustomerRecord, company: Company, *, batch: str, at: float) -> Changes:
    """Give what a company that was found in Codat changes, with its accounting connection where it has one."""
    # Only what this journal has asked for is its own: another batch may have the same name, and so the same tag.
    tag = company.tags.get(endpoints.BATCH_TAG)
    is_own = tag == endpoints.batch_tag(batch) and entry.name_sent is not None
    changes: Changes = {
        "company_id": company.id,
        "company_origin": "created" if is_own else "taken_over",
        "company_batch": None if is_own else tag,
        "name_sent": company.name,
        "description_sent": company.description,
        "knows_connections": company.knows_connections,
        "state": State.PENDING,
    } | NO_ERROR
    connection = selection.accounting_connection(company.connections, entry.platform_key)
    if connection is None:
        return changes
    changes |= listed(connection, at=at)
    partner = selection.partner_connection(company.connections)
    if partner is None:
        return changes
    return changes | partnered(partner) | {"state": state_of(connection.status, has_partner=True)}


def refreshed(entry: CustomerRecord, company: Company, *, at: float) -> Changes:
    """Give what the company list shows of a customer's company that the journal does not know; nothing if it does."""
    if not company.knows_connections:
        return {}
    accounting = _current(entry, company.connections)
    if accounting is None and entry.connection_id is None:
        return NO_ERROR | {"connection_status": None, "state": State.PENDING} if entry.connection_status else {}
    if accounting is None:
        return {} if entry.connection_status == DELETED else deleted(Step.CONNECTION)
    partner = selection.partner_connection(company.connections)
    shown = (accounting.id, accounting.status, partner and partner.id, partner.status if partner else None)
    known = (entry.connection_id, entry.connection_status, entry.partner_connection_id, entry.partner_status)
    if shown == known or (partner is None and shown[:2] == known[:2] and entry.partner_status == DELETED):
        return {}
    with_partner = _with(entry, partner)
    is_same = accounting.id == entry.connection_id and (entry.link_url or accounting.status != "PendingAuth")
    changes = turned(with_partner, accounting) if is_same else listed(accounting, at=at)
    changes["state"] = state_of(accounting.status, has_partner=partner is not None)
    if partner is not None:
        return changes | partnered(partner)
    if entry.partner_connection_id is not None:
        lost = deleted(Step.PARTNER)
        changes |= lost if accounting.status == "Linked" else {"partner_status": lost["partner_status"]}
    return changes


def _current(entry: CustomerRecord, connections: Sequence[Connection]) -> Connection | None:
    """Pick the accounting connection that says how far a customer is: a linked one, else the journal's own.

    A customer may have linked other software than asked, and ended that later: then nobody is asked once more.
    """
    best = selection.accounting_connection(connections, entry.platform_key)
    own = next((c for c in connections if c.id == entry.connection_id), None)
    if best is None or own is None or best.status == "Linked":
        return own if own is not None and own.status == "Linked" else best
    later = [c for c in connections if c.source_type == own.source_type and (c.created or "") > (own.created or "")]
    ended = [c for c in later if c.status in ENDED]
    return own if own.status in ENDED else max(ended, key=lambda c: c.created or "", default=own)


def turned(entry: CustomerRecord, connection: Connection) -> Changes:
    """Give what another status of a known connection changes; its linkUrl is left as it is."""
    has_partner = entry.partner_connection_id is not None
    changes: Changes = {
        "connection_id": connection.id,
        "connection_status": connection.status,
        "state": state_of(connection.status, has_partner=has_partner),
    }
    changes |= ({"platform_sent": connection.platform_key} if connection.platform_key else {}) | NO_ERROR
    return changes | deleted(Step.PARTNER) if connection.status == "Linked" and _has_lost_partner(entry) else changes


def _with(entry: CustomerRecord, partner: Connection | None) -> CustomerRecord:
    if partner is None:
        return entry.evolve(partner_connection_id=None, partner_status=None)
    return entry.evolve(partner_connection_id=partner.id, partner_status=partner.status)


def deleted(step: Step) -> Changes:
    """Give what it changes that Codat no longer has the thing that this step made."""
    thing = {Step.COMPANY: "company", Step.CONNECTION: "accounting connection", Step.PARTNER: "partner connection"}
    status = "partner_status" if step is Step.PARTNER else "connection_status"
    problem = Problem(f"Codat no longer has this {thing[step]}: it was deleted there", DELETED.lower())
    return {status: DELETED, "state": State.FAILED} | troubled(step, problem)


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
        "knows_connections": True,
        "link_url": connection.link_url,
        "link_issued_at": issued_at if connection.link_url else None,
        "state": state_of(connection.status, has_partner=False),
    } | NO_ERROR
    if connection.status == "PendingAuth" and not connection.link_url:
        changes["state"] = State.PENDING
    if connection.platform_key:
        changes["platform_sent"] = connection.platform_key
    return changes


def partnered(partner: Connection) -> Changes:
    """Give what a partner expense connection changes, the state left to the caller."""
    return {"partner_connection_id": partner.id, "partner_status": partner.status}


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
NOTHING_SENT: Changes = {
    **dict.fromkeys(("name_sent", "platform_sent", "description_sent", "company_id", "company_origin")),
    **dict.fromkeys(("company_batch", "connection_id", "connection_status", "link_url", "link_issued_at")),
    **dict.fromkeys(("partner_connection_id", "partner_status")),
    "knows_connections": True,
    "state": State.PENDING,
    **NO_ERROR,
}


def undone(entry: CustomerRecord) -> Changes:
    """Give what holds once a customer's company was deleted on purpose: Codat has nothing, and nothing was sent."""
    return NOTHING_SENT | {"deleted_id": entry.company_id}


ENTRYS_OWN = (
    *("name_sent", "company_id", "deleted_id", "knows_connections", "connection_id", "connection_status", "link_url"),
    *("partner_connection_id", "partner_status", "state"),
)


def apply(entry: CustomerRecord, changes: Changes) -> CustomerRecord:
    """Make the entry that these changes leave."""
    own = {name: changes[name] for name in ENTRYS_OWN if name in changes}
    return entry.evolve(**own) if own else entry


def timestamp(seconds: float) -> str:
    """Write a time the way the reports do: UTC, ISO 8601, whole seconds."""
    return _timestamp(math.floor(seconds))


@lru_cache(maxsize=8)  # hundreds of rows are written in a second
def _timestamp(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
