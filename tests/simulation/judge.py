"""Checks the guarantees after each run of a batch.

The end of a scenario is checked in `final_judge`, and guarantees for every moment elsewhere. `once`: nothing is created
twice. `network`: nothing in use is deleted, no minute exceeds the rate. `process`: no request is sent before a
Retry-After has passed, and no run sends too many. `clock`: every run ends.
"""

from __future__ import annotations

import math
import sqlite3
from collections import Counter
from collections.abc import Mapping, Set
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

from support.fault_schedule import Fate
from support.records import PENDING, Company

from bulk.engine.list_validity import MAX_PAUSE
from bulk.journal.database import FILE
from bulk.model import Outcome
from bulk.reports.rows import Reader
from simulation.inputs import STORED_DAMAGE
from simulation.network import Exchange
from simulation.trace import Broken
from simulation.world import World

UNKNOWN = "(outcome IS NULL OR outcome IN ('unknown', 'server_error'))"


def require(holds: object, message: str) -> None:
    """Raise Broken with this message if a condition is false."""
    if not holds:
        raise Broken(message)


@dataclass(frozen=True, slots=True)
class Before:
    """The facts in the journal before a run that decide how many requests the run may send."""

    doubts: int = 0  # steps of customers with an outcome that was ever unknown, or with a 409 for a request in progress
    deleted: int = 0  # customers whose company or a connection no longer exists in Codat
    customers: int = 0
    lists: int = 1  # lists needed to see all companies of the batch
    runs: int = 0
    knows_key: int = 0  # 1: the client of the API key is known
    stale: int = 0  # customers with a company and without a valid linkUrl in the journal
    undone: frozenset[int] = frozenset()  # customers whose companies undo has deleted


class Judge:
    """Compares the journal and the reports of a batch with Codat."""

    def __init__(
        self, folder: Path, label: str, world: World, names: Mapping[str, Set[str]], accepted: Set[str]
    ) -> None:
        """Watch a batch. `names`: its customers and their names; `accepted`: those with an accepted conflict."""
        self._folder = folder
        self.label = label
        self._world = world
        self.network = world.network
        self.portal = world.network.portal
        self.conditions = world.conditions
        self._names = names
        self._accepted = accepted
        self.has_lost_journal = False
        self._seen = 0  # requests of all batches
        self._db: sqlite3.Connection | None = None

    def rows(self, query: str) -> list[Any]:
        """Query the journal; without a journal, return no rows."""
        if self._db is None:
            if not (self._folder / FILE).exists():
                return []
            self._db = sqlite3.connect(self._folder / FILE)
        return self._db.execute(query).fetchall()

    def forget(self) -> None:
        """Close the journal."""
        if self._db is not None:
            self._db.close()
        self._db = None

    def before(self) -> Before:
        """Read the journal before a run."""
        found = self.rows(
            f"""
            SELECT (SELECT count(*) FROM (SELECT DISTINCT customer, step FROM requests
                    WHERE customer IS NOT NULL AND ({UNKNOWN} OR outcome = 'conflict'))),
                   (SELECT count(*) FROM customers WHERE 'Deleted' IN (connection_status, partner_status)
                    OR company_origin = 'missing' OR NOT knows_connections),
                   (SELECT count(*) FROM customers),
                   (SELECT 1 + count(DISTINCT company_batch) FROM customers),
                   (SELECT coalesce(max(id), 0) FROM runs),
                   (SELECT EXISTS (SELECT 1 FROM batch WHERE key = 'clients_of_keys')),
                   (SELECT count(*) FROM customers WHERE company_id IS NOT NULL AND link_url IS NULL)
            """  # noqa: S608 - constants
        )
        undone = self.rows("SELECT seq FROM customers WHERE company_origin = 'undone'")
        return replace(Before(*found[0]), undone=frozenset(seq for (seq,) in undone)) if found else Before()

    def has_later_keys(self) -> bool:
        """Return whether any step of a customer has used more than its first key."""
        return bool(self.rows("SELECT 1 FROM requests GROUP BY customer, step HAVING count(DISTINCT key) > 1"))

    def rejects(self) -> list[tuple[int, str, str]]:
        """Return the rows of the rejects file: number, customer, problems (JSON)."""
        return self.rows(
            "SELECT shift + row, customer_id, problems FROM rejections JOIN sources ON sources.id = source "
            "WHERE customer_id <> '' AND state = 'rejected' ORDER BY source, row"
        )

    def conflicts(self) -> list[tuple[str, str, str | None]]:
        """Return the rows in conflict: customer, problem (JSON), tag of the customer if the journal has it."""
        return self.rows(
            "SELECT customer_id, conflict, tag FROM customers WHERE state = 'conflict' AND presence = 'present' "
            "UNION ALL SELECT customer_id, problems, NULL FROM rejections WHERE state = 'conflict'"
        )

    def requests(self) -> list[tuple[int, str, str, str | None, str | None, int | None, int]]:
        """Return the requests for customers: customer, step, operation, key, outcome, status, run."""
        return self.rows(
            "SELECT customer, step, operation, key, outcome, status, run FROM requests WHERE customer IS NOT NULL "
            "ORDER BY customer, id"
        )

    def companies(self) -> list[Company]:
        """Return all companies in Codat."""
        return self.network.codat.companies

    # -- after each run

    def require_undone(self, before: Before) -> None:
        """Check that a run without --again has created no company that undo deleted."""
        created = self.rows(
            f"SELECT DISTINCT customer FROM requests WHERE run > {before.runs} AND operation = 'create_company'"  # noqa: S608
        )
        again = before.undone & {customer for (customer,) in created}
        require(not again, f"companies that undo deleted are created again: {again}")

    def after_run(self, requests: list[Exchange], before: Before, command: str, *, crashed: bool, actions: int) -> None:
        """Check the guarantees of a run that has just ended."""
        if not crashed:
            left = self.rows(f"SELECT operation FROM requests WHERE run > {before.runs} AND outcome IS NULL")  # noqa: S608
            require(not left, f"the run has ended, and the journal has no outcome of {left}")
        self._require_nothing_lost()
        self._require_valid_links()
        self._require_own_links()
        self._require_few_requests(requests, before, command, actions)

    def require_all_rows(self, rows: int) -> None:
        """Check that the reports count each row of the input, and each removed customer that may be in Codat."""
        gone = self.rows(
            "SELECT count(*) FROM customers WHERE presence = 'removed' AND coalesce(company_id, name_sent) IS NOT NULL"
        )[0][0]
        with Reader(self._folder / FILE) as reader:
            counts = reader.counts()
        require(sum(counts.values()) == rows + gone, f"{counts} are not {rows} rows and {gone} removed customers")

    def _require_nothing_lost(self) -> None:
        known = {row[0]: row for row in self.rows("SELECT tag, company_id FROM customers")}
        doubtful = {
            row[0]
            for row in self.rows(
                f"SELECT DISTINCT tag FROM customers JOIN requests ON customer = seq AND {UNKNOWN} "  # noqa: S608 - constants
                "WHERE step = 'company'"
            )
        }
        conditions = self.conditions
        may_be_unseen = conditions.max_delay or conditions.max_lag or self.has_lost_journal
        for company in self.companies():
            origin = self.network.once.origins[company.id]
            tag, uid = origin.tag, company.tags.get("uid")
            if origin.sender != self.label or self.is_touched(company) or tag in self.network.once.excused:
                continue
            row = known.get(tag)
            if row is None:
                require(may_be_unseen, f"Codat has {company.id} of {uid}, and the journal does not know {uid}")
            elif row[1] is None:
                require(
                    tag in doubtful or may_be_unseen, f"Codat has {company.id} of {uid}, and the journal has no doubt"
                )
            else:
                require(row[1] == company.id, f"Codat has {company.id} of {uid}, and the journal has {row[1]}")

    def is_touched(self, company: Company) -> bool:
        """Return whether a person in the portal has changed a company's tags or has given its customer another one."""
        is_touched = company.id in self.portal.retagged or company.tags.get("bulk_uid") in self.portal.touched_tags
        return is_touched or self.network.once.origins[company.id].tag in self.portal.touched_tags

    def _require_own_links(self) -> None:
        """Check that no customer can get the link of a company that never had the customer's name."""
        companies = {company.id: company for company in self.companies()}
        owners: set[str] = set()
        for uid, company_id in self.rows(
            "SELECT customer_id, company_id FROM customers WHERE state = 'link_ready' AND link_url <> ''"
        ):
            require(company_id not in owners, f"two customers have the link of {company_id}")
            owners.add(company_id)
            company = companies.get(company_id)
            if company is None or uid in self._accepted:
                continue
            names = self.portal.names_of(company)
            is_damaged = company.content["name"].endswith(STORED_DAMAGE)
            require(not is_damaged, f"the damaged name of {uid} was sent, and nobody has accepted it")
            require(names & self._names[uid], f"{uid}, named {self._names[uid]}, has the link of {names}")

    def _require_valid_links(self) -> None:
        if self.conditions.max_delay > 5:  # a run cannot wait for requests that are done so late
            return
        last = {
            each.id: each.link_url
            for company in self.companies()
            if self.network.renewed_by.get(company.id, self.label) == self.label
            for each in company.connections
            if each.status == PENDING
        }
        for uid, connection, link in self.rows(
            "SELECT customer_id, connection_id, link_url FROM customers WHERE state = 'link_ready' AND link_url <> ''"
        ):
            require(last.get(connection, link) == link, f"the link of {uid} is not the last that was issued")

    def _require_few_requests(self, requests: list[Exchange], before: Before, command: str, actions: int) -> None:
        """Check that the run sent the requests that its command needs, and a few more per fault, doubt and action."""
        faults = sum(
            each.passage.fate not in (Fate.WELL, Fate.SLOW) or each.passage.lag > 0 or each.gives_up
            for each in requests
        )
        unanswered = sum(each.reply is None for each in requests)
        others = self._requests_of_others()
        busy = sum(each.is_refused and each.reply is not None and each.reply.status == 409 for each in requests)
        trouble = (
            others + faults + unanswered + busy + before.doubts + actions + 2 * before.deleted + self.network.deletions
        )
        reads = Counter(each.request.operation for each in requests if _is_read(each))
        replayed = sum(each.is_replay for each in requests)  # the company may have been deleted meanwhile
        needed = self._needed(command, before, requests) * _readings(requests) + replayed + (not before.knows_key)
        require(
            reads.total() <= needed + 3 * trouble,
            f"{dict(reads)} in {command}: {needed} are needed, and there were {trouble} faults",
        )
        refused = sum(each.is_refused and not _is_replayed_success(each) for each in requests)
        most = trouble + (self._world.settings.concurrency if self._world.has_quota else 0)
        if command == "listen":  # it reads no list: its events may be outdated
            most += before.customers
        if self.has_lost_journal and not before.customers:  # a key of the lost journal may replay a stored response
            most += len(self.companies())
        require(refused <= 6 * most, f"{refused} refusals in {command}, and there were {trouble} faults")

    def _requests_of_others(self) -> int:
        """Return the requests that other batches have sent since the last run of this one."""
        exchanges = self.network.exchanges
        others = sum(each.sender != self.label for each in exchanges[self._seen :])
        self._seen = len(exchanges)
        return others

    def _needed(self, command: str, before: Before, requests: list[Exchange]) -> int:
        companies = max(before.customers, len(self.companies())) + self.network.deletions
        pages = max(1, math.ceil(companies / self._world.page_size))
        deletions = sum(each.request.operation == "delete_company" for each in requests)
        match command:
            case "migrate":
                return pages + before.stale + self._found_connections()
            case "follow-up":
                return pages * (before.lists + 1)
            case "verify":
                return pages
            case "undo":
                return pages * (before.lists + 1) + before.customers + deletions
            case "unlink":
                return max(before.customers, pages * (before.lists + 1))
            case "links":
                return before.customers
        return 0

    def _found_connections(self) -> int:
        """Return how many connections were found in Codat: a list does not show a linkUrl that opens."""
        found = self.rows(
            "SELECT count(*) FROM customers WHERE connection_id IS NOT NULL AND NOT EXISTS "
            "(SELECT 1 FROM requests WHERE customer = seq AND operation = 'create_connection' AND outcome = 'done')"
        )
        return int(found[0][0])


def _is_replayed_success(exchange: Exchange) -> bool:
    return exchange.is_replay and exchange.answer is not None and exchange.answer.status < 400


def _readings(requests: list[Exchange]) -> int:
    """Return how often a run may read its lists: it does so again after a long pause."""
    ends = sorted(each.ends_at for each in requests)
    return 1 + sum(later - earlier > MAX_PAUSE / 2 for earlier, later in pairwise(ends))


def _is_read(exchange: Exchange) -> bool:
    return exchange.request.method == "GET" and exchange.reply is not None and exchange.reply.outcome is Outcome.DONE
