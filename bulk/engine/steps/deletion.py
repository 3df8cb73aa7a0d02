"""Delete company: for `undo`. It is irreversible, so the company is looked up right before."""

from __future__ import annotations

from dataclasses import replace

from bulk.codat import endpoints
from bulk.codat.endpoints import Request
from bulk.codat.responses import Reply
from bulk.engine import changes
from bulk.engine.retry import ERASING_STEP, Policy
from bulk.engine.step import Reading, Step, found, in_doubt, is_gone, not_found
from bulk.model import DELETED, Company, CustomerRecord, Labels, Outcome, Problem


class DeleteCompany(Step):
    """Deletes a company that nobody has linked."""

    name = ERASING_STEP
    policy = Policy.DELETE
    operations = ("delete_company",)
    fails_customer = False
    reads_gone = True

    def is_needed(self, customer: CustomerRecord) -> bool:
        """Return whether the customer has a company that nobody has linked, as far as the journal knows."""
        is_unlinked = customer.connection_status in (None, "PendingAuth", DELETED)
        return customer.company_id is not None and is_unlinked and customer.partner_connection_id is None

    def request(self, customer: CustomerRecord, labels: Labels) -> Request:
        """Return the request Delete company."""
        return endpoints.delete_company(customer.company_id or "")

    def read(self, customer: CustomerRecord, reply: Reply, at: float) -> Reading:
        """Read the reply. A company that no longer exists counts as deleted."""
        if reply.outcome is not Outcome.DONE and not is_gone(reply):
            return Reading(reply, {})
        return Reading(replace(reply, outcome=Outcome.DONE, problem=None), changes.deleted_on_purpose(customer))

    def look_up(self, customer: CustomerRecord) -> Request:
        """Return the request Get company, which does not renew linkUrls."""
        return endpoints.get_company(customer.company_id or "")

    def read_look_up(self, customer: CustomerRecord, reply: Reply, at: float, *, labels: Labels) -> Reading:
        """Read the company: it is deleted already, somebody has linked it, or it may be deleted."""
        if is_gone(reply):
            return found(reply, changes.deleted_on_purpose(customer))
        company = endpoints.read_company(reply.content)
        if company is None or not company.knows_connections:
            return in_doubt(reply, "a company and its connections")
        news = changes.company_in_list(customer, company)
        if _was_linked(company) and self.is_needed(changes.apply(customer, news)):
            problem = Problem("Somebody has linked this company before: it is left alone", "linked")
            return Reading(replace(reply, outcome=Outcome.REJECTED, problem=problem), news)
        return not_found(reply, news)


def _was_linked(company: Company) -> bool:
    return any(c.status != "PendingAuth" or c.source_type == "Expense" for c in company.connections)
