"""Finds the place in the batch of each row of an additional file.

A place is a row of one of the batch's files; the reports list customers and rejected rows in the order of places. A
row of an additional file has a new place, unless it takes the place of a row of an earlier file: because it corrects
or repeats a rejected row, or because its customer has a place already. Each place goes to one row.

In these statements `incoming` is the part of the file that is being enrolled, and `rejected` the rejected rows of
earlier files. `places` has only the rows of this file that take the place of an earlier row.
"""

from __future__ import annotations

import sqlite3
from typing import Final

from bulk.journal import sql

_SQL: Final = sql.load("bulk.journal", "placement.sql")
_PREPARATION: Final = (
    *("drop_places", "drop_rejected", "create_places", "create_rejected"),
    *("index_numbers", "index_ids", "index_cells", "index_places"),
)

# The most reliable rule comes first. A number in our rejects file alone proves nothing, because rows may have moved
# since it was written: the customer must be the same, or the rejected row must have no identifier to compare.
_RULES_FOR_ACCEPTED: Final = (
    "by_number_and_id",
    "correction_by_id",
    "by_number_without_id",
    "by_customer",
    "by_id",
)
# A rejected row never takes the place of its customer, because the customer is valid there.
_RULES_FOR_REJECTED: Final = ("by_number_and_id", "by_cells", "by_id", "by_number_without_id")


def prepare(connection: sqlite3.Connection, source: int) -> None:
    """Collect the rejected rows of earlier files."""
    for statement in _PREPARATION:
        connection.execute(_SQL[statement], {"source": source})


def place_accepted(connection: sqlite3.Connection, source: int) -> None:
    """Find the places of the accepted rows."""
    for rule in _RULES_FOR_ACCEPTED:
        connection.execute(_SQL[rule], {"source": source, "is_accepted": 1})


def place_rejected(connection: sqlite3.Connection, source: int) -> None:
    """Find the places of the rejected rows."""
    for rule in _RULES_FOR_REJECTED:
        connection.execute(_SQL[rule], {"source": source, "is_accepted": 0})
