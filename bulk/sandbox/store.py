"""The SQLite file in which a sandbox keeps everything that must outlive its process.

There is one connection, used from one thread. With `synchronous=OFF` and a write-ahead log, everything committed before
a response left survives a `kill -9` of the server, but not a power cut, which a sandbox need not survive. Nothing is
mirrored in memory, so the process stays small with any number of companies.

Deleted rows stay, marked with the time of their deletion, because a list that lags shows an earlier state.
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

from bulk.sandbox.folder import SandboxError
from bulk.sandbox.query import Comparison

VERSION = 2
NOW = "9"  # sorts after every time, so deleted rows and earlier statuses are left out


@dataclass(frozen=True, slots=True)
class StoredConnection:
    """A connection; `company` is the company's n, `otp` the newest one-time password."""

    n: int
    id: str
    company: int
    platform_key: str
    source_type: str
    status: str
    created: str
    otp: str
    otp_minted: float
    otp_spent: int
    errors: str


@dataclass(frozen=True, slots=True)
class StoredCompany:
    """A company with its connections in order of creation."""

    n: int
    id: str
    name: str
    description: str | None
    created: str
    tags: dict[str, str]
    connections: tuple[StoredConnection, ...] = ()

    @property
    def accounting(self) -> list[StoredConnection]:
        """Its connections to accounting software, in order of creation."""
        return [each for each in self.connections if each.source_type == "Accounting"]


@dataclass(frozen=True, slots=True)
class KeptResponse:
    """The response kept under an Idempotency-Key; `fingerprint` identifies its request."""

    fingerprint: str
    status: int
    content_type: str
    body: bytes
    kept_at: float


_COMPANY = """
    SELECT n, id, name, description, created, tags FROM company
    WHERE created <= :at AND coalesce(until, '~') > :at AND
"""
_CONNECTION = """
    SELECT n, id, company, platform_key, source_type, coalesce((
        SELECT past.status FROM past_status AS past
        WHERE past.connection = connection.n AND past.until > :at ORDER BY past.until, past.rowid LIMIT 1
    ), status), created, otp, otp_minted, otp_spent, errors FROM connection
    WHERE created <= :at AND coalesce(until, '~') > :at AND
"""
_ADD_CONNECTION = """
    INSERT INTO connection (id, company, platform_key, source_type, status, created, otp, otp_minted)
    VALUES (:id, :company, :platform_key, :source_type, :status, :created, :otp, :otp_minted)
"""
_LINKED = "status = 'Linked' AND source_type = 'Accounting' AND until IS NULL"
# Pending accounting connections of the companies that have no linked one.
_WAITING = f"""
    status = 'PendingAuth' AND source_type = 'Accounting'
    AND company NOT IN (SELECT company FROM connection WHERE {_LINKED})
"""  # noqa: S608 - constants
_WITH_TAG = {
    "=": "n IN (SELECT company FROM tag WHERE key = :key{0} AND value = :value{0})",
    "!=": "n NOT IN (SELECT company FROM tag WHERE key = :key{0} AND value = :value{0})",
    "~": "n IN (SELECT company FROM tag WHERE key = :key{0} AND instr(lower(value), lower(:value{0})) > 0)",
}


class Store:
    """The state of a sandbox. Every change needs a `transaction`."""

    def __init__(self, path: Path) -> None:
        self.db = sqlite3.connect(path, isolation_level=None, cached_statements=256)
        self._linked: int | None = None  # counted again when a connection changes
        try:
            self._open(path)
        except sqlite3.DatabaseError as error:
            self.close()
            is_damaged = getattr(error, "sqlite_errorcode", 0) & 0xFF in (sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT)
            if not is_damaged:
                raise
            raise SandboxError(f"{path} is damaged. Remove it to begin again: its companies are lost.") from error

    def _open(self, path: Path) -> None:
        self.db.execute("PRAGMA journal_mode=WAL")
        self.db.execute("PRAGMA synchronous=OFF")
        self.db.execute("PRAGMA cache_size=-16000")
        self._make_tables(path)

    def _make_tables(self, path: Path) -> None:
        if self._value("PRAGMA user_version") == VERSION:
            return
        if self._value("SELECT count(*) FROM sqlite_schema"):
            self.close()
            raise SandboxError(f"{path} was made by another version of bulk. Delete its folder to begin again.")
        self.db.executescript((files(__package__) / "schema.sql").read_text())

    def close(self) -> None:
        """Close the file."""
        self.db.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Commit all changes made inside, or none of them."""
        self.db.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self.db.execute("ROLLBACK")
            raise
        self.db.execute("COMMIT")

    def note(self, name: str) -> str | None:
        """Return the value stored under a name."""
        value = self._value("SELECT value FROM meta WHERE name = ?", (name,))
        return None if value is None else str(value)

    def keep_note(self, name: str, value: str) -> None:
        """Store a value under a name."""
        self.db.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (name, value))

    # -- companies

    def add_company(
        self, *, company_id: str, name: str, description: str | None, created: str, tags: Mapping[str, str]
    ) -> StoredCompany:
        """Add a company."""
        row = self.db.execute(
            "INSERT INTO company (id, name, description, created, tags) VALUES (?, ?, ?, ?, ?)",
            (company_id, name, description, created, json.dumps(tags)),
        )
        number = row.lastrowid or 0
        self.db.executemany("INSERT INTO tag VALUES (?, ?, ?)", [(key, value, number) for key, value in tags.items()])
        return StoredCompany(number, company_id, name, description, created, dict(tags))

    def delete_company(self, company: StoredCompany, *, until: str) -> None:
        """Delete a company; its connections are deleted separately."""
        self.db.execute("UPDATE company SET until = ? WHERE n = ?", (until, company.n))

    def company(self, company_id: str) -> StoredCompany | None:
        """Return a company by its id."""
        return next(iter(self._companies("id = :id", {"id": company_id})), None)

    def company_by_number(self, number: int) -> StoredCompany | None:
        """Return a company by its n."""
        return next(iter(self._companies("n = :n", {"n": number})), None)

    def companies(self, tags: Sequence[Comparison], *, limit: int, offset: int, at: str = NOW) -> list[StoredCompany]:
        """Return a page of the companies whose tags match, in their state at a time."""
        where, values = _with_tags(tags)
        page = {"limit": limit, "offset": offset, "at": at}
        return self._companies(f"{where} ORDER BY n LIMIT :limit OFFSET :offset", page | values)

    def count_companies(self, tags: Sequence[Comparison] = (), *, at: str = NOW) -> int:
        """Count the companies whose tags match, in their state at a time."""
        where, values = _with_tags(tags)
        return int(self._value(f"SELECT count(*) FROM ({_COMPANY} {where})", values | {"at": at}))  # noqa: S608 - our own SQL

    def _companies(self, where: str, values: Mapping[str, object]) -> list[StoredCompany]:
        values = {"at": NOW, **values}
        companies = []
        for number, company_id, name, description, created, tags in self.db.execute(
            _COMPANY + where, values
        ).fetchall():
            connections = tuple(self.connections_of(number, at=str(values["at"])))
            company = StoredCompany(number, company_id, name, description, created, json.loads(tags), connections)
            companies.append(company)
        return companies

    # -- connections

    def add_connection(self, company: int, **values: str | float) -> StoredConnection:
        """Add a connection to the company with number n.

        The values: id, platform_key, source_type, status, created, otp and otp_minted.
        """
        self._linked = None
        added = self.db.execute(_ADD_CONNECTION, {"company": company, **values})
        (connection,) = self._connections("n = :n", {"n": added.lastrowid})
        return connection

    def connections_of(self, company: int, *, at: str = NOW) -> list[StoredConnection]:
        """Return the connections of the company with number n, in order of creation, in their state at a time."""
        return self._connections("company = :company ORDER BY n", {"company": company, "at": at})

    def connection(self, company_id: str, connection_id: str) -> StoredConnection | None:
        """Return a connection by its own id and its company's id."""
        where = "id = :id AND company = (SELECT n FROM company WHERE id = :company)"
        return next(iter(self._connections(where, {"id": connection_id, "company": company_id})), None)

    def connection_by_number(self, number: int) -> StoredConnection | None:
        """Return a connection by its n."""
        return next(iter(self._connections("n = :n", {"n": number})), None)

    def waiting(self) -> list[StoredConnection]:
        """Return the pending accounting connections of the companies that have no linked one."""
        return self._connections(f"{_WAITING} ORDER BY n", {})

    def linked(self) -> list[StoredConnection]:
        """Return the linked accounting connections."""
        return self._connections(f"{_LINKED} ORDER BY n", {})

    def count_linked(self) -> int:
        """Return the number of companies with a linked accounting connection; each one raises the daily quota."""
        if self._linked is None:
            self._linked = int(self._value(f"SELECT count(DISTINCT company) FROM connection WHERE {_LINKED}"))  # noqa: S608 - constants
        return self._linked

    def set_status(self, connection: StoredConnection, status: str, *, at: str) -> None:
        """Change the status of a connection. A list that lags still shows the old one."""
        self._linked = None
        self.db.execute("INSERT INTO past_status VALUES (?, ?, ?)", (connection.n, connection.status, at))
        self.db.execute("UPDATE connection SET status = ? WHERE n = ?", (status, connection.n))

    def spend_link(self, connection: StoredConnection, *, errors: Sequence[Mapping[str, str]]) -> None:
        """Spend the one-time password of a connection, and set its errors."""
        sql = "UPDATE connection SET otp_spent = 1, errors = ? WHERE n = ?"
        self.db.execute(sql, (json.dumps(errors), connection.n))

    def mint(self, connections: Iterable[tuple[int, str]], minted: float) -> None:
        """Store new one-time passwords, as pairs of a connection's n and its password."""
        rows = [(otp, minted, number) for number, otp in connections]
        self.db.executemany("UPDATE connection SET otp = ?, otp_minted = ?, otp_spent = 0 WHERE n = ?", rows)

    def delete_connection(self, connection: StoredConnection, *, until: str) -> None:
        """Delete a connection."""
        self._linked = None
        self.db.execute("UPDATE connection SET until = ? WHERE n = ?", (until, connection.n))

    def _connections(self, where: str, values: Mapping[str, object]) -> list[StoredConnection]:
        return [StoredConnection(*row) for row in self.db.execute(_CONNECTION + where, {"at": NOW, **values})]

    # -- responses kept for their Idempotency-Key

    def kept_response(self, key: str) -> KeptResponse | None:
        """Return the response kept under a key."""
        sql = "SELECT fingerprint, status, content_type, body, kept_at FROM response WHERE key = ?"
        row = self.db.execute(sql, (key,)).fetchone()
        return None if row is None else KeptResponse(*row)

    def keep_response(self, key: str, kept: KeptResponse) -> None:
        """Keep a response under a key."""
        row = (key, kept.fingerprint, kept.status, kept.content_type, kept.body, kept.kept_at)
        self.db.execute("INSERT OR REPLACE INTO response VALUES (?, ?, ?, ?, ?, ?)", row)

    def _value(self, sql: str, values: Sequence[str] | Mapping[str, str] = ()) -> Any:
        row = self.db.execute(sql, values).fetchone()
        return None if row is None else row[0]


def _with_tags(tags: Sequence[Comparison]) -> tuple[str, dict[str, str]]:
    """Return the WHERE condition for tags, and its values."""
    parts = ["1"]
    values: dict[str, str] = {}
    for number, each in enumerate(tags):
        values |= {f"key{number}": each.field, f"value{number}": each.value}
        parts.append(_WITH_TAG[each.operator].format(number))
    return " AND ".join(parts), values
