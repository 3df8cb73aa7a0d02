"""Reopens customers: failed ones for `--retry-failed`, and those whose companies undo deleted for `--again`."""

from __future__ import annotations

import sqlite3

from bulk.journal import sql

_SQL = sql.load("bulk.journal", "reopening.sql")


def reopen_failed(connection: sqlite3.Connection) -> None:
    """Reopen every failed customer. A resource that Codat has lost is looked up once more, then created again."""
    for statement in ("resolve_companies", "resolve_connections", "drop_companies", "drop_connections"):
        connection.execute(_SQL[statement])
    reopen_partners(connection)
    connection.execute(_SQL["reopen"])


def reopen_partners(connection: sqlite3.Connection) -> None:
    """Let the next follow-up create the partner connections that Codat rejected or lost."""
    for statement in ("resolve_partners", "drop_partners", "reopen_partners"):
        connection.execute(_SQL[statement])


def reopen_undone(connection: sqlite3.Connection) -> None:
    """Let this run create companies again for the customers whose companies `undo` deleted."""
    connection.execute(_SQL["reopen_undone"])
