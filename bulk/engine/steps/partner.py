"""Create partner expense connection, once the customer has authorized the accounting connection."""

from __future__ import annotations

from bulk.codat import endpoints
from bulk.codat.endpoints import Request
from bulk.codat.responses import Reply
from bulk.engine import changes
from bulk.engine.retry import Policy
from bulk.engine.step import Reading, Step, in_doubt
from bulk.engine.steps.connections import read_connections
from bulk.model import CustomerRecord, Labels, Outcome, State


class CreatePartnerConnection(Step):
    """Creates the partner expense connection of a linked company.

    https://docs.codat.io/sync-for-expenses-api#/operations/create-partner-expense-connection
    """

    name = "partner"
    policy = Policy.CREATE
    operations = ("create_partner_expense_connection",)

    def is_needed(self, customer: CustomerRecord) -> bool:
        """Return whether the customer has authorized and has no partner connection."""
        return customer.connection_status == "Linked" and customer.partner_connection_id is None

    def may_exist(self, customer: CustomerRecord) -> bool:
        """Return whether the company's connections are unknown."""
        return not customer.knows_connections

    def request(self, customer: CustomerRecord, labels: Labels) -> Request:
        """Return the request Create partner expense connection."""
        return endpoints.create_partner_expense_connection(customer.company_id or "")

    def read(self, customer: CustomerRecord, reply: Reply, at: float) -> Reading:
        """Read the new partner connection."""
        if reply.outcome is not Outcome.DONE:
            return Reading(reply, {})
        connection = endpoints.read_connection(reply.content)
        if connection is None:
            return in_doubt(reply, "a connection's id and status")
        done = {"state": State.COMPLETE, "knows_connections": True}
        return Reading(reply, changes.partner_found(connection) | done | changes.NO_ERROR)

    def look_up(self, customer: CustomerRecord) -> Request:
        """Return the request List connections, for the customer's company."""
        return endpoints.list_connections(customer.company_id or "")

    def read_look_up(self, customer: CustomerRecord, reply: Reply, at: float, *, labels: Labels) -> Reading:
        """Read the company's connections. The step is done if there is a partner connection."""
        return read_connections(customer, reply, is_done=lambda _, partner: partner is not None)
