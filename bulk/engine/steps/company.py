"""Create company: the first step of a customer."""

from __future__ import annotations

from typing import ClassVar

from bulk.codat import endpoints
from bulk.codat.endpoints import Request
from bulk.codat.responses import Reply
from bulk.engine import changes, conflicts
from bulk.engine.changes import Changes
from bulk.engine.retry import Policy
from bulk.engine.step import Reading, Step, found, in_doubt, not_found
from bulk.model import CustomerRecord, Labels, Outcome


class CreateCompany(Step):
    """Creates a customer's company. Codat does not require unique names: only the tag links it to the customer."""

    name = "company"
    policy = Policy.CREATE
    # A customer is begun only if its connection can be created too.
    operations = ("create_company", "create_connection")
    nothing_sent: ClassVar[Changes] = {"name_sent": None, "description_sent": None}

    def is_needed(self, customer: CustomerRecord) -> bool:
        """Return whether the customer has no company, and none that may be another customer's."""
        return customer.company_id is None and customer.conflict is None

    def may_exist(self, customer: CustomerRecord) -> bool:
        """Return whether the company list lacked the customer's company: the list may lag."""
        return customer.company_origin == "missing"

    def request(self, customer: CustomerRecord, labels: Labels) -> Request:
        """Return the request Create company, with the customer's tags."""
        return endpoints.create_company(
            customer_id=customer.customer_id,
            tag=customer.tag,
            name=customer.name,
            description=customer.description,
            labels=labels,
        )

    def on_intent(self, customer: CustomerRecord) -> Changes:
        """Return the name and the description that Codat may have from now on."""
        return {"name_sent": customer.name, "description_sent": customer.description}

    def read(self, customer: CustomerRecord, reply: Reply, at: float) -> Reading:
        """Read the new company."""
        if reply.outcome is not Outcome.DONE:
            return Reading(reply, {})
        company = endpoints.read_company(reply.content)
        if company is None:
            return in_doubt(reply, "a company's id")
        if company.tags.get(endpoints.CUSTOMER_TAG, customer.tag) != customer.tag:
            return in_doubt(reply, "the customer's tag")
        return Reading(reply, changes.company_created(company, is_replayed=reply.is_replay(company.created)))

    def look_up(self, customer: CustomerRecord) -> Request:
        """Return the request List companies, with the customer's tag."""
        return endpoints.list_companies(tag=(endpoints.CUSTOMER_TAG, customer.tag))

    def read_look_up(self, customer: CustomerRecord, reply: Reply, at: float, *, labels: Labels) -> Reading:
        """Read a page of companies. If the customer's is not on it, continue with the next page.

        A company with another name is not adopted: it may be another customer's.
        """
        page = endpoints.read_company_page(reply.content)
        if page is None:
            return in_doubt(reply, "a page of companies")
        company = changes.company_of(customer, page.companies, labels)
        if company is not None:
            problem = conflicts.of_name(customer, company, labels)
            if problem is not None:
                return not_found(reply, changes.conflict_found(problem))
            return found(reply, changes.company_adopted(customer, company, labels=labels))
        if page.next_path is not None:
            return Reading(reply, {}, endpoints.next_page(page.next_path))
        return not_found(reply)
