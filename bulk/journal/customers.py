"""Reads and changes the journal's customers."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any

from bulk.journal import sql
from bulk.journal.attempts import attempts_of
from bulk.model import Attempt, CustomerRecord, State

COLUMNS = tuple(name for name in CustomerRecord._fields if name not in ("history", "replaced_link"))
"""The columns of the table `customers` that runs use. Their one definition is the class CustomerRecord."""

_OF_THE_INPUT = {"seq", "customer_id", "tag", "name", "platform_key", "description", "presence"}
_CHANGEABLE = frozenset(COLUMNS) - _OF_THE_INPUT
_SQL = sql.load("bulk.journal", "customers.sql", columns=", ".join(COLUMNS), assignments="{assignments}")

Changes = Mapping[str, Any]
"""Columns of a customer and their new values."""


def change(connection: sqlite3.Connection, seq: int, changes: Changes, *, attempts: int = 0) -> None:
    """Change a customer, and add to its number of requests. Raises ValueError for a column that never changes."""
    if not changes:
        connection.execute(_SQL["count_attempts"], {"attempts": attempts, "seq": seq})
        return
    connection.execute(_change(tuple(changes)), (attempts, *changes.values(), seq))


@lru_cache(maxsize=64)  # a run changes the same few sets of columns again and again
def _change(columns: tuple[str, ...]) -> str:
    """Return the statement that changes these columns of one customer."""
    unknown = set(columns) - _CHANGEABLE
    if unknown:
        raise ValueError(f"not columns to change: {sorted(unknown)}")
    return _SQL["change"].replace("{assignments}", ", ".join(f"{column} = ?" for column in columns))


def forget(connection: sqlite3.Connection, seq: int) -> None:
    """Forget a customer who was removed from the input and for whom Codat has nothing.

    One whose company undo has deleted stays known, so that its company is not created again.
    """
    for statement in ("show_rejection", "forget", "set_aside"):
        connection.execute(_SQL[statement], {"seq": seq})


def pending(
    connection: sqlite3.Connection, *, begun: bool, after: int, most: int, limit: int | None = None
) -> list[CustomerRecord]:
    """Return the next pending customers with their attempts, in the order of enrolment, after this `seq`.

    With `begun`, return those for whom something was sent, otherwise the untouched ones. `limit` restricts the result
    to the input's first customers.
    """
    values = _end_of(connection, limit) | {"after": after, "most": most}
    rows = connection.execute(_SQL["begun" if begun else "untouched"], values).fetchall()
    # The untouched may have attempts too: after a look-up that found nothing, a customer is untouched again.
    return with_attempts(connection, rows)


def has_sent(connection: sqlite3.Connection) -> bool:
    """Return whether Codat has, or may have, a company of this batch, or had one or rejected one."""
    return may_have_company(connection) or bool(_number(connection, "has_requested"))


def count_pending(connection: sqlite3.Connection, *, limit: int | None = None) -> int:
    """Return the number of customers with work left to do."""
    return _number(connection, "count_pending", _end_of(connection, limit))


def count_done(connection: sqlite3.Connection, *, limit: int | None = None) -> int:
    """Return the number of customers for whom nothing is left to do, and nothing went wrong."""
    return _number(connection, "count_done", _end_of(connection, limit))


def count(connection: sqlite3.Connection) -> int:
    """Return the number of customers, without those removed from the input before anything was sent."""
    return _number(connection, "count")


def count_undone(connection: sqlite3.Connection) -> int:
    """Return the number of customers whose companies `undo` deleted, and who get no other one."""
    return _number(connection, "count_undone")


def count_without_link(connection: sqlite3.Connection) -> int:
    """Return the number of customers who wait for their link, and whose journal does not have it."""
    return _number(connection, "count_without_link")


def count_complete(connection: sqlite3.Connection) -> int:
    """Return the number of customers with a partner connection."""
    return _number(connection, "count_complete")


def may_have_company(connection: sqlite3.Connection) -> bool:
    """Return whether Codat has, or may have, a company of this batch."""
    return bool(_number(connection, "may_have_company"))


def has_authorized(connection: sqlite3.Connection) -> bool:
    """Return whether a customer waits for a partner connection."""
    return bool(_number(connection, "has_authorized"))


def by_seq(connection: sqlite3.Connection, seq: int) -> CustomerRecord | None:
    """Return one customer without attempts, or None."""
    return _first(connection, "by_seq", {"seq": seq})


def by_tags(connection: sqlite3.Connection, tags: Iterable[str]) -> list[CustomerRecord]:
    """Return the customers whose companies carry these tags, without their attempts."""
    return _among(connection, "by_tags", tags)


def by_ids(connection: sqlite3.Connection, customer_ids: Iterable[str]) -> list[CustomerRecord]:
    """Return the customers with these identifiers, without their attempts."""
    return _among(connection, "by_ids", customer_ids)


def by_company(connection: sqlite3.Connection, company_id: str) -> CustomerRecord | None:
    """Return the customer with this company. It reads all customers, for the rare company without tags."""
    return _first(connection, "by_company", {"company_id": company_id})


def by_companies(connection: sqlite3.Connection, company_ids: Iterable[str]) -> list[CustomerRecord]:
    """Return the customers with these companies, without their attempts. Call `index_companies` first."""
    return _among(connection, "by_companies", company_ids)


def index_companies(connection: sqlite3.Connection) -> None:
    """Index the customers by company until the journal is closed."""
    for statement in ("drop_company_index", "copy_companies", "index_companies"):
        connection.execute(_SQL[statement])


def add_company(connection: sqlite3.Connection, company_id: str, seq: int) -> None:
    """Add a customer's new company to the index."""
    connection.execute(_SQL["add_company"], {"company_id": company_id, "seq": seq})


def with_attempts(connection: sqlite3.Connection, rows: Sequence[Sequence[Any]]) -> list[CustomerRecord]:
    """Return the customers of these rows (COLUMNS), with their attempts."""
    attempts = attempts_of(connection, [row[0] for row in rows])
    return [_record(row, tuple(attempts[row[0]])) for row in rows]


def _record(row: Sequence[Any], history: tuple[Attempt, ...] = ()) -> CustomerRecord:
    values = dict(zip(COLUMNS, row, strict=True))
    state, knows_connections = State(values["state"]), bool(values["knows_connections"])
    return CustomerRecord(**values | {"state": state, "knows_connections": knows_connections}, history=history)


def _among(connection: sqlite3.Connection, statement: str, values: Iterable[str]) -> list[CustomerRecord]:
    rows = connection.execute(_SQL[statement], {"values": json.dumps(list(values))})
    return [_record(row) for row in rows]


def _first(connection: sqlite3.Connection, statement: str, values: Mapping[str, object]) -> CustomerRecord | None:
    row = connection.execute(_SQL[statement], values).fetchone()
    return None if row is None else _record(row)


def _number(connection: sqlite3.Connection, statement: str, values: Mapping[str, object] | None = None) -> int:
    (number,) = connection.execute(_SQL[statement], values or {}).fetchone()
    return int(number)


def _end_of(connection: sqlite3.Connection, limit: int | None) -> dict[str, int | None]:
    """Return the place of the first customer beyond the limit, or nulls if there is none."""
    row = None if limit is None else connection.execute(_SQL["limit"], {"limit": limit}).fetchone()
    return {"source": None, "row": None} if row is None else {"source": row[0], "row": row[1]}
