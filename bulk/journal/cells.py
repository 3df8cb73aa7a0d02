"""Restores the cells of a customer's row as the input has them."""

from __future__ import annotations

import json
import sqlite3
from typing import Final

FIELDS: Final = ("customer_id", "company_name", "platform", "email", "description")


def register(connection: sqlite3.Connection) -> None:
    """Add the SQL function `cells_of(fields, extra, ...)`, whose last arguments are the values of FIELDS."""
    connection.create_function("cells_of", 2 + len(FIELDS), cells_of, deterministic=True)


def cells_of(fields: str, extra: str, *values: str | None) -> str:
    """Return the cells as a JSON object. `fields` is {field: column} and `extra` the other cells, both as JSON."""
    columns: dict[str, str] = json.loads(fields)
    named = {columns[field]: value for field, value in zip(FIELDS, values, strict=True) if field in columns}
    return json.dumps(named | json.loads(extra), ensure_ascii=False)
