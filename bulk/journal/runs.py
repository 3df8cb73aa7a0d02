"""The journal's runs, and the waits of whole runs."""

from __future__ import annotations

import sqlite3


def begin_run(connection: sqlite3.Connection, *, command: str, version: str, source: str | None, at: str) -> int:
    """Record the start of a run; return its number."""
    cursor = connection.execute(
        "INSERT INTO runs (command, version, input, started_at) VALUES (?, ?, ?, ?)", (command, version, source, at)
    )
    return int(cursor.lastrowid or 0)


def finish_run(connection: sqlite3.Connection, run: int, *, at: str, seconds: float, stopped: str | None) -> None:
    """Record the end of a run. `stopped` is the reason if it ended before its work was done."""
    connection.execute(
        "UPDATE runs SET finished_at = ?, seconds = ?, stopped = ? WHERE id = ?", (at, round(seconds, 3), stopped, run)
    )


def record_hold(connection: sqlite3.Connection, run: int, *, since: str, until: str, why: str) -> None:
    """Record a wait of a whole run."""
    connection.execute("INSERT INTO holds (run, since, until, why) VALUES (?, ?, ?, ?)", (run, since, until, why))
