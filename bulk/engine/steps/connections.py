"""Reads the connections of a company, for the steps that look them up."""

from __future__ import annotations

from collections.abc import Callable

from bulk.codat import endpoints, selection
from bulk.codat.responses import Reply
from bulk.engine import changes
from bulk.engine.changes import Changes
from bulk.engine.step import Reading, found, in_doubt, not_found
from bulk.model import Connection, CustomerRecord

IsDone = Callable[[Connection | None, Connection | None], bool]


def read_list(reply: Reply) -> tuple[Connection, ...] | Reading:
    """Return all connections of a company, or a reading if the reply is not the end of the list."""
    page = endpoints.read_connections(reply.content)
    if page is None:
        return in_doubt(reply, "all connections")
    if page.next_path is not None:
        return Reading(reply, {}, endpoints.next_connections(page.next_path), joins=True)
    return page.connections


def read_connections(customer: CustomerRecord, reply: Reply, *, is_done: IsDone) -> Reading:
    """Read a company's connections, page by page.

    `is_done` receives the accounting and the partner connection, or None, and returns whether the step was done.
    """
    connections = read_list(reply)
    if isinstance(connections, Reading):
        return connections
    accounting = selection.accounting_connection(connections, customer.platform_key)
    partner = selection.partner_connection(connections)
    was_done = is_done(accounting, partner)
    news = _accounting_changes(customer, accounting, partner, was_done=was_done)
    news |= changes.partner_found(partner) if partner is not None else {}
    return found(reply, news) if was_done else not_found(reply, news)


def _accounting_changes(
    customer: CustomerRecord, accounting: Connection | None, partner: Connection | None, *, was_done: bool
) -> Changes:
    if accounting is None:
        return changes.connection_deleted()
    if accounting.status == "PendingAuth":
        return changes.connection_without_link(accounting)
    is_known = (accounting.id, accounting.status) == (customer.connection_id, customer.connection_status)
    if is_known and not was_done:
        return {}  # nothing is new, so the last error stays
    known = changes.with_partner_connection(customer, partner) if partner is not None else customer
    return changes.connection_status_changed(known, accounting)
