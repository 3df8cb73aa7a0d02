"""Selects the customer's company or connection where Codat has several. No I/O."""

from __future__ import annotations

from collections.abc import Iterable

from bulk.codat.endpoints import CUSTOMER_TAG, READABLE_TAG
from bulk.model import Company, Connection, customer_tag


def find_company(companies: Iterable[Company], customer_id: str) -> Company | None:
    """Return the company with the customer's tag. If a company lacks that tag, its tag `uid` must be the identifier.

    Of several, return the most advanced one, then the oldest, so that a linked company is never lost.
    """
    tag = customer_tag(customer_id)
    own = [c for c in companies if c.tags.get(CUSTOMER_TAG) == tag or _has_readable_tag(c, customer_id)]
    return min(own, key=_company_order, default=None)


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


def _has_readable_tag(company: Company, customer_id: str) -> bool:
    return CUSTOMER_TAG not in company.tags and company.tags.get(READABLE_TAG) == customer_id


def _company_order(company: Company) -> tuple[bool, bool, str, str]:
    connection = accounting_connection(company.connections)
    return (connection is None or connection.status != "Linked", connection is None, company.created or "", company.id)
