"""Compares Codat's company list with the journal, for `verify`."""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence

from bulk.codat import endpoints
from bulk.engine import conflicts
from bulk.engine.adopter import by_customer, companies_of, known_customers, with_journals
from bulk.engine.reconcile import Taken
from bulk.journal import company_list, customers
from bulk.journal.conflicts import begin_reading as begin_conflicts
from bulk.journal.conflicts import is_accepted
from bulk.journal.findings import Finding
from bulk.model import DELETED, ENDED, Company, Connection, CustomerRecord, Labels

ACTIVE = ("PendingAuth", "Linked")


class Comparison:
    """A PageHandler that collects differences. It keeps nothing else, so a list of any length fits in memory."""

    adopts = False

    def __init__(self, labels: Labels) -> None:
        """Create a comparison for the batch with these labels."""
        self._labels = labels
        self._tag = endpoints.batch_tag(labels.batch)
        self._findings: list[Finding] = []
        self._others: dict[str, list[str]] = defaultdict(list)  # customer_id → companies that are not the journal's

    def begin(self, connection: sqlite3.Connection) -> None:
        """Start a new reading."""
        self._findings.clear()
        self._others.clear()
        company_list.begin_reading(connection)
        begin_conflicts(connection)
        customers.index_companies(connection)

    def take(self, connection: sqlite3.Connection, companies: Sequence[Company], at: float) -> Taken:  # noqa: ARG002 - a PageHandler's signature
        """Compare a page; count the new findings as changes."""
        before = len(self._findings)
        by_tag = by_customer(companies, self._labels.source)
        claimed: set[str] = set()
        for customer in known_customers(connection, companies, by_company=True):
            own = with_journals(customer, companies_of(customer, by_tag, companies), companies)
            claimed.update(company.id for company in own)
            for company in own:
                is_own = customer.company_id in (None, company.id)
                problem = conflicts.of_name(customer, company, self._labels) if is_own else None
                if problem is not None and is_accepted(connection, customer.customer_id, problem):
                    problem = None
                if problem is not None:
                    self._findings.append(_different_name(customer, company))
                if company.id == customer.company_id:
                    company_list.mark_shown(connection, customer.seq)
                    self._findings += _compare(customer, company)
                elif customer.company_id is not None or problem is None:
                    self._others[customer.customer_id].append(company.id)
        self._findings += [
            _unknown(company)
            for company in companies
            if company.id not in claimed and company.tags.get(endpoints.BATCH_TAG) == self._tag
        ]
        return Taken(len(self._findings) - before)

    def end(self, connection: sqlite3.Connection, at: float) -> bool:  # noqa: ARG002 - a PageHandler's signature
        """Change nothing: `findings` compares what is missing."""
        return True

    def findings(self, connection: sqlite3.Connection) -> Iterator[Finding]:
        """Return the differences after the whole list was read, beginning with the missing companies."""
        for customer_id, company_id, connection_id in company_list.missing_companies(connection):
            if company_id not in self._others.get(customer_id, ()):  # otherwise this reading adopted it
                detail = "Codat's list does not have it"
                yield Finding("missing_company", customer_id, company_id, connection_id, detail)
        for customer in customers.by_ids(connection, self._others):
            yield from _judge_others(customer, self._others[customer.customer_id])
        yield from self._findings


def _unknown(company: Company) -> Finding:
    detail = "carries this batch's tag, and no customer of the batch has it"
    return Finding("unknown_company", company.tags.get(endpoints.READABLE_TAG), company.id, None, detail)


def _different_name(customer: CustomerRecord, company: Company) -> Finding:
    detail = f'Codat calls it "{company.name}", and the input "{customer.name}"'
    return Finding("different_name", customer.customer_id, company.id, None, detail)


def _judge_others(customer: CustomerRecord, company_ids: Sequence[str]) -> Iterator[Finding]:
    """Return the findings about a customer's companies that are not the journal's."""
    own = customer.company_id
    first = own if own in company_ids else company_ids[0] if own is None else None
    for company_id in company_ids:
        if company_id == first:
            detail = "belongs to this customer by its tag, and the journal has none"
            yield Finding("unknown_company", customer.customer_id, company_id, None, detail, can_be_adopted=True)
        else:
            detail = f"belongs to this customer by its tag, in addition to {own or company_ids[0]}"
            yield Finding("extra_company", customer.customer_id, company_id, None, detail)


def _compare(customer: CustomerRecord, company: Company) -> Iterator[Finding]:
    """Return the findings about the company that the journal has for a customer."""
    if not company.knows_connections:
        if customer.connection_id is not None:
            detail = "Codat's list does not show the company's connections"
            yield Finding("missing_connection", customer.customer_id, company.id, customer.connection_id, detail)
        return
    accounting = [c for c in company.connections if c.source_type in ("Accounting", "Unknown")]
    partners = [c for c in company.connections if c.source_type == "Expense"]
    own, status = customer.connection_id, customer.connection_status
    yield from _compare_connections(customer, company, "connection", own, status, accounting)
    own, status = customer.partner_connection_id, customer.partner_status
    yield from _compare_connections(customer, company, "partner", own, status, partners)


def _compare_connections(
    customer: CustomerRecord,
    company: Company,
    kind: str,
    known: str | None,
    status: str | None,
    connections: Iterable[Connection],
) -> Iterator[Finding]:
    by_id = {connection.id: connection for connection in connections}
    own = by_id.pop(known, None) if known else None
    customer_id = customer.customer_id
    if known is not None and own is None:
        note = " (known to be deleted)" if status == DELETED else ""
        yield Finding(f"missing_{kind}", customer_id, company.id, known, f"the company does not have it{note}")
    others = sorted((c for c in by_id.values() if c.status in ACTIVE), key=lambda c: (c.status != "Linked", c.id))
    if own is not None and own.status in ("Linked", *ENDED) and own.platform_key != customer.platform_key:
        # The customer selected other software on Codat's own page; the requested connection stays pending forever.
        others = [c for c in others if c.status == "Linked" or c.platform_key != customer.platform_key]
    for number, connection in enumerate(others):
        if own is None and number == 0:
            detail = f"{connection.status}, and the journal has none" if known is None else connection.status
            yield Finding(f"unknown_{kind}", customer_id, company.id, connection.id, detail, can_be_adopted=True)
        else:
            first = known if own is not None else others[0].id
            yield Finding(
                f"extra_{kind}", customer_id, company.id, connection.id, f"{connection.status}, besides {first}"
            )
