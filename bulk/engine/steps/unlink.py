"""Unlink connection: deauthorize the accounting connection of a customer."""

from __future__ import annotations

from bulk.codat import endpoints
from bulk.codat.endpoints import Request
from bulk.codat.responses import Reply
from bulk.engine import changes
from bulk.engine.retry import Policy
from bulk.engine.step import Reading, Step, in_doubt
from bulk.engine.steps.connections import read_connections
from bulk.model import CustomerRecord, Labels, Outcome


class UnlinkConnection(Step):
    """Unlinks a connection, which must be Linked (https://docs.codat.io/using-the-api/unlink)."""

    name = "unlink"
    policy = Policy.CHANGE
    operations = ("unlink_connection",)
    fails_customer = False

    def is_needed(self, customer: CustomerRecord) -> bool:
        """Return whether the customer is linked."""
        return customer.connection_status == "Linked"

    def request(self, customer: CustomerRecord, labels: Labels) -> Request:
        """Return the request Unlink connection."""
        return endpoints.unlink_connection(customer.company_id or "", customer.connection_id or "")

    def read(self, customer: CustomerRecord, reply: Reply, at: float) -> Reading:
        """Read the connection after it was unlinked."""
        if reply.outcome is not Outcome.DONE:
            return Reading(reply, {})
        connection = endpoints.read_connection(reply.content)
        if connection is None:
            return in_doubt(reply, "a connection's id and status")
        if connection.status == "Linked":
            return in_doubt(reply, "having unlinked the connection")
        if connection.status == "PendingAuth":
            return Reading(reply, changes.connection_without_link(connection))
        return Reading(reply, changes.connection_status_changed(customer, connection))

    def look_up(self, customer: CustomerRecord) -> Request:
        """Return the request List connections, for the customer's company."""
        return endpoints.list_connections(customer.company_id or "")

    def read_look_up(self, customer: CustomerRecord, reply: Reply, at: float, *, labels: Labels) -> Reading:
        """Read the company's connections. The step is done, by whomever, if no accounting connection is Linked."""
        return read_connections(
            customer, reply, is_done=lambda accounting, _: accounting is None or accounting.status != "Linked"
        )
