"""Updates the journal's customers from Codat's company list."""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Self

from bulk.codat import endpoints
from bulk.engine import changes
from bulk.engine.changes import Changes
from bulk.engine.reconcile import Taken
from bulk.journal import company_list, customers
from bulk.model import Company, CustomerRecord, customer_tag
from bulk.text import timestamp


class Adopter:
    """A PageHandler that adopts companies that the journal lacks, and updates the customers."""

    adopts = True

    def __init__(self, batch: str) -> None:
        """Create a handler for the batch with this name."""
        self._batch = batch
        self._reads_all = False
        self._warnings: set[str] = set()  # those of this and earlier readings: a list is read again if it changes

    def of_all(self) -> Self:
        """Recognize companies by their ids too: a list of all companies shows even those that have lost their tags."""
        self._reads_all = True
        return self

    def begin(self, connection: sqlite3.Connection) -> None:
        """Forget the companies that an earlier reading showed."""
        company_list.begin_reading(connection)
        if self._reads_all:
            customers.index_companies(connection)

    def take(self, connection: sqlite3.Connection, companies: Sequence[Company], at: float) -> Taken:
        """Update the batch's customers from a page."""
        by_tag = by_customer(companies)
        changed = 0
        warnings: list[str] = []
        for customer in known_customers(connection, companies, by_company=self._reads_all):
            own = companies_of(customer, by_tag, companies)
            warnings += _warnings(customer, own)
            if customer.company_id is None or any(company.id == customer.company_id for company in own):
                company_list.mark_shown(connection, customer.seq)
            news = _news(customer, own, batch=self._batch, at=at)
            if news:
                customers.change(connection, customer.seq, news | {"updated_at": timestamp(at)})
                changed += 1
        new = tuple(text for text in dict.fromkeys(warnings) if text not in self._warnings)
        self._warnings.update(new)
        return Taken(changed, new)


def _warnings(customer: CustomerRecord, own: Sequence[Company]) -> Iterator[str]:
    """Return the warnings about a customer's companies in the list."""
    ids = {company.id for company in own} | ({customer.company_id} if customer.company_id else set())
    ids.discard(customer.deleted_company_id or "")
    if len(ids) > 1:
        yield f"Codat has more than one company for customer {customer.customer_id}: {', '.join(sorted(ids))}"
    if any(not company.knows_connections for company in own):
        yield "Codat's list does not show the connections of some companies: they stay as they were"


def known_customers(
    connection: sqlite3.Connection, companies: Sequence[Company], *, by_company: bool
) -> Collection[CustomerRecord]:
    """Return the customers of these companies, by tags and, with `by_company`, by the company ids in the journal."""
    tags = [company.tags.get(endpoints.CUSTOMER_TAG, "") for company in companies]
    by_seq = {customer.seq: customer for customer in customers.by_tags(connection, tags)}
    tagged = {customer_tag(customer.customer_id) for customer in by_seq.values()}
    others = [company for company, tag in zip(companies, tags, strict=True) if tag not in tagged]
    uids = [company.tags.get(endpoints.READABLE_TAG, "") for company in others]
    by_seq |= {customer.seq: customer for customer in customers.by_ids(connection, uids)}
    if by_company:
        known = {customer.company_id for customer in by_seq.values()}
        unknown = [company.id for company in companies if company.id not in known]
        by_seq |= {customer.seq: customer for customer in customers.by_companies(connection, unknown)}
    return by_seq.values()


def by_customer(companies: Iterable[Company]) -> dict[str, list[Company]]:
    """Group companies by their customer's tag, or by `uid <identifier>` where only the tag `uid` exists."""
    groups: dict[str, list[Company]] = defaultdict(list)
    for company in companies:
        tag = company.tags.get(endpoints.CUSTOMER_TAG)
        groups[tag if tag else "uid " + company.tags.get(endpoints.READABLE_TAG, "")].append(company)
    return groups


def companies_of(
    customer: CustomerRecord, by_tag: dict[str, list[Company]], companies: Sequence[Company]
) -> list[Company]:
    """Return the companies with a customer's tags or, if there are none, the one that the journal has."""
    own = [*by_tag.get(customer_tag(customer.customer_id), ()), *by_tag.get("uid " + customer.customer_id, ())]
    return own or [company for company in companies if company.id == customer.company_id]


def _news(customer: CustomerRecord, own: Sequence[Company], *, batch: str, at: float) -> Changes:
    """Return the changes in the list that the journal does not have yet."""
    if customer.company_id is None:
        company = changes.company_of(customer, own)
        return changes.company_adopted(customer, company, batch=batch, at=at) if company else {}
    company = next((each for each in own if each.id == customer.company_id), None)
    return changes.company_in_list(customer, company, at=at) if company else {}
