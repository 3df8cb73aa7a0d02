"""Reads who is meant from a file: its column customer_id."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from bulk.errors import InputError
from bulk.input.encoding import readable
from bulk.input.frames import cell
from bulk.input.rules import trimmed
from bulk.input.source import open_table
from bulk.text import unescape_formula


def read_ids(path: Path) -> list[str]:
    """Give the identifiers in a file's column customer_id, each once; raises UnreadableInput.

    The file may be one of our reports, whole or cut down to some rows: their guards are taken away.
    """
    with readable(path):
        path.stat()
    table = open_table(path, {}, needed=("customer_id",))
    column = cell(table.header.places["customer_id"])
    found: dict[str, None] = {}
    for frame in table.frames():
        ids = frame.select(trimmed(unescape_formula(pl.col(column)))).to_series().drop_nulls()
        found |= dict.fromkeys(each for each in ids if each)
    if not found:
        raise InputError(f"{path}: names no customer in its column customer_id")
    return list(found)
