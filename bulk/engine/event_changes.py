"""Turns a webhook event into changes of a customer. PURE."""

from __future__ import annotations

from bulk.codat.webhooks import ConnectionEvent
from bulk.engine import changes
from bulk.engine.changes import Changes
from bulk.model import DELETED, Connection, CustomerRecord, State


def event_changes(customer: CustomerRecord, event: ConnectionEvent) -> Changes:
    """Return the changes for an event, or none if it reports nothing new."""
    if event.company_id != customer.company_id:
        return {}
    if event.is_partner:
        return _partner_changes(customer, event)
    is_own = event.connection_id == customer.connection_id
    if is_own and event.status == customer.connection_status and not _is_second_chance(customer, event):
        return {}
    # An event about another connection matters only if it is now Linked: the customer selected other software.
    if not is_own and event.status != "Linked":
        return {}
    if event.status == DELETED:
        return changes.connection_deleted()
    connection = Connection(event.connection_id, event.status, "Accounting", event.platform_key, None, None)
    return changes.connection_status_changed(customer, connection)


def _is_second_chance(customer: CustomerRecord, event: ConnectionEvent) -> bool:
    """Return whether the customer linked again after Codat rejected the partner connection."""
    was_rejected = customer.state is State.FAILED and customer.partner_connection_id is None
    return event.status == "Linked" and was_rejected


def _partner_changes(customer: CustomerRecord, event: ConnectionEvent) -> Changes:
    if event.connection_id != customer.partner_connection_id or event.status == customer.partner_status:
        return {}
    is_lost = event.status == DELETED and customer.connection_status == "Linked"
    return changes.partner_deleted() if is_lost else {"partner_status": event.status}
