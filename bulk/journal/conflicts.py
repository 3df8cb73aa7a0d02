"""Conflicts: rows that could reach the wrong customer, and the conflicts that a person has accepted.

A row is held before it becomes a customer, so nothing is sent for it. Conflicts with companies in Codat are found
later, when the company list is read (bulk.engine.adopter).
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, NamedTuple

from bulk import problems
from bulk.journal import sql
from bulk.problems import Problem
from bulk.spellings import exact_ranges, is_spelling_of, rounded_keys, spelling_key

_SQL: Final = sql.load("bulk.journal", "conflicts.sql", **sql.SHARED)
_COLLECT_REJECTED: Final = (
    *("drop_rejected_spellings", "create_rejected_spellings", "index_rejected_keys", "index_rejected_customers"),
)


def index_held(connection: sqlite3.Connection) -> None:
    """Let rows for which nothing is sent be found by customer, in a copy of the journal."""
    connection.execute(_SQL["index_held"])


def begin_reading(connection: sqlite3.Connection) -> None:
    """Forget the conflicts that an earlier reading of the company list showed."""
    for statement in ("create_shown", "clear_shown"):
        connection.execute(_SQL[statement])


def mark_shown(connection: sqlite3.Connection, seq: int) -> None:
    """Record that the list shows a customer's conflict."""
    connection.execute(_SQL["mark_shown"], {"seq": seq})


def not_shown(connection: sqlite3.Connection) -> list[tuple[int, str | None]]:
    """Return the `seq` of the customers whose conflict the reading has not shown, with the damage of their rows.

    Only the row itself shows a conflict of damaged text.
    """
    return connection.execute(_SQL["not_shown"]).fetchall()


def has_any(connection: sqlite3.Connection, *, accepts: bool = False) -> bool:
    """Return whether a customer is, or may be, in conflict with a company in Codat. `accepts`: a person accepts one."""
    ((has_conflict,),) = connection.execute(_SQL["has_any"], {"accepts": accepts})
    return bool(has_conflict)


def accept(connection: sqlite3.Connection, customer_ids: Iterable[str]) -> list[str]:
    """Accept the conflicts of these customers that the batch has recorded; return the customers that have none.

    A person can decide only what the batch has shown: this row, and what was found. Another conflict of the same
    customer, or one of a row with another name, has to be accepted itself.
    """
    for statement in ("create_accepting", "clear_accepting", "drop_recorded"):
        connection.execute(_SQL[statement])
    connection.executemany(_SQL["accept"], [{"customer_id": each} for each in customer_ids])
    for statement in ("recorded", "remember"):
        connection.execute(_SQL[statement])
    return [customer_id for (customer_id,) in connection.execute(_SQL["not_recorded"]).fetchall()]


def is_accepted(connection: sqlite3.Connection, customer_id: str, problem: Problem) -> bool:
    """Return whether a person has accepted this conflict of the customer, for the name that it has."""
    values = {"customer_id": customer_id, "code": problem["code"], "found": problem["found"]}
    ((accepted,),) = connection.execute(_SQL["is_accepted"], values)
    return bool(accepted)


def hold_other_customers(connection: sqlite3.Connection, values: Mapping[str, Any]) -> None:
    """Hold the incoming rows whose customer may be another one with the same identifier."""
    connection.execute(_SQL["hold_other_customers"], {name: values[name] for name in ("source", "fields")})


def hold_spellings(connection: sqlite3.Connection, *, run: int, fields: str) -> set[int]:
    """Hold the file's customers whose identifier is another spelling of one that is missing from it.

    Only customers for whom nothing was sent are held. Return their `seq`.
    """
    held: set[int] = set()
    for customer_id, known in dict(_spellings(connection, run)).items():
        problem = problems.new("other_spelling", customer_id, found=known)
        if not is_accepted(connection, customer_id, problem):
            values = {"customer_id": customer_id, "fields": fields, "problems": problems.to_text([problem])}
            connection.execute(_SQL["hold"], values)
            held.update(seq for (seq,) in connection.execute(_SQL["forget"], values).fetchall())
    return held


class SameSpelling(NamedTuple):
    """A customer whose identifier may be another spelling of an earlier one in the same file."""

    row: int
    customer_id: str
    first_row: int
    first_customer_id: str
    customers: int  # all such customers of the file


def same_spelling(connection: sqlite3.Connection, *, run: int) -> SameSpelling | None:
    """Return the first such customer of the file that a run has read, or None."""
    found = connection.execute(_SQL["same_spellings"], {"run": run}).fetchone()
    return None if found is None else SameSpelling(*found)


def unsent_spellings(connection: sqlite3.Connection, customer_id: str) -> list[int]:
    """Return the `seq` of the customers for whom nothing was sent, if their identifiers are other spellings of this."""
    keys = json.dumps([spelling_key(customer_id), *rounded_keys(customer_id)])
    rows = connection.execute(_SQL["unsent"], {"keys": keys, "customer_id": customer_id})
    return [seq for (seq,) in rows.fetchall()]


def _spellings(connection: sqlite3.Connection, run: int) -> Iterator[tuple[str, str]]:
    """Yield identifiers of the file, each with one of which it is another spelling."""
    for statement in _COLLECT_REJECTED:
        connection.execute(_SQL[statement])
    yield from connection.execute(_SQL["spellings"], {"run": run}).fetchall()
    others = ((known, customer_id) for customer_id, known in _rounded(connection, run, is_new=False))
    for customer_id, known in (*_rounded(connection, run, is_new=True), *others):
        values = {"customer_id": customer_id, "known": known}
        if connection.execute(_SQL["is_in_same_file"], values).fetchone() == (0,):
            yield customer_id, known


def _rounded(connection: sqlite3.Connection, run: int, *, is_new: bool) -> Iterator[tuple[str, str]]:
    """Yield the identifiers of one side that have lost digits, each with one of the other side that it may have been.

    `is_new` selects the side of the file. A number of more than 15 digits may be the one that has lost some, and `1E5`
    the one that has become a number.
    """
    other = {"run": run, "is_new": not is_new}
    for customer_id, key in connection.execute(_SQL["rounded"], other | {"is_new": is_new}).fetchall():
        found: list[tuple[str]] = []
        for low, high in exact_ranges(key):
            found += connection.execute(_SQL["in_range"], other | {"low": low, "high": high})
        if keys := rounded_keys(customer_id):
            found += connection.execute(_SQL["with_keys"], other | {"keys": json.dumps(keys)})
        yield from ((customer_id, each) for (each,) in found if is_spelling_of(customer_id, each))
