"""Which place in the batch each row of a further file takes.

A place is a row of one of the batch's files; the reports list customers and rejected rows in the order of places. A
row of a further file has a place of its own, unless it stands for a row of an earlier file: it corrects a rejected row,
or it repeats one, or its customer has a place already. Each place goes to one row.

In these statements `incoming` is the part of the file that is being enrolled, and `rejected` the rejected rows of
earlier files. `places` has only the rows of this file that take the place of an earlier row.
"""

from __future__ import annotations

import sqlite3
from typing import Final

from bulk.journal import sql

_SQL: Final = sql.load("bulk.journal", "placement.sql")
_PREPARATION: Final = ("create_places", "create_rejected", "index_numbers", "index_ids", "index_cells", "index_places")

# The surest rule comes first. A number in our rejects file proves nothing alone: rows may have moved since it was
# written, so the customer must be the same, or the rejected row must have no identifier to compare.
_RULES_FOR_ACCEPTED: Final = (
    "by_number_and_id",
    "correction_by_id",
    "by_number_without_id",
    "by_customer",
    "by_id",
)
# A rejected row never takes the place of its customer, who is valid as it stands there.
_RULES_FOR_REJECTED: Final = ("by_number_and_id", "by_cells", "by_id", "by_number_without_id")


def prepare(connection: sqlite3.Connection, source: int) -> None:
    """Collect the rejected rows of the files before this one."""
    connection.execute("DROP TABLE IF EXISTS temp.places")
    connection.execute("DROP TABLE IF EXISTS temp.rejected")
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
