"""The customers whose companies a reading of Codat's company list has shown."""

from __future__ import annotations

import sqlite3

from bulk.journal import sql

_SQL = sql.load("bulk.journal", "company_list.sql")


def begin_reading(connection: sqlite3.Connection) -> None:
    """Forget the companies that an earlier reading showed."""
    for statement in ("create", "clear", "create_missing"):
        connection.execute(_SQL[statement])


def mark_shown(connection: sqlite3.Connection, seq: int) -> None:
    """Record that the list shows this customer's company."""
    connection.execute(_SQL["mark"], {"seq": seq})


def missing(connection: sqlite3.Connection, *, named: bool = False) -> list[tuple[int, str, int]]:
    """Return the customers whose company is missing from the list.

    Each has its `seq`, its identifier, and 1 if this batch has probably deleted the company, otherwise 0. With `named`,
    only the named customers are checked. Customers already marked as having lost their company are left out.
    """
    return connection.execute(_SQL["missing_named" if named else "missing"]).fetchall()


def is_missing_any(connection: sqlite3.Connection) -> bool:
    """Return whether a company is missing from the list and not yet marked as lost."""
    ((is_missing,),) = connection.execute(_SQL["is_missing_any"])
    return bool(is_missing)


def missing_companies(connection: sqlite3.Connection) -> list[tuple[str, str, str | None]]:
    """Return identifier, company and connection of every customer whose company is missing from the list."""
    return connection.execute(_SQL["missing_companies"]).fetchall()


def batches_adopted_from(connection: sqlite3.Connection) -> list[str | None]:
    """Return the tags of the batches whose companies this batch adopted; None stands for a company without a tag."""
    return [tag for (tag,) in connection.execute(_SQL["batches"])]
