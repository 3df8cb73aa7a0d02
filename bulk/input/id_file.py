"""Reads identifiers of customers from a file."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from bulk.errors import InputError
from bulk.input.files import wrap_read_errors
from bulk.input.formats import open_table
from bulk.input.frames import cell
from bulk.input.rules import trimmed
from bulk.text import unescape_formula


def read_ids(path: Path) -> list[str]:
    """Return the identifiers in a file's column `customer_id`, each once. Raises InputError.

    The file may be a report by bulk, or some of its rows or columns. Apostrophes that bulk added are removed.
    """
    with wrap_read_errors(path):
        path.stat()
    table = open_table(path, {}, required=("customer_id",))
    column = cell(table.header.places["customer_id"])
    unique_ids: dict[str, None] = {}  # a set that keeps the order
    for frame in table.frames():
        ids = frame.select(trimmed(unescape_formula(pl.col(column)))).to_series().drop_nulls()
        unique_ids |= dict.fromkeys(each for each in ids if each)
    if not unique_ids:
        raise InputError(f"{path}: has no identifiers in its column customer_id")
    return list(unique_ids)
