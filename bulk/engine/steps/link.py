"""Get connection: a fresh linkUrl for a connection without one, or in place of one that has expired."""

from __future__ import annotations

from dataclasses import replace

from bulk.codat import endpoints
from bulk.codat.endpoints import Request
from bulk.codat.responses import Reply
from bulk.engine import changes, retry
from bulk.engine.changes import Changes
from bulk.engine.retry import AttemptHistory, Policy
from bulk.engine.step import Reading, Step, in_doubt, is_gone
from bulk.engine.steps.connection import CreateConnection
from bulk.model import DELETED, Attempt, CustomerRecord, Labels, Outcome
from bulk.text import timestamp

KEEPS_THE_OLD_LINK = (
    *(Outcome.CONFLICT, Outcome.NOT_SENT, Outcome.BLOCKED),
    *(Outcome.RATE_LIMITED, Outcome.REJECTED, Outcome.FATAL),
)


class RenewLink(Step):
    """Renews the linkUrl of a connection, which makes the previous linkUrl useless.

    So the intent clears `link_url`: if the run dies or the response is lost, no report shows a link that may be dead.
    """

    name = "link"
    policy = Policy.RENEW
    operations = ("get_connection",)

    def is_needed(self, customer: CustomerRecord) -> bool:
        """Return whether the customer's connection waits for an authorization and has no linkUrl."""
        return customer.connection_status == "PendingAuth" and not customer.link_url

    def history(self, customer: CustomerRecord) -> AttemptHistory:
        """Return the attempts so far. A look-up of the connection that may still arrive renews the linkUrl, too."""
        attempts = (replace(each, step=self.name) if _may_arrive(each) else each for each in customer.history)
        return retry.history(attempts, self.name)

    def request(self, customer: CustomerRecord, labels: Labels) -> Request:
        """Return the request Get connection."""
        return endpoints.get_connection(customer.company_id or "", customer.connection_id or "")

    def on_intent(self, customer: CustomerRecord) -> Changes:
        """Clear the linkUrl."""
        return {"link_url": None, "link_issued_at": None}

    def on_failure(self, customer: CustomerRecord, reply: Reply) -> Changes:
        """Restore the old linkUrl if Codat certainly did not make another."""
        if reply.outcome not in KEEPS_THE_OLD_LINK or self._may_have_renewed(customer):
            return {}
        link_url, issued_at = customer.replaced_link
        return {"link_url": link_url, "link_issued_at": issued_at}

    def read(self, customer: CustomerRecord, reply: Reply, at: float) -> Reading:
        """Read the connection: its fresh linkUrl, or its status if the customer has decided meanwhile."""
        if reply.outcome is not Outcome.DONE:
            return Reading(reply, {"connection_status": DELETED} if is_gone(reply) else {})
        connection = endpoints.read_connection(reply.content)
        if connection is None:
            return in_doubt(reply, "a connection's id and status")
        if connection.status != "PendingAuth":
            return Reading(reply, changes.connection_status_changed(customer, connection))
        if not connection.link_url:
            return in_doubt(reply, "a linkUrl")
        return Reading(reply, changes.connection_found(connection, issued_at=timestamp(at)))

    def _may_have_renewed(self, customer: CustomerRecord) -> bool:
        """Return whether a request of this run may have made a linkUrl that was not received.

        The intents of earlier runs cleared `link_url`, so the link to restore is newer than their requests.
        """
        own = [attempt for attempt in customer.history if attempt.step == self.name]
        return any(a.run == own[-1].run and (a.outcome is None or a.outcome.is_in_doubt) for a in own)


def _may_arrive(attempt: Attempt) -> bool:
    """Return whether an attempt is a look-up of the connection that has no outcome, or an unknown one."""
    is_look_up = attempt.step == CreateConnection.name and attempt.key is None
    return is_look_up and (attempt.outcome is None or attempt.outcome.is_in_doubt)
