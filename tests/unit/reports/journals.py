"""Builds real journals on disk, row by row, as a run leaves them."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import bulk.journal
from bulk import problems
from bulk.journal.database import FILE, SCHEMA_VERSION

SCHEMA = Path(bulk.journal.__path__[0], "schema.sql")
NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
UNKNOWN_PLATFORM = problems.new("platform_unknown", "qb", nearest=["QuickBooks Online"])
REASONS = problems.reasons(json.dumps([UNKNOWN_PLATFORM]))
FIELDS = ("customer_id", "company_name", "platform", "email")


class Journal:
    """The journal of a batch in a folder, with one run and no source."""

    def __init__(self, folder: Path, **facts: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.path = folder / FILE
        with closing(self.connect()) as connection:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.executescript(SCHEMA.read_text())
            connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
        for key, value in ({"name": "autumn"} | facts).items():
            self.insert("batch", key=key, value=value)
        self.run(id=1)

    def connect(self) -> sqlite3.Connection:
        """Open another connection, as another process does."""
        return sqlite3.connect(self.path)

    def insert(self, table: str, **values: object) -> None:
        """Insert one row into a table."""
        self.insert_rows(table, [values])

    def insert_rows(self, table: str, rows: Iterable[Mapping[str, object]]) -> None:
        """Insert rows into a table."""
        with closing(self.connect()) as connection, connection:
            for values in rows:
                row = {"platform": "Xero"} | dict(values) if table == "customers" else values
                marks = ", ".join("?" * len(row))
                statement = f"INSERT INTO {table} ({', '.join(row)}) VALUES ({marks})"  # noqa: S608 - names of the schema
                connection.execute(statement, tuple(row.values()))

    def source(self, extras: Sequence[str] = (), *, shift: int = 0, rows: int = 10) -> None:
        """Add the next input file."""
        columns = json.dumps([*FIELDS, *extras])
        names = {"path": "in.csv", "digest": "d", "columns": columns, "extras": json.dumps(extras)}
        names["fields"] = json.dumps({field: field for field in FIELDS})
        self.insert("sources", rows=rows, shift=shift, **names)

    def run(self, **values: object) -> None:
        """Add a run of a command, which has ended unless `finished_at` is None."""
        facts: dict[str, object] = {
            "command": "migrate",
            "version": "1",
            "input": "in.csv",
            "started_at": "2026-11-23T10:00:00Z",
        }
        facts |= {"finished_at": "2026-11-23T10:01:00Z", "seconds": 60.0}
        self.insert("runs", **(facts | values))

    def customer(self, row: int, customer_id: str, **values: object) -> None:
        """Add a customer in a row of the first source. `extra`: the input's other columns."""
        facts: dict[str, object] = {
            "source": 1,
            "row": row,
            "enrolment": 1,
            "customer_id": customer_id,
            "tag": customer_id,
            "company_name": f"Café {customer_id}",
            "name": f"Cafe {customer_id}",
            "platform": "Xero",
            "platform_key": "gbol",
            "extra": {},
        }
        facts |= values
        self.insert("customers", **{**facts, "extra": json.dumps(facts["extra"])})

    def customers(self, number: int) -> None:
        """Add many customers, in the first rows of the first source."""
        with closing(self.connect()) as connection, connection:
            connection.executemany(
                "INSERT INTO customers (source, row, enrolment, customer_id, tag, company_name, name, platform,"
                " platform_key, extra) VALUES (1, ?, 1, ?, ?, 'A', 'A', 'Xero', 'gbol', '{}')",
                [(row, f"c{row}", f"c{row}") for row in range(1, number + 1)],
            )

    def created(self, row: int, customer_id: str, **values: object) -> None:
        """Add a customer that has a company and a connection in Codat."""
        facts: dict[str, object] = {
            "name_sent": f"Cafe {customer_id}",
            "platform_sent": "gbol",
            "state": "link_ready",
            "company_id": f"company of {customer_id}",
            "connection_id": f"connection of {customer_id}",
            "connection_status": "PendingAuth",
            "link_url": f"https://link.example.com/{customer_id}/start?otp=742271",
            "link_issued_at": "2026-11-23T10:00:00Z",
            "attempts": 2,
        }
        self.customer(row, customer_id, **(facts | values))

    def rejection(
        self,
        row: int,
        *,
        source: int = 1,
        extra: Mapping[str, str | None] = {},
        cells: Mapping[str, str | None] = {},
        **values: object,
    ) -> None:
        """Add a rejected row of a source."""
        facts = {"source": source, "row": row, "extra": json.dumps(extra), "problems": json.dumps([UNKNOWN_PLATFORM])}
        self.insert("rejections", **(facts | {"cells": json.dumps(cells)} | values))

    def held(self, row: int, customer_id: str, *, found: str = "Bolt", **values: object) -> None:
        """Add a row that is held in conflict with a customer of another file."""
        problem = problems.new("other_customer", customer_id, found=found)
        self.rejection(row, customer_id=customer_id, state="conflict", problems=json.dumps([problem]), **values)  # type: ignore[arg-type] # a mapping of any values

    def in_conflict(self, row: int, customer_id: str, *, found: str = "Bolt", **values: object) -> None:
        """Add a customer whose company in Codat has another name."""
        problem = problems.new("other_name", f"Cafe {customer_id}", found=found)
        error = {"error_step": "conflict", "error_code": "other_name"}
        self.customer(row, customer_id, state="conflict", conflict=json.dumps([problem]), **(error | values))

    def request(self, operation: str, **values: object) -> None:
        """Add a request, by default of run 1."""
        facts = {"run": 1, "operation": operation, "sent_at": 0.0, "outcome": "done", "status": 200}
        self.insert("requests", **(facts | values))
