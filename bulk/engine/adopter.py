"""Updates the journal's customers from Codat's company list."""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Self

from bulk.codat import endpoints
from bulk.engine import changes, conflicts
from bulk.engine.changes import Changes
from bulk.engine.reconcile import Taken
from bulk.journal import company_list, customers
from bulk.journal import conflicts as journal_conflicts
from bulk.model import Company, CustomerRecord, Labels
from bulk.problems import Problem
from bulk.text import timestamp


class Adopter:
    """A PageHandler that adopts companies that the journal lacks, and updates the customers.

    A company that may be another customer's is not adopted: its customer is in conflict. The journal changes when the
    whole list was read, unless it lacks so many of the batch's companies that it may be another account's.
    """

    adopts = True

    def __init__(self, labels: Labels, *, settles_conflicts: bool = False, accepts_missing: bool = False) -> None:
        """Create a handler for the batch with these labels.

        `settles_conflicts`: the list is that of all companies, so a conflict that it does not show is gone.
        `accepts_missing`: a list that lacks many of the batch's companies is trusted.
        """
        self._accepts_missing = accepts_missing
        self._labels = labels
        self._settles_conflicts = settles_conflicts
        self._reads_all = False
        self._is_indexed = False
        self._warnings: set[str] = set()  # those of this and earlier readings: a list is read again if it changes

    def of_all(self) -> Self:
        """Recognize companies by their ids too: a list of all companies shows even those that have lost their tags."""
        self._reads_all = True
        return self

    def begin(self, connection: sqlite3.Connection) -> None:
        """Forget the companies and the conflicts that an earlier reading showed."""
        company_list.begin_reading(connection)
        journal_conflicts.begin_reading(connection)
        self._is_indexed = False
        if self._reads_all:
            self._index(connection)

    def take(self, connection: sqlite3.Connection, companies: Sequence[Company], at: float) -> Taken:
        """Update the batch's customers from a page."""
        by_tag = by_customer(companies, self._labels.source)
        changed = 0
        warnings: list[str] = []
        unmatched = {company.id: company for company in companies}
        for known in known_customers(connection, companies, by_company=self._reads_all):
            customer = changes.apply(known, company_list.staged(connection, known.seq))
            own = with_journals(customer, companies_of(customer, by_tag, companies), companies)
            warnings += _warnings(customer, own)
            for company in own:
                unmatched.pop(company.id, None)
            if customer.company_id is None or any(company.id == customer.company_id for company in own):
                company_list.mark_shown(connection, customer.seq)
            changed += self._change(connection, customer, self._news(connection, customer, own), at)
        for company in unmatched.values():
            changed += self._hold_spellings(connection, company, at)
        new = tuple(text for text in dict.fromkeys(warnings) if text not in self._warnings)
        self._warnings.update(new)
        return Taken(changed, new)

    def end(self, connection: sqlite3.Connection, at: float) -> bool:
        """Change the journal if the list can be trusted, and let customers continue whose conflict is gone."""
        if not self._accepts_missing and company_list.lacking(connection):
            return False
        company_list.apply_staged(connection)
        if self._settles_conflicts:
            for seq, damage in journal_conflicts.not_shown(connection):
                customers.change(connection, seq, changes.conflict_gone(damage) | {"updated_at": timestamp(at)})
        return True

    def _news(self, connection: sqlite3.Connection, customer: CustomerRecord, own: Sequence[Company]) -> Changes:
        """Return the changes in the list that the journal does not have yet."""
        if customer.company_id is not None:
            known = next((each for each in own if each.id == customer.company_id), None)
            if known is None:
                return {}
            news = changes.company_in_list(customer, known)
            return news | changes.name_in_list(changes.apply(customer, news), known)
        company = changes.company_of(customer, own, self._labels)
        if company is None:
            return {}
        problem = self._conflict(connection, customer, company)
        if problem is not None:
            return _held(connection, customer, problem)
        customers.add_company(connection, company.id, customer.seq)
        return changes.company_adopted(customer, company, labels=self._labels)

    def _conflict(self, connection: sqlite3.Connection, customer: CustomerRecord, company: Company) -> Problem | None:
        """Return the conflict that keeps a customer from getting this company, unless a person has accepted it."""
        self._index(connection)
        owner = next(iter(customers.by_companies(connection, [company.id])), None)
        if owner is not None:
            return conflicts.of_owner(company, owner.customer_id)
        problem = conflicts.of_name(customer, company, self._labels)
        is_accepted = problem is None or journal_conflicts.is_accepted(connection, customer.customer_id, problem)
        return None if is_accepted else problem

    def _hold_spellings(self, connection: sqlite3.Connection, company: Company, at: float) -> int:
        """Hold the customers whose identifier is another spelling of that of a company without a customer."""
        uid = company.tags.get(endpoints.READABLE_TAG)
        if uid is None or company.tags.get(endpoints.SOURCE_TAG) != self._labels.source:
            return 0
        changed = 0
        for seq in journal_conflicts.unsent_spellings(connection, uid):
            customer = customers.by_seq(connection, seq)
            if customer is None or changes.apply(customer, company_list.staged(connection, seq)).company_id is not None:
                continue
            problem = conflicts.of_spelling(customer, uid)
            if not journal_conflicts.is_accepted(connection, customer.customer_id, problem):
                changed += self._change(connection, customer, _held(connection, customer, problem), at)
        return changed

    def _change(self, connection: sqlite3.Connection, customer: CustomerRecord, news: Changes, at: float) -> int:
        if news:
            company_list.stage(connection, customer.seq, news | {"updated_at": timestamp(at)})
        return int(bool(news))

    def _index(self, connection: sqlite3.Connection) -> None:
        """Index the customers by company once in a reading. Only adopting needs it."""
        if not self._is_indexed:
            customers.index_companies(connection)
            self._is_indexed = True


def _held(connection: sqlite3.Connection, customer: CustomerRecord, problem: Problem) -> Changes:
    """Return the changes for a customer in conflict, and record that this reading shows the conflict."""
    journal_conflicts.mark_shown(connection, customer.seq)
    held = changes.conflict_found(problem)
    return {} if held["conflict"] == customer.conflict else held


def _warnings(customer: CustomerRecord, own: Sequence[Company]) -> Iterator[str]:
    """Return the warnings about a customer's companies in the list."""
    ids = {company.id for company in own} | ({customer.company_id} if customer.company_id else set())
    ids.discard(customer.deleted_company_id or "")
    if len(ids) > 1:
        yield f"Codat has more than one company for customer {customer.customer_id}: {', '.join(sorted(ids))}"
    for company in own:
        if company.id == customer.company_id and company.tags.get(endpoints.CUSTOMER_TAG, customer.tag) != customer.tag:
            other = company.tags.get(endpoints.READABLE_TAG, "another one")
            own_id = customer.customer_id
            yield f"The company of customer {own_id} ({company.id}) has the tags of customer {other} in Codat"
    if any(not company.knows_connections for company in own):
        yield "Codat's list does not show the connections of some companies: they stay as they were"


def known_customers(
    connection: sqlite3.Connection, companies: Sequence[Company], *, by_company: bool
) -> Collection[CustomerRecord]:
    """Return the customers of these companies, by tags and, with `by_company`, by the company ids in the journal."""
    tags = [company.tags.get(endpoints.CUSTOMER_TAG, "") for company in companies]
    by_seq = {customer.seq: customer for customer in customers.by_tags(connection, tags)}
    tagged = {customer.tag for customer in by_seq.values()}
    others = [company for company, tag in zip(companies, tags, strict=True) if tag not in tagged]
    uids = [company.tags.get(endpoints.READABLE_TAG, "") for company in others]
    by_seq |= {customer.seq: customer for customer in customers.by_ids(connection, uids)}
    if by_company:
        known = {customer.company_id for customer in by_seq.values()}
        unknown = [company.id for company in companies if company.id not in known]
        by_seq |= {customer.seq: customer for customer in customers.by_companies(connection, unknown)}
    return by_seq.values()


def by_customer(companies: Iterable[Company], source: str | None) -> dict[str, list[Company]]:
    """Group companies by their customer's tag, or by `uid <identifier>` where only the tag `uid` exists.

    A company from another source system than this one is in no group of the second kind.
    """
    groups: dict[str, list[Company]] = defaultdict(list)
    for company in companies:
        tag = company.tags.get(endpoints.CUSTOMER_TAG)
        if tag:
            groups[tag].append(company)
        elif company.tags.get(endpoints.SOURCE_TAG) == source:
            groups["uid " + company.tags.get(endpoints.READABLE_TAG, "")].append(company)
    return groups


def companies_of(
    customer: CustomerRecord, by_tag: dict[str, list[Company]], companies: Sequence[Company]
) -> list[Company]:
    """Return the companies with a customer's tags or, if there are none, the one that the journal has."""
    own = [*by_tag.get(customer.tag, ()), *by_tag.get("uid " + customer.customer_id, ())]
    return own or [company for company in companies if company.id == customer.company_id]


def with_journals(customer: CustomerRecord, own: list[Company], companies: Sequence[Company]) -> list[Company]:
    """Add the company that the journal has, even if a person has given it the tags of another customer."""
    ids = {company.id for company in own}
    return own + [each for each in companies if each.id == customer.company_id and each.id not in ids]
