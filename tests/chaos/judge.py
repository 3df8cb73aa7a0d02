"""What must hold when a round is over, and nothing is under way any more: the sandbox's file against the reports.

Raises Broken, with what is broken.
"""

from __future__ import annotations

import csv
import hashlib
import json
import re
import sqlite3
from collections import Counter
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from runs.fixture import Bench, Connection


class Broken(AssertionError):  # noqa: N818 - named for what it says of a promise
    """A promise that did not hold."""


class MadeTwice(Broken):
    """A second company or connection of one customer."""


class LostSight(Broken):
    """What is in Codat, and not in the reports."""


def require(holds: object, what: str, kind: type[Broken] = Broken) -> None:
    """Raise Broken, or a kind of it, unless it holds."""
    if not holds:
        raise kind(what)


@dataclass(frozen=True, slots=True)
class Company:
    """A company as the sandbox has it."""

    id: str
    uid: str
    tag: str
    connections: tuple[Connection, ...]

    def of_kind(self, kind: str) -> list[Connection]:
        """Return its connections of a kind, the oldest first."""
        return [each for each in self.connections if each.kind == kind]


def companies(database: Path) -> list[Company]:
    """Read all companies from the sandbox's own file."""
    with closing(sqlite3.connect(database.as_uri() + "?mode=ro", uri=True)) as state:
        connections: dict[int, list[Connection]] = {}
        for number, *values in state.execute(
            "SELECT d.company, c.id, d.id, d.source_type, d.status FROM connection d "
            "JOIN company c ON c.n = d.company WHERE d.until IS NULL ORDER BY d.n"
        ):
            connections.setdefault(number, []).append(Connection(*values))
        return [
            Company(id_, json.loads(tags)["uid"], json.loads(tags)["bulk_uid"], tuple(connections.get(number, ())))
            for number, id_, tags in state.execute("SELECT n, id, tags FROM company WHERE until IS NULL ORDER BY n")
        ]


def once_only(there: Iterable[Company]) -> None:
    """Hold the sandbox to one company for each customer, one accounting and at most one partner connection for each."""
    there = list(there)
    of_each = Counter(company.tag for company in there)
    twice = [tag for tag, number in of_each.items() if number > 1]
    require(not twice, f"second companies: {twice}", MadeTwice)
    for company in there:
        require(
            company.tag == hashlib.sha256(company.uid.encode()).hexdigest()[:32], f"{company.uid} has another's tag"
        )
        kinds = Counter(each.kind for each in company.connections)
        require(max(kinds.values(), default=1) == 1, f"{company.uid} has {dict(kinds)}", MadeTwice)


def reports_true(bench: Bench, there: Iterable[Company], rows: int) -> None:
    """Hold the reports to the sandbox: everybody, with ids, statuses and states; and to the rows of the input."""
    results = bench.results()
    in_codat = {company.uid: company for company in there}
    require(len(results) == rows, f"{len(results)} rows of results, {rows} of the input")
    require(sum(bench.summary()["customers"].values()) == rows, f"{bench.summary()['customers']} are not {rows} rows")
    states = Counter(result["state"] for result in results)
    reported = {state: number for state, number in bench.summary()["customers"].items() if number}
    require(dict(states) == reported, f"results.csv has {dict(states)}, summary.json has {reported}")
    known = {text(result["customer_id"]): result for result in results if result["state"] != "rejected"}
    lost = in_codat.keys() - known.keys()
    require(not lost, f"of {sorted(lost)} there are companies, and nothing in the reports", LostSight)
    for uid, result in known.items():
        _one_true(uid, result, in_codat.get(uid))
    partners = {text(row["customer_id"]): row["partner_connection_id"] for row in bench.table("partner.csv")}
    for uid, company in in_codat.items():
        (partner,) = [each.id for each in company.of_kind("Expense")] or [""]
        require(
            partners[uid] == partner, f"{uid} has the partner {partner!r}, partner.csv {partners[uid]!r}", LostSight
        )


def _one_true(uid: str, result: dict[str, str], company: Company | None) -> None:
    if company is None:
        is_known_to_be_gone = not result["company_id"] or result["connection_status"] == "Deleted"
        require(is_known_to_be_gone, f"{uid} has no company, and the results have {result}")
        return
    accounting, partners = company.of_kind("Accounting"), company.of_kind("Expense")
    require(result["company_id"] == company.id, f"{uid} has {company.id}, the results {result}", LostSight)
    require(accounting, f"{uid} has a company without a connection")
    (own,) = accounting
    said = (result["connection_id"], result["connection_status"])
    require(said == (own.id, own.status), f"{uid} has {own}, the results {said}", LostSight)
    partner = partners[0].id if partners else ""
    require(result["partner_connection_id"] == partner, f"{uid} has {partners}, the results {result}", LostSight)
    state = {"PendingAuth": "link_ready", "Linked": "complete" if partner else "linked"}.get(own.status, "unlinked")
    require(result["state"] == state, f"{uid} is {state}, the results say {result['state']}: {result['error']}")


def links_open(bench: Bench) -> None:
    """Hold links.csv to everybody who waits, with links that open."""
    waiting = [result["customer_id"] for result in bench.results() if result["state"] == "link_ready"]
    try:
        bench.proves_links_open(waiting)
    except AssertionError as error:
        raise Broken(f"links.csv has not the links of those who wait: {error}") from error


def nothing_to_find(bench: Bench) -> None:
    """Hold the last `bulk verify` to having found nothing."""
    with (bench.folder / "verify.csv").open(newline="") as file:
        findings = list(csv.DictReader(file))
    require(not findings, f"verify has found {findings}")


def text(cell: str) -> str:
    """Read a cell of a report: take away the apostrophe that keeps a spreadsheet from running it."""
    return cell[1:] if re.match(r"'+[\s\"]*[=+\-@]", cell) else cell
