"""Create connection: the accounting connection of a company."""

from __future__ import annotations

from typing import ClassVar

from bulk.codat import endpoints, selection
from bulk.codat.endpoints import Request
from bulk.codat.responses import Reply
from bulk.engine import changes
from bulk.engine.changes import Changes
from bulk.engine.retry import Policy
from bulk.engine.step import Reading, Step, found, in_doubt, not_found
from bulk.engine.steps.connections import read_list
from bulk.model import CustomerRecord, Labels, Outcome
from bulk.text import timestamp


class CreateConnection(Step):
    """Creates the accounting connection of a company, which can have only one source of accounting data."""

    name = "connection"
    policy = Policy.CREATE
    operations = ("create_connection",)
    look_up_renews_links = True
    nothing_sent: ClassVar[Changes] = {"platform_sent": None}

    def is_needed(self, customer: CustomerRecord) -> bool:
        """Return whether the customer has a company, and it has no accounting connection."""
        return customer.company_id is not None and customer.connection_id is None

    def may_exist(self, customer: CustomerRecord) -> bool:
        """Return whether the company's connections are unknown."""
        return not customer.knows_connections

    def request(self, customer: CustomerRecord, labels: Labels) -> Request:
        """Return the request Create connection, for the customer's platform."""
        return endpoints.create_connection(customer.company_id or "", customer.platform_key)

    def on_intent(self, customer: CustomerRecord) -> Changes:
        """Return the platform that Codat may have from now on."""
        return {"platform_sent": customer.platform_key}

    def read(self, customer: CustomerRecord, reply: Reply, at: float) -> Reading:
        """Read the new connection with its linkUrl."""
        if reply.outcome is not Outcome.DONE:
            return Reading(reply, {})
        connection = endpoints.read_connection(reply.content)
        if connection is None:
            return in_doubt(reply, "a connection's id and status")
        if reply.is_replay(connection.created):
            return Reading(reply, changes.connection_without_link(connection))  # it may have been renewed or deleted
        return Reading(reply, changes.connection_found(connection, issued_at=timestamp(at)))

    def look_up(self, customer: CustomerRecord) -> Request:
        """Return the request List connections, for the customer's company."""
        return endpoints.list_connections(customer.company_id or "")

    def read_look_up(self, customer: CustomerRecord, reply: Reply, at: float, *, labels: Labels) -> Reading:
        """Read the company's connections."""
        connections = read_list(reply)
        if isinstance(connections, Reading):
            return connections
        accounting = selection.accounting_connection(connections, customer.platform_key)
        if accounting is None:
            return not_found(reply)
        return found(reply, changes.connection_without_link(accounting))
