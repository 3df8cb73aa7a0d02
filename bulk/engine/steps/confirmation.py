"""Get company: whether a company still exists that Codat returned for an old Idempotency-Key.

Codat replays the response that it keeps under a key, even if the company was deleted meanwhile: a copy of the batch,
or a journal that was lost, has used the same key before.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from bulk import problems
from bulk.codat import endpoints
from bulk.codat.endpoints import Request
from bulk.codat.responses import Reply
from bulk.engine import changes, conflicts
from bulk.engine.changes import Changes
from bulk.engine.retry import Policy
from bulk.engine.step import Reading, Step, in_doubt, is_gone
from bulk.model import CustomerRecord, Labels, Outcome

_NO_COMPANY: Final[Changes] = {"company_id": None, "company_origin": None}


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
        if company.tags.get(endpoints.CUSTOMER_TAG, customer.tag) != customer.tag:
            owner = company.tags.get(endpoints.READABLE_TAG, "another customer")
            return Reading(reply, _NO_COMPANY | changes.conflict_found(conflicts.of_owner(company, owner)))
        if conflicts.has_name(company, customer.name) or conflicts.has_name(company, customer.name_sent or ""):
            return Reading(reply, {"company_origin": "created"})
        renamed = problems.new("other_name", customer.name, found=company.name)
        return Reading(reply, _NO_COMPANY | changes.conflict_found(renamed))
