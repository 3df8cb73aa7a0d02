"""The journal's runs, and the waits of whole runs."""

from __future__ import annotations

import sqlite3
from typing import Final

from bulk.journal import sql

_SQL: Final = sql.load("bulk.journal", "runs.sql")


def begin_run(connection: sqlite3.Connection, *, command: str, version: str, source: str | None, at: str) -> int:
    """Record the start of a run; return its number."""
    values = {"command": command, "version": version, "input": source, "at": at}
    cursor = connection.execute(_SQL["begin"], values)
    return int(cursor.lastrowid or 0)


def finish_run(connection: sqlite3.Connection, run: int, *, at: str, seconds: float, stopped: str | None) -> None:
    """Record the end of a run. `stopped` is the reason if it ended before its work was done."""
    values = {"run": run, "at": at, "seconds": round(seconds, 3), "stopped": stopped}
    connection.execute(_SQL["finish"], values)


def record_hold(connection: sqlite3.Connection, run: int, *, since: str, until: str, why: str) -> None:
    """Record a wait of a whole run."""
    connection.execute(_SQL["hold"], {"run": run, "since": since, "until": until, "why": why})
