"""Get company: whether a company still exists that Codat returned for an old Idempotency-Key.

Codat replays the response that it keeps under a key, even if the company was deleted meanwhile: a copy of the batch,
or a journal that was lost, has used the same key before.
"""

from __future__ import annotations

from dataclasses import replace

from bulk import problems
from bulk.codat import boundary, endpoints
from bulk.codat.endpoints import Request
from bulk.codat.responses import Reply
from bulk.engine import changes, conflicts
from bulk.engine.retry import Policy
from bulk.engine.step import Reading, Step, in_doubt, is_gone
from bulk.model import Company, CustomerRecord, Labels, Outcome

REPLAYED_AFTER = 60.0  # seconds: a company that is older than the response by more was not created by its request


class ConfirmCompany(Step):
    """Reads a company that Codat has replayed. If it was deleted, the customer gets another one."""

    name = "confirmation"
    policy = Policy.RENEW  # a GET; it changes nothing
    operations = ("get_company", "create_connection")

    def is_needed(self, customer: CustomerRecord) -> bool:
        """Return whether the customer's company comes from a replayed response."""
        return customer.company_origin == "replayed"

    def request(self, customer: CustomerRecord, labels: Labels) -> Request:
        """Return the request Get company."""
        return endpoints.get_company(customer.company_id or "")

    def read(self, customer: CustomerRecord, reply: Reply, at: float) -> Reading:
        """Read the company: it exists, or it was deleted."""
        if is_gone(reply):
            done = replace(reply, outcome=Outcome.DONE, problem=None)
            return Reading(done, changes.deleted_on_purpose(customer) | {"company_origin": "missing"})
        if reply.outcome is not Outcome.DONE:
            return Reading(reply, {})
        company = endpoints.read_company(reply.content)
        if company is None:
            return in_doubt(reply, "a company's id")
        if conflicts.has_name(company, customer.name) or conflicts.has_name(company, customer.name_sent or ""):
            return Reading(reply, {"company_origin": "created"})
        renamed = problems.new("other_name", customer.name, found=company.name)
        return Reading(reply, {"company_id": None, "company_origin": None} | changes.conflict_found(renamed))


def is_replayed(company: Company, reply: Reply) -> bool:
    """Return whether a response to Create company shows one that was created long before. Both times are Codat's."""
    answered = boundary.header_date(reply.headers.get("date", ""))
    created = boundary.header_date(company.created or "")
    return answered is not None and created is not None and created < answered - REPLAYED_AFTER
