"""A batch on disk: enrols files row by row, and returns what its reports would show."""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from bulk import problems
from bulk.journal import customers, database
from bulk.journal.enrolment import Enrolment, ImportDiff, Source
from bulk.reports.rows import Reader


@dataclass(frozen=True)
class Row:
    """One row of an input. `corrects`: in our rejects file, the number of the row that it corrects."""

    customer_id: str | None
    is_invalid: bool = False
    name: str = "Acme"
    email: str | None = None
    corrects: int | None = None
    platform: str = "gbol"
    is_duplicate: bool = False
    damage: str | None = None  # the name before the row's name was damaged; "": nobody can know it

    def corrected(self, row: int, customer_id: str | None = None) -> Row:
        """Return the row that corrects this one."""
        return replace(self, is_invalid=False, corrects=row, customer_id=customer_id or self.customer_id)


def good(customer_id: str, **values: str) -> Row:
    """Return a valid row."""
    return replace(Row(customer_id), **values)  # type: ignore[arg-type]


def bad(customer_id: str | None, **values: str) -> Row:
    """Return a row that is rejected."""
    return replace(Row(customer_id, is_invalid=True), **values)  # type: ignore[arg-type]


class Batch:
    """A journal in a folder, and what happens to it between two runs."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / database.FILE
        self.db = database.open_journal(folder)
        self.runs = 0

    def enrol(self, path: str, rows: Sequence[Row], *, at_once: int = 1000, digest: str | None = None) -> ImportDiff:
        """Enrol a file in parts of `at_once` rows. Without a digest, its rows are its digest."""
        self.runs += 1
        rows = list(rows)
        is_rejects_file = any(row.corrects is not None for row in rows)
        columns = ("customer_id", "company_name")
        fields = {name: name for name in columns}
        source = Source(path, digest or repr(rows), columns, (), fields=fields, is_rejects_file=is_rejects_file)
        with database.transaction(self.db):
            enrolment = Enrolment(self.db, source, run=self.runs)
            for start in range(0, len(rows), at_once):
                numbered = list(enumerate(rows, 1))[start : start + at_once]
                enrolment.take(_accepted(numbered), _rejected(numbered), rows=numbered[-1][0])
            return enrolment.finish()

    def create(self, *customer_ids: str) -> None:
        """Let these customers have a company and a linkUrl."""
        for customer_id in customer_ids:
            self.change(customer_id, name_sent="Acme", company_id="c " + customer_id, state="link_ready")

    def change(self, customer_id: str, **values: object) -> None:
        """Change columns of a customer, as a run does."""
        with database.transaction(self.db):
            customers.change(self.db, self.seq(customer_id), values)

    def read(self, customer_id: str, *columns: str) -> dict[str, object]:
        """Return columns of a customer."""
        select = f"SELECT {', '.join(columns)} FROM customers WHERE customer_id = ?"  # noqa: S608 - names of the schema
        return dict(zip(columns, self.db.execute(select, (customer_id,)).fetchone(), strict=True))

    def seq(self, customer_id: str) -> int:
        """Return a customer's number."""
        (seq,) = self.db.execute("SELECT seq FROM customers WHERE customer_id = ?", (customer_id,)).fetchone()
        return int(seq)

    def presence(self) -> dict[str, str]:
        """Return the presence of every customer."""
        return dict(self.db.execute("SELECT customer_id, presence FROM customers ORDER BY seq"))

    def results(self) -> list[tuple[int | None, str | None, str]]:
        """Return `row, customer_id, state` of the results."""
        with Reader(self.path) as reader:
            rows = [row for frame in reader.results() for row in frame.select("row", "customer_id", "state").rows()]
            counts = {state: count for state, count in reader.counts().items() if count}
        assert counts == Counter(state for _, _, state in rows), "the counts agree with the rows"
        return rows

    def rejected_rows(self) -> list[int]:
        """Return the row numbers in our rejects file."""
        with Reader(self.path) as reader:
            return [row for frame in reader.rejects() for row in frame["row"].to_list()]


def _accepted(rows: Iterable[tuple[int, Row]]) -> list[tuple[object, ...]]:
    return [
        (
            *(number, row.customer_id, row.name, row.name, row.platform, row.platform, row.email, None, "{}"),
            *(row.corrects, _damage(row), row.damage),
        )
        for number, row in rows
        if not row.is_invalid
    ]


def _rejected(rows: Iterable[tuple[int, Row]]) -> list[tuple[object, ...]]:
    return [
        (number, row.customer_id, row.name, "Sage", row.email, "{}", _cells(row), _problems(row), row.corrects)
        for number, row in rows
        if row.is_invalid
    ]


def _damage(row: Row) -> str | None:
    if row.damage is None:
        return None
    return problems.to_text([problems.new("company_name_damaged", row.name, found=row.damage)])


def _problems(row: Row) -> str:
    if row.customer_id is None:
        found = problems.new("customer_id_missing", None)
    elif row.is_duplicate:
        found = problems.new("customer_id_duplicate", row.customer_id, first_row=1)
    else:
        found = problems.new("platform_unknown", "Sage", nearest=[])
    return json.dumps([found])


def _cells(row: Row) -> str:
    return json.dumps({"customer_id": row.customer_id, "company_name": row.name})


def pending(db: sqlite3.Connection) -> list[str]:
    """Return the customers that a run would process, in its order."""
    begun = customers.pending(db, begun=True, after=0, most=1000)
    return [record.customer_id for record in begun + customers.pending(db, begun=False, after=0, most=1000)]
