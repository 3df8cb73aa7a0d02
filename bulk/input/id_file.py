"""Reads identifiers of customers from a file."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from bulk.errors import InputError
from bulk.input.column_names import normalized
from bulk.input.columns import Header
from bulk.input.empty import trimmed
from bulk.input.fields import with_fields
from bulk.input.files import wrap_read_errors
from bulk.input.formats import open_table
from bulk.input.frames import AFTER_QUOTE, CELLS, NOT_TEXT, TYPED, Table, cell
from bulk.text import count, unescape_formula


def read_ids(path: Path, *, column: str | None = None) -> list[str]:
    """Return the identifiers in a file's column `customer_id`, each once. Raises InputError.

    If the file has the column `column`, the identifiers are in that one: `--map` names it for the input.
    The file may be a report by bulk, or some of its rows or columns. Apostrophes that bulk added are removed. A row
    with too many or too few cells is an error: its identifier may be in another column.
    """
    with wrap_read_errors(path):
        path.stat()
    table = _open(path, column)
    place = cell(table.header.places["customer_id"])
    unique_ids: dict[str, None] = {}  # a set that keeps the order
    rows = 0
    for frame in table.frames():
        _require_readable_rows(path, frame, table.header, rows=rows)
        rows += len(frame)
        ids = frame.select(trimmed(unescape_formula(pl.col(place)))).to_series().drop_nulls()
        unique_ids |= dict.fromkeys(each for each in ids if each)
    if not unique_ids:
        raise InputError(f"{path} has no identifiers in its column customer_id")
    return list(unique_ids)


def _open(path: Path, column: str | None) -> Table:
    if column is not None:
        names = open_table(path, {}, required=()).header.columns
        if normalized(column) in map(normalized, names):
            return open_table(path, {"customer_id": column}, required=("customer_id",))
    return open_table(path, {}, required=("customer_id",))


def _require_readable_rows(path: Path, frame: pl.DataFrame, header: Header, *, rows: int) -> None:
    """Raise InputError for a row whose identifier is unknown. `rows` is the number of rows before these.

    Its cells may be in the wrong columns, or its identifier is not text.
    """
    if NOT_TEXT in frame.columns:
        is_unknown = frame[NOT_TEXT].str.contains("customer_id=", literal=True).fill_null(value=False)
        if is_unknown.any():
            row = rows + 1 + int(is_unknown.arg_true()[0])
            raise InputError(f"{path}: the identifier in row {row:,} has bytes that are not text; write it as text")
    if (typed := _first(frame, TYPED)) is not None:
        raise InputError(
            f"{path}: the identifier in row {rows + typed:,} is a number, a date or a logical value; format the column "
            "as text, then enter the identifiers again"
        )
    if (quoted := _first(frame, AFTER_QUOTE)) is not None:
        raise InputError(
            f"{path}: row {rows + quoted:,} has text after a closing quote; write each quote that belongs to a text "
            "twice"
        )
    if CELLS not in frame.columns:
        return
    numbered = with_fields(frame, header, start=rows + 1)
    is_ragged = pl.col("is_ragged")
    if not header.is_rejects_file:
        is_ragged |= pl.col(CELLS) < header.named_cells  # omitted cells, which an input may have, or moved ones
    wrong = numbered.filter(is_ragged & trimmed(pl.col("customer_id")).is_not_null())
    if len(wrong):
        row, cells = wrong.select("row", CELLS).row(0)
        raise InputError(
            f"{path}: row {row:,} has {count(cells, 'cell')}, and the header has {header.named_cells:,}, so its "
            "identifier may be in another column; put texts with delimiters in quotes"
        )


def _first(frame: pl.DataFrame, column: str) -> int | None:
    """Return the place, from 1, of the first row with a value in a column that the frame may lack, or None."""
    places = frame[column].is_not_null().arg_true() if column in frame.columns else pl.Series([], dtype=pl.UInt32)
    return int(places[0]) + 1 if len(places) else None
