"""Checks the guarantees after a command has ended and nothing is in flight: the sandbox's file against the reports."""

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

import httpx
from support.http_client import HTTP
from support.runs import BatchFixture, Connection


class Broken(AssertionError):  # noqa: N818 - the state of a guarantee
    """A guarantee did not hold."""


class CreatedTwice(Broken):
    """A second company or connection of one customer."""


class Unreported(Broken):
    """Codat has something that the reports lack."""


def require(holds: object, message: str, kind: type[Broken] = Broken) -> None:
    """Raise Broken, or a kind of it, unless a condition holds."""
    if not holds:
        raise kind(message)


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


def once_only(companies: Iterable[Company]) -> None:
    """Require one company for each customer, with at most one accounting and one partner connection."""
    companies = list(companies)
    tags = Counter(company.tag for company in companies)
    twice = [tag for tag, number in tags.items() if number > 1]
    require(not twice, f"second companies: {twice}", CreatedTwice)
    for company in companies:
        require(
            company.tag == hashlib.sha256(company.uid.encode()).hexdigest()[:32], f"{company.uid} has another's tag"
        )
        kinds = Counter(each.kind for each in company.connections)
        require(max(kinds.values(), default=1) == 1, f"{company.uid} has {dict(kinds)}", CreatedTwice)


def reports_true(fixture: BatchFixture, companies: Iterable[Company], rows: int) -> None:
    """Require that the reports have what the sandbox has, with ids, statuses and states, and all rows of the input."""
    results = fixture.results()
    in_codat = {company.uid: company for company in companies}
    require(len(results) == rows, f"{len(results)} rows of results, {rows} of the input")
    require(
        sum(fixture.summary()["customers"].values()) == rows, f"{fixture.summary()['customers']} are not {rows} rows"
    )
    states = Counter(result["state"] for result in results)
    counts = {state: number for state, number in fixture.summary()["customers"].items() if number}
    require(dict(states) == counts, f"results.csv has {dict(states)}, summary.json has {counts}")
    known = {text(result["customer_id"]): result for result in results if result["state"] != "rejected"}
    missing = in_codat.keys() - known.keys()
    require(not missing, f"{sorted(missing)} have companies, and are not in the reports", Unreported)
    for uid, result in known.items():
        _one_true(uid, result, in_codat.get(uid))
    partners = {text(row["customer_id"]): row["partner_connection_id"] for row in fixture.table("partner.csv")}
    for uid, company in in_codat.items():
        (partner,) = [each.id for each in company.of_kind("Expense")] or [""]
        require(
            partners[uid] == partner, f"{uid} has the partner {partner!r}, partner.csv {partners[uid]!r}", Unreported
        )


def _one_true(uid: str, result: dict[str, str], company: Company | None) -> None:
    if company is None:
        is_known_to_be_deleted = not result["company_id"] or result["connection_status"] == "Deleted"
        require(is_known_to_be_deleted, f"{uid} has no company, and the results have {result}")
        return
    accounting, partners = company.of_kind("Accounting"), company.of_kind("Expense")
    require(result["company_id"] == company.id, f"{uid} has {company.id}, the results {result}", Unreported)
    require(accounting, f"{uid} has a company without a connection")
    (own,) = accounting
    reported = (result["connection_id"], result["connection_status"])
    require(reported == (own.id, own.status), f"{uid} has {own}, the results {reported}", Unreported)
    partner = partners[0].id if partners else ""
    require(result["partner_connection_id"] == partner, f"{uid} has {partners}, the results {result}", Unreported)
    state = {"PendingAuth": "link_ready", "Linked": "complete" if partner else "linked"}.get(own.status, "unlinked")
    require(result["state"] == state, f"{uid} is {state}, the results say {result['state']}: {result['error']}")


def links_open(fixture: BatchFixture) -> None:
    """Require that links.csv has all customers who have not authorized yet, with links that open."""
    waiting = {result["customer_id"] for result in fixture.results() if result["state"] == "link_ready"}
    links = {link["customer_id"]: link["link_url"] for link in fixture.table("links.csv")}
    require(links.keys() == waiting, f"links.csv has {sorted(links)}, and {sorted(waiting)} have not authorized yet")
    dead = {each: url for each, url in links.items() if HTTP.get(url).status_code != httpx.codes.OK}
    require(not dead, f"these links do not open: {dead}")


def nothing_to_find(fixture: BatchFixture) -> None:
    """Require that the last `bulk verify` has no findings."""
    with (fixture.folder / "verify.csv").open(encoding="utf-8-sig", newline="") as file:
        findings = list(csv.DictReader(file))
    require(not findings, f"verify has findings: {findings}")


def text(cell: str) -> str:
    """Return the text of a cell, without the apostrophe that keeps a spreadsheet from running it."""
    return cell[1:] if re.match(r"'+[\s\"]*[=+\-@]", cell) else cell
