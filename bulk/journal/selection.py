"""The customers that a command selects, in a temporary table, so that reading them in pages takes little memory."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable

from bulk.journal import sql
from bulk.journal.customers import COLUMNS, with_attempts
from bulk.model import CustomerRecord

_SQL = sql.load("bulk.journal", "selection.sql", columns=", ".join(COLUMNS))


def select_authorized(connection: sqlite3.Connection) -> int:
    """Select the customers who wait for a partner connection; return their number."""
    return _select(connection, "authorized", {})


def select_stale_links(
    connection: sqlite3.Connection, *, now: float, lifetime: float, margin: float, most: int | None = None
) -> int:
    """Select the customers whose linkUrl expires within `margin` seconds, oldest first; return their number."""
    values = {"now": now, "lifetime": lifetime, "margin": margin, "most": -1 if most is None else most}
    return _select(connection, "stale", values)


def select_named_linked(connection: sqlite3.Connection) -> int:
    """Select the named customers that can be unlinked; return their number."""
    return _select(connection, "named_linked", {})


def select_deletable(connection: sqlite3.Connection) -> int:
    """Select the customers whose companies this batch created and nobody has linked; return their number."""
    return _select(connection, "deletable", {})


def select_named_deletable(connection: sqlite3.Connection) -> int:
    """Select those of them that a command names; return their number."""
    number = select_deletable(connection)
    return number - connection.execute(_SQL["drop_unnamed"]).rowcount


def page(connection: sqlite3.Connection, *, after: int, most: int) -> tuple[list[CustomerRecord], int]:
    """Return the next selected customers with their attempts, and the position of the last one."""
    places = connection.execute(_SQL["page"], {"after": after, "most": most}).fetchall()
    if not places:
        return [], after
    last: int = places[-1][0]
    rows = connection.execute(_SQL["records"], {"after": after, "last": last}).fetchall()
    return with_attempts(connection, rows), last


def count_waiting(connection: sqlite3.Connection) -> int:
    """Return the number of customers who have a linkUrl or need one."""
    return _number(connection, "count_waiting")


def name(connection: sqlite3.Connection, customer_ids: Iterable[str]) -> None:
    """Store the identifiers of the customers that a command names."""
    connection.execute(_SQL["create_named"])
    connection.executemany(_SQL["name"], [{"customer_id": each} for each in customer_ids])


def named_companies(connection: sqlite3.Connection) -> list[str]:
    """Return the companies of the named customers."""
    return [company_id for (company_id,) in connection.execute(_SQL["named_companies"])]


def count_companies(connection: sqlite3.Connection) -> int:
    """Return the number of customers with a company."""
    return _number(connection, "count_companies")


def _select(connection: sqlite3.Connection, statement: str, values: dict[str, float]) -> int:
    connection.execute(_SQL["create"])
    connection.execute(_SQL["clear"])
    return connection.execute(_SQL[statement], values).rowcount


def _number(connection: sqlite3.Connection, statement: str) -> int:
    (number,) = connection.execute(_SQL[statement]).fetchone()
    return int(number)
