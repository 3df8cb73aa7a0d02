"""Selects the customer's company or connection where Codat has several. No I/O."""

from __future__ import annotations

from collections.abc import Iterable

from bulk.codat.endpoints import CUSTOMER_TAG, READABLE_TAG, SOURCE_TAG
from bulk.model import Company, Connection, CustomerRecord


def is_of_customer(company: Company, customer: CustomerRecord, source: str | None) -> bool:
    """Return whether a company has the customer's tag. If it lacks that tag, its tag `uid` must be the identifier.

    `source` is the system that the batch's identifiers come from, or None.
    """
    if CUSTOMER_TAG in company.tags:
        return company.tags[CUSTOMER_TAG] == customer.tag
    return company.tags.get(READABLE_TAG) == customer.customer_id and company.tags.get(SOURCE_TAG) == source


def most_advanced(companies: Iterable[Company]) -> Company | None:
    """Return the most advanced company, of several the oldest, so that a linked company is never lost."""
    return min(companies, key=_company_order, default=None)


def accounting_connection(connections: Iterable[Connection], platform_key: str | None = None) -> Connection | None:
    """Return a company's accounting connection.

    Of several, return a linked one, then a pending one, then one of this platform, then the oldest.
    """
    accounting = [c for c in connections if c.source_type in ("Accounting", "Unknown")]
    return min(
        accounting,
        key=lambda c: (
            c.status != "Linked",
            c.status != "PendingAuth",
            c.platform_key != platform_key,
            c.created or "",
        ),
        default=None,
    )


def partner_connection(connections: Iterable[Connection]) -> Connection | None:
    """Return a company's partner expense connection. Of several, return a linked one, then the oldest."""
    partners = [c for c in connections if c.source_type == "Expense"]
    return min(partners, key=lambda c: (c.status != "Linked", c.created or "", c.id), default=None)


def _company_order(company: Company) -> tuple[bool, bool, str, str]:
    connection = accounting_connection(company.connections)
    return (connection is None or connection.status != "Linked", connection is None, company.created or "", company.id)
