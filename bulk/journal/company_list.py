"""The customers whose companies a reading of Codat's company list has shown."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from typing import Any

from bulk.journal import customers, sql
from bulk.model import State

MAX_LACKING = 10  # companies: a list that lacks more of them, and more than a tenth of all, is not trusted
_SQL = sql.load("bulk.journal", "company_list.sql")


def begin_reading(connection: sqlite3.Connection) -> None:
    """Forget the companies and the changes that an earlier reading showed."""
    for statement in ("create", "clear", "create_missing", "create_staged", "clear_staged"):
        connection.execute(_SQL[statement])


def mark_shown(connection: sqlite3.Connection, seq: int) -> None:
    """Record that the list shows this customer's company."""
    connection.execute(_SQL["mark"], {"seq": seq})


def stage(connection: sqlite3.Connection, seq: int, changes: Mapping[str, Any]) -> None:
    """Keep changes of a customer until the whole list was read."""
    text = json.dumps(staged(connection, seq) | dict(changes))
    connection.execute(_SQL["stage"], {"seq": seq, "changes": text})


def staged(connection: sqlite3.Connection, seq: int) -> dict[str, Any]:
    """Return the changes of a customer that this reading has found."""
    row = connection.execute(_SQL["staged"], {"seq": seq}).fetchone()
    return {} if row is None else _changes(row[0])


def apply_staged(connection: sqlite3.Connection) -> None:
    """Apply all changes that this reading has found."""
    for seq, text in connection.execute(_SQL["all_staged"]).fetchall():
        customers.change(connection, seq, _changes(text))
    connection.execute(_SQL["clear_staged"])


def _changes(text: str) -> dict[str, Any]:
    changes: dict[str, Any] = json.loads(text)
    return changes | {"state": State(changes["state"])} if "state" in changes else changes


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


def lacking(connection: sqlite3.Connection) -> list[str]:
    """Return the customers whose companies the list lacks if they are so many that it is not trusted, otherwise []."""
    customer_ids = [customer_id for (customer_id,) in connection.execute(_SQL["lacking"])]
    ((known,),) = connection.execute(_SQL["count_known"])
    return customer_ids if len(customer_ids) > max(MAX_LACKING, known / 10) else []


def missing_companies(connection: sqlite3.Connection) -> list[tuple[str, str, str | None]]:
    """Return identifier, company and connection of every customer whose company is missing from the list."""
    return connection.execute(_SQL["missing_companies"]).fetchall()


def batches_adopted_from(connection: sqlite3.Connection) -> list[str | None]:
    """Return the tags of the batches whose companies this batch adopted; None stands for a company without a tag."""
    return [tag for (tag,) in connection.execute(_SQL["batches"])]
