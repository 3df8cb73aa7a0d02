"""Damaged rows: text that other programs have damaged, which Codat would store.

The customer of such a row is in conflict until the row is corrected or a person accepts it. If Codat has the customer
already, its name there is good and stays: only the difference is listed.
"""

from __future__ import annotations

import sqlite3
from typing import Final

from bulk.journal import sql

_SQL: Final = sql.load("bulk.journal", "damage.sql")


def settle(connection: sqlite3.Connection) -> None:
    """Forget the damage of incoming rows that was accepted, and use the names that the batch knows of earlier rows."""
    for statement in ("accept", "remember_corrections", "keep_known_names"):
        connection.execute(_SQL[statement])


def hold(connection: sqlite3.Connection, run: int) -> set[int]:
    """Hold the customers of a run's damaged rows; return their `seq`. The others continue."""
    held = connection.execute(_SQL["hold"], {"run": run}).fetchall()
    connection.execute(_SQL["release"], {"run": run})
    return {seq for (seq,) in held}
