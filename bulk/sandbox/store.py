"""The SQLite file in which a sandbox keeps its companies, their connections and what else must outlive the process.

One connection, used from one thread. `synchronous=OFF` with a write-ahead log: whatever was committed before an answer
left survives a kill -9 of the server, though not a power cut, which a stand-in may leave out. Nothing is mirrored in
memory, so that it stays flat however many companies there are.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

from bulk.sandbox.past import tables_at


@dataclass(frozen=True, slots=True)
class StoredConnection:
    """A connection as it is kept; `company` is the company's n, `otp` the one-time password last minted."""

    n: int
    id: str
    company: int
    platform_key: str
    source_type: str
    status: str
    created: str
    last_sync: str | None
    otp: str
    otp_minted: float
    otp_spent: int
    errors: str


@dataclass(frozen=True, slots=True)
class StoredCompany:
    """A company as it is kept, with its connections in order of creation."""

    n: int
    id: str
    name: str
    description: str | None
    created: str
    tags: dict[str, str]
    connections: tuple[StoredConnection, ...] = ()


@dataclass(frozen=True, slots=True)
class Condition:
    """A part of a WHERE clause with its values."""

    sql: str = "1"
    values: tuple[Any, ...] = ()


EVERYTHING = Condition()

_COMPANY = "n, id, name, description, created, tags"
_CONNECTION = (
    "d.n, d.id, d.company, d.platform_key, d.source_type, d.status, d.created, d.last_sync, "
    "d.otp, d.otp_minted, d.otp_spent, d.errors"
)

_COMPANIES_WITH_ONE_TAG = "SELECT count(*) FROM (SELECT 1 FROM tag WHERE key = ? GROUP BY value HAVING count(*) > 1)"
_COMPANIES_WITH_CONNECTIONS = """
    SELECT count(*) FROM (
        SELECT 1 FROM connection WHERE source_type = ? AND status IN ('PendingAuth', 'Linked')
        AND n NOT IN (SELECT connection FROM chosen)
        GROUP BY company HAVING count(*) > 1)
"""


class Store:
    """What the sandbox remembers."""

    def __init__(self, path: Path) -> None:
        self._db = sqlite3.connect(path, isolation_level=None, cached_statements=256)
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=OFF")
        self._db.execute("PRAGMA cache_size=-16000")
        self._tables = ""  # of the past, while a list lags
        self._linked: int | None = None  # the ACC, counted again when a connection changes
        self._db.executescript((files(__package__) / "schema.sql").read_text())

    @property
    def db(self) -> sqlite3.Connection:
        """The file, for those who keep tables of their own in it."""
        return self._db

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    @contextmanager
    def as_of(self, moment: str) -> Iterator[None]:
        """Show lists as they were at a moment; what is written inside is written now."""
        self._tables = tables_at(moment)
        try:
            yield
        finally:
            self._tables = ""

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Commit what is done inside as one, or nothing of it."""
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")

    def note(self, name: str) -> str | None:
        """Give a remembered value by its name."""
        row = self._db.execute("SELECT value FROM meta WHERE name = ?", (name,)).fetchone()
        return None if row is None else str(row[0])

    def keep_note(self, name: str, value: str) -> None:
        """Remember a value under a name."""
        self._db.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (name, value))

    # -- companies

    def add_company(
        self, *, company_id: str, name: str, description: str | None, created: str, tags: Mapping[str, str]
    ) -> StoredCompany:
        """Add a company."""
        dumped = json.dumps(tags)
        row = self._db.execute(
            "INSERT INTO company (id, name, description, created, tags) VALUES (?, ?, ?, ?, ?)",
            (company_id, name, description, created, dumped),
        )
        number = row.lastrowid or 0
        self._add_tags(number, tags)
        return StoredCompany(number, company_id, name, description, created, dict(tags))

    def change_company(
        self, company: StoredCompany, *, name: str, description: str | None, tags: Mapping[str, str]
    ) -> None:
        """Give a company another name, description and tags."""
        self._db.execute(
            "UPDATE company SET name = ?, description = ?, tags = ? WHERE n = ?",
            (name, description, json.dumps(tags), company.n),
        )
        self._drop_tags(company)
        self._add_tags(company.n, tags)

    def delete_company(self, company: StoredCompany, *, until: str) -> None:
        """Delete a company, whose connections are gone; lists that lag show it until then."""
        self._drop_tags(company)
        sql = f"INSERT INTO deleted_company SELECT {_COMPANY}, ? FROM company WHERE n = ?"  # noqa: S608 - the columns are a constant
        self._db.execute(sql, (until, company.n))
        self._db.execute("DELETE FROM company WHERE n = ?", (company.n,))

    def company(self, company_id: str) -> StoredCompany | None:
        """Give a company by its id."""
        row = self._db.execute(f"SELECT {_COMPANY} FROM company WHERE id = ?", (company_id,)).fetchone()  # noqa: S608 - the columns are a constant
        return None if row is None else _company(row, self.connections_of(row[0]))

    def company_by_number(self, number: int) -> StoredCompany | None:
        """Give a company by its n."""
        row = self._db.execute(f"SELECT {_COMPANY} FROM company WHERE n = ?", (number,)).fetchone()  # noqa: S608 - the columns are a constant
        return None if row is None else _company(row, self.connections_of(number))

    def companies_tagged(self, key: str, value: str) -> list[StoredCompany]:
        """Give the companies with a tag, in order of creation."""
        sql = "SELECT company FROM tag WHERE key = ? AND value = ? ORDER BY company"
        found = [self.company_by_number(row[0]) for row in self._db.execute(sql, (key, value)).fetchall()]
        return [each for each in found if each]

    def companies(self, where: Condition, *, order_by: str, limit: int, offset: int) -> list[StoredCompany]:
        """Give a page of the companies for which the condition holds; `order_by` is our own SQL, never a client's."""
        page = f"SELECT {_COMPANY} FROM company c WHERE {where.sql} ORDER BY {order_by} LIMIT ? OFFSET ?"  # noqa: S608 - values are bound
        rows = self._db.execute(self._tables + page, (*where.values, limit, offset)).fetchall()
        connections = self._connections_by_company([row[0] for row in rows])
        return [_company(row, connections.get(row[0], ())) for row in rows]

    def count_companies(self, where: Condition = EVERYTHING) -> int:
        """Count the companies for which the condition holds."""
        sql = f"SELECT count(*) FROM company c WHERE {where.sql}"  # noqa: S608 - values are bound
        return int(self._db.execute(self._tables + sql, where.values).fetchone()[0])

    def _add_tags(self, number: int, tags: Mapping[str, str]) -> None:
        self._db.executemany("INSERT INTO tag VALUES (?, ?, ?)", [(key, value, number) for key, value in tags.items()])

    def _drop_tags(self, company: StoredCompany) -> None:
        rows = [(key, value, company.n) for key, value in company.tags.items()]
        self._db.executemany("DELETE FROM tag WHERE key = ? AND value = ? AND company = ?", rows)

    # -- connections

    def add_connection(
        self,
        *,
        connection_id: str,
        company: int,
        platform_key: str,
        source_type: str,
        status: str,
        created: str,
        otp: str,
        otp_minted: float,
    ) -> StoredConnection:
        """Add a connection to a company, named by its n."""
        row = self._db.execute(
            "INSERT INTO connection (id, company, platform_key, source_type, status, created, otp, otp_minted)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (connection_id, company, platform_key, source_type, status, created, otp, otp_minted),
        )
        number = row.lastrowid or 0
        return StoredConnection(
            number, connection_id, company, platform_key, source_type, status, created, None, otp, otp_minted, 0, "[]"
        )

    def connections_of(self, company: int) -> tuple[StoredConnection, ...]:
        """Give the connections of a company, named by its n, in order of creation."""
        return self._connections("d.company = ? ORDER BY d.n", (company,))

    def connection(self, company_id: str, connection_id: str) -> StoredConnection | None:
        """Give a connection by its own and its company's id."""
        where = "d.id = ? AND d.company = (SELECT n FROM company WHERE id = ?)"
        return next(iter(self._connections(where, (connection_id, company_id))), None)

    def connection_by_id(self, connection_id: str) -> StoredConnection | None:
        """Give a connection by its own id alone."""
        return next(iter(self._connections("d.id = ?", (connection_id,))), None)

    def connection_by_number(self, number: int) -> StoredConnection | None:
        """Give a connection by its n."""
        return next(iter(self._connections("d.n = ?", (number,))), None)

    def waiting(self) -> Iterator[int]:
        """Give the n of each accounting connection that waits for a customer who has not linked another."""
        sql = """
            SELECT n FROM connection WHERE status = 'PendingAuth' AND source_type = 'Accounting' AND company NOT IN (
                SELECT company FROM connection WHERE status = 'Linked' AND source_type = 'Accounting'
            ) ORDER BY n
        """
        return (int(row[0]) for row in self._db.execute(sql))

    def linked(self) -> Iterator[int]:
        """Give the n of each accounting connection that is linked."""
        sql = "SELECT n FROM connection WHERE status = 'Linked' AND source_type = 'Accounting' ORDER BY n"
        return (int(row[0]) for row in self._db.execute(sql))

    def mark_chosen(self, number: int) -> None:
        """Note that the customer made a connection, named by its n."""
        self._db.execute("INSERT INTO chosen VALUES (?)", (number,))

    def remember_status(self, connection: StoredConnection, *, until: str) -> None:
        """Remember the status that a connection had."""
        self._db.execute("INSERT INTO past_status VALUES (?, ?, ?)", (connection.n, connection.status, until))

    def delete_connection(self, connection: StoredConnection, *, until: str) -> None:
        """Delete a connection; lists that lag show it until then."""
        self._linked = None
        sql = f"INSERT INTO deleted_connection SELECT {_CONNECTION}, ? FROM connection d WHERE n = ?"  # noqa: S608 - the columns are a constant
        self._db.execute(sql, (until, connection.n))
        self._db.execute("DELETE FROM connection WHERE n = ?", (connection.n,))

    def change_connection(self, number: int, **changes: str | float | None) -> None:
        """Change columns of a connection, named by its n."""
        self._linked = None
        assignments = ", ".join(f"{column} = ?" for column in changes)
        self._db.execute(f"UPDATE connection SET {assignments} WHERE n = ?", (*changes.values(), number))  # noqa: S608 - the columns are our own words

    def mint(self, connections: Iterable[tuple[int, str]], minted: float) -> None:
        """Give connections, named by their n, a new one-time password each."""
        rows = [(otp, minted, number) for number, otp in connections]
        self._db.executemany("UPDATE connection SET otp = ?, otp_minted = ?, otp_spent = 0 WHERE n = ?", rows)

    def _connections(self, where: str, values: tuple[Any, ...]) -> tuple[StoredConnection, ...]:
        sql = f"SELECT {_CONNECTION} FROM connection d WHERE {where}"  # noqa: S608 - values are bound
        rows = self._db.execute(self._tables + sql, values)
        return tuple(StoredConnection(*row) for row in rows)

    def _connections_by_company(self, numbers: Sequence[int]) -> dict[int, tuple[StoredConnection, ...]]:
        found: dict[int, tuple[StoredConnection, ...]] = {}
        for start in range(0, len(numbers), 500):  # SQLite binds a limited number of values
            some = numbers[start : start + 500]
            where = f"d.company IN ({', '.join('?' * len(some))}) ORDER BY d.n"
            for connection in self._connections(where, tuple(some)):
                found[connection.company] = (*found.get(connection.company, ()), connection)
        return found

    # -- counts

    def count_linked(self) -> int:
        """Count the companies with a linked accounting connection: Codat's ACC, which raises the daily quota."""
        if self._linked is None:
            self._linked = self._count(
                "SELECT count(DISTINCT company) FROM connection WHERE status = 'Linked' AND source_type = 'Accounting'"
            )
        return self._linked

    def duplicates(self, tag: str) -> dict[str, int]:
        """Count what there should be only one of: companies for a value of the tag, connections for a company."""
        return {
            "companies": self._count(_COMPANIES_WITH_ONE_TAG, tag),
            "accounting_connections": self._count(_COMPANIES_WITH_CONNECTIONS, "Accounting"),
            "partner_connections": self._count(_COMPANIES_WITH_CONNECTIONS, "Expense"),
        }

    def connection_counts(self) -> dict[str, int]:
        """Count the connections by source type and status, as in `Accounting Linked`."""
        sql = "SELECT source_type || ' ' || status, count(*) FROM connection GROUP BY 1"
        return {str(name): int(count) for name, count in self._db.execute(sql)}

    def _count(self, sql: str, *values: str) -> int:
        return int(self._db.execute(sql, values).fetchone()[0])

    # -- answers kept for their Idempotency-Key

    def kept_answer(self, key: str) -> tuple[str, int, str, bytes, float] | None:
        """Give fingerprint, status, content type, body and time of the answer kept under a key."""
        sql = "SELECT fingerprint, status, content_type, body, kept_at FROM answer WHERE key = ?"
        row: tuple[str, int, str, bytes, float] | None = self._db.execute(sql, (key,)).fetchone()
        return row

    def keep_answer(
        self, key: str, fingerprint: str, status: int, content_type: str, body: bytes, kept_at: float
    ) -> None:
        """Keep an answer under a key."""
        row = (key, fingerprint, status, content_type, body, kept_at)
        self._db.execute("INSERT OR REPLACE INTO answer VALUES (?, ?, ?, ?, ?, ?)", row)

    def forget_answers(self, kept_before: float) -> None:
        """Forget the answers that were kept before a time."""
        self._db.execute("DELETE FROM answer WHERE kept_at < ?", (kept_before,))


def _company(row: tuple[Any, ...], connections: tuple[StoredConnection, ...]) -> StoredCompany:
    number, company_id, name, description, created, tags = row
    return StoredCompany(number, company_id, name, description, created, json.loads(tags), connections)
