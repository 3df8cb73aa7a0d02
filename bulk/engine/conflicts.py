"""Finds out whether a company in Codat may be another customer's. PURE.

Tags alone do not prove that a company is a customer's: two source systems may use the same identifiers, and people
change tags in Codat's portal. So a company with another name is a conflict, which a person decides.
"""

from __future__ import annotations

from bulk import problems
from bulk.codat import endpoints
from bulk.input import fold_name
from bulk.model import Company, CustomerRecord, Labels
from bulk.problems import Problem


def is_own(customer: CustomerRecord, company: Company, labels: Labels) -> bool:
    """Return whether this journal requested the company. Another batch may have the same name, so the same tag."""
    tag = company.tags.get(endpoints.BATCH_TAG)
    return tag == endpoints.batch_tag(labels.batch) and customer.name_sent is not None


def of_name(customer: CustomerRecord, company: Company, labels: Labels) -> Problem | None:
    """Return the conflict if a company with the customer's tag has another name.

    The input may have changed since this journal requested the company, so the requested name counts too.
    """
    if has_name(company, customer.name) or (
        customer.name_sent is not None and is_own(customer, company, labels) and has_name(company, customer.name_sent)
    ):
        return None
    return problems.new("other_name", customer.name, found=company.name)


def has_name(company: Company, name: str) -> bool:
    """Return whether the company's name, as Codat stores names, is this one."""
    return company.name == name or fold_name(company.name) == name


def of_owner(company: Company, owner: str) -> Problem:
    """Return the conflict of a company that the journal already has for another customer, named by its identifier."""
    return problems.new("other_owner", company.name, found=owner)


def of_spelling(customer: CustomerRecord, known: str) -> Problem:
    """Return the conflict of an identifier that is another spelling of a known one."""
    return problems.new("other_spelling", customer.customer_id, found=known)
