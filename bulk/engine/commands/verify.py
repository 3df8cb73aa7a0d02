"""The job of `verify`: one reading of the whole company list, compared with the journal.

What is expected of each customer whom Codat has: one company, one accounting connection that is pending or linked, at
most one partner expense connection. The findings are kept in the journal, so that reports can be made again.
"""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import astuple, dataclass
from typing import ClassVar

from bulk.codat import endpoints
from bulk.engine import steps
from bulk.engine.events import Hook, Started
from bulk.engine.reconcile import Adopter, by_customer, known_customers, sweep
from bulk.engine.run import Session
from bulk.engine.steps import Goal
from bulk.journal import customers, facts
from bulk.journal.writer import Writer
from bulk.model import DELETED, Company, Connection, CustomerRecord, customer_tag

ACTIVE = ("PendingAuth", "Linked")


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that Codat has otherwise than the journal; `finding` is one of the words in reports/README.md."""

    finding: str
    customer_id: str | None
    company_id: str | None
    connection_id: str | None
    detail: str
    can_be_adopted: bool = False


class Verify:
    """Compares, and with `adopts` takes over what Codat has and the journal lacks."""

    command = "verify"
    goal = Goal.LINK_READY
    source: ClassVar[str | None] = None

    def __init__(self, *, adopts: bool) -> None:
        """Make the job."""
        self._adopts = adopts

    def prepare(self, connection: sqlite3.Connection, run: int) -> None:
        """Nothing needs preparing."""

    async def begin(self, writer: Writer, hook: Hook, now: float) -> bool:  # noqa: ARG002 - a job's signature
        """Codat is always asked: also an empty batch may have companies there."""
        hook(Started(0, 0))
        return True

    async def work(self, session: Session) -> None:
        """Read the list and keep what was found."""
        context = session.context
        comparison = Comparison(context.batch)
        takers = _Both(comparison, Adopter(context.batch, session.hook).of_all()) if self._adopts else comparison
        await sweep(context, [None], takers, session.hook)
        at = steps.timestamp(context.wall())

        def keep(connection: sqlite3.Connection) -> None:
            findings = list(comparison.findings(connection))
            connection.execute("DELETE FROM findings")
            connection.executemany(
                "INSERT INTO findings (finding, customer_id, company_id, connection_id, detail, adopted) "
                "VALUES (?, ?, ?, ?, ?, ?)",
                [(*astuple(finding)[:-1], finding.can_be_adopted and self._adopts) for finding in findings],
            )
            facts.put(connection, {"verified_at": at})

        await context.writer.write(keep)


class Comparison:
    """Gathers what the list shows; `findings` says what is wrong once the list is read.

    Only companies with something to say are kept, so that a list of any length fits in memory.
    """

    adopts = False

    def __init__(self, batch: str) -> None:
        """Compare for the batch that marks its companies with this name."""
        self._tag = endpoints.batch_tag(batch)
        self._findings: list[Finding] = []
        self._companies: dict[str, list[str]] = defaultdict(list)  # customer_id → companies beside the journal's

    def begin(self, connection: sqlite3.Connection) -> None:
        """Start anew."""
        self._findings.clear()
        self._companies.clear()
        connection.execute("CREATE TEMP TABLE IF NOT EXISTS proven (seq INTEGER PRIMARY KEY)")
        connection.execute("DELETE FROM temp.proven")
        customers.index_companies(connection)

    def take(self, connection: sqlite3.Connection, companies: Sequence[Company], at: float) -> int:  # noqa: ARG002 - a taker's signature
        """Compare a page; gives how many findings it made."""
        before = len(self._findings)
        by_tag = by_customer(companies)
        claimed: set[str] = set()
        for entry in known_customers(connection, companies, by_company=True):
            own = by_tag[customer_tag(entry.customer_id)] + by_tag["uid " + entry.customer_id]
            own += [c for c in companies if c.id == entry.company_id and c not in own]
            claimed.update(company.id for company in own)
            for company in own:
                if company.id == entry.company_id:
                    connection.execute("INSERT OR IGNORE INTO temp.proven VALUES (?)", (entry.seq,))
                    self._findings += _compared(entry, company)
                else:
                    self._companies[entry.customer_id].append(company.id)
        self._findings += [
            Finding(
                "unknown_company",
                company.tags.get(endpoints.READABLE_TAG),
                company.id,
                None,
                "carries this batch's tag, and no customer of the batch has it",
            )
            for company in companies
            if company.id not in claimed and company.tags.get(endpoints.BATCH_TAG) == self._tag
        ]
        return len(self._findings) - before

    def findings(self, connection: sqlite3.Connection) -> Iterator[Finding]:
        """Give what was found, those first that the list lacks."""
        missing = connection.execute(
            "SELECT customer_id, company_id, connection_id FROM customers "
            "WHERE company_id IS NOT NULL AND seq NOT IN (SELECT seq FROM temp.proven) ORDER BY source, row"
        )
        for customer_id, company_id, connection_id in missing:
            if company_id in self._companies.get(customer_id, ()):
                continue  # taken over in this very reading
            yield Finding("missing_company", customer_id, company_id, connection_id, "Codat's list does not have it")
        for customer_id, company_ids in self._companies.items():
            row = connection.execute(
                "SELECT company_id FROM customers WHERE customer_id = ?", (customer_id,)
            ).fetchone()
            yield from _others(customer_id, row and row[0], company_ids)
        yield from self._findings


class _Both:
    """Two takers of the same pages, one after the other."""

    adopts = True

    def __init__(self, first: Comparison, second: Adopter) -> None:
        self._first, self._second = first, second

    def begin(self, connection: sqlite3.Connection) -> None:
        self._first.begin(connection)
        self._second.begin(connection)

    def take(self, connection: sqlite3.Connection, companies: Sequence[Company], at: float) -> int:
        self._first.take(connection, companies, at)
        return self._second.take(connection, companies, at)


def _others(customer_id: str, own: str | None, company_ids: Sequence[str]) -> Iterator[Finding]:
    """Judge companies of a customer that are not the journal's."""
    first = own if own in company_ids else company_ids[0] if own is None else None
    for company_id in company_ids:
        if company_id == first:
            detail = "belongs to this customer by its tag, and the journal has none"
            yield Finding("unknown_company", customer_id, company_id, None, detail, can_be_adopted=True)
        else:
            detail = f"belongs to this customer by its tag, beside {own or company_ids[0]}"
            yield Finding("extra_company", customer_id, company_id, None, detail)


def _compared(entry: CustomerRecord, company: Company) -> Iterator[Finding]:
    """Compare a customer's own company with what the journal says of it."""
    if not company.knows_connections:
        detail = "Codat did not say which the company has"
        yield Finding("missing_connection", entry.customer_id, company.id, entry.connection_id, detail)
        return
    accounting = [c for c in company.connections if c.source_type in ("Accounting", "Unknown")]
    partners = [c for c in company.connections if c.source_type == "Expense"]
    yield from _connections(entry, company, "connection", entry.connection_id, entry.connection_status, accounting)
    partner_id, partner_status = entry.partner_connection_id, entry.partner_status
    yield from _connections(entry, company, "partner", partner_id, partner_status, partners)


def _connections(
    entry: CustomerRecord,
    company: Company,
    kind: str,
    known: str | None,
    status: str | None,
    there: Iterable[Connection],
) -> Iterator[Finding]:
    by_id = {connection.id: connection for connection in there}
    own = by_id.pop(known, None) if known else None
    customer_id = entry.customer_id
    if known is not None and own is None:
        said = " (known to be deleted)" if status == DELETED else ""
        yield Finding(f"missing_{kind}", customer_id, company.id, known, f"the company does not have it{said}")
    others = sorted((c for c in by_id.values() if c.status in ACTIVE), key=lambda c: (c.status != "Linked", c.id))
    if own is not None and own.status == "Linked" and own.platform_key != entry.platform_key:
        # The customer chose other software on Codat's own page; the connection that was asked for waits for ever.
        others = [c for c in others if c.status == "Linked" or c.platform_key != entry.platform_key]
    for number, connection in enumerate(others):
        if own is None and number == 0:
            detail = f"{connection.status}, and the journal has none" if known is None else connection.status
            yield Finding(f"unknown_{kind}", customer_id, company.id, connection.id, detail, can_be_adopted=True)
        else:
            beside = known if own is not None else others[0].id
            detail = f"{connection.status}, beside {beside}"
            yield Finding(f"extra_{kind}", customer_id, company.id, connection.id, detail)
