"""Turns the cells of a frame into numbered rows with fields."""

from __future__ import annotations

from typing import Final

import polars as pl

from bulk.input.columns import FIELDS, Header
from bulk.input.frames import AFTER_QUOTE, CELLS, NOT_TEXT, SURPLUS, TYPED, cell
from bulk.text import unescape_formula

_ROW_NUMBER: Final = r"\A\s*(\d{1,18}|\d{1,3}(?:[.,'’\s]\d{3})+)(?:[.,]0{0,2})?\s*\z"
"""A row number as a spreadsheet may show it: `7`, `7.0`, `1,007`, `1.007,00`."""


def without_blank(frame: pl.DataFrame, width: int) -> pl.DataFrame:
    """Return the rows that have text in at least one cell."""
    is_blank = frame.select(pl.all_horizontal(_all_cells(frame, width).is_null())).to_series()
    return frame.filter(~is_blank) if is_blank.any() else frame


def _all_cells(frame: pl.DataFrame, width: int) -> pl.Expr:
    others = (name for name in (SURPLUS, NOT_TEXT, TYPED) if name in frame.columns)
    return pl.col(*map(cell, range(width)), *others)


def with_fields(frame: pl.DataFrame, header: Header, *, start: int) -> pl.DataFrame:
    """Add `row`, counted from `start`, `corrects`, `is_ragged` and the fields, not trimmed.

    Add `cells`, `surplus`, `not_text`, `typed` and `after_quote` if the frame lacks them.

    `corrects` is the row number in a corrected rejects.csv or conflicts.csv, or null if it is unreadable or in any
    other file.
    """
    if CELLS not in frame.columns:
        frame = frame.with_columns(pl.lit(header.cells).alias(CELLS), pl.lit(None, dtype=pl.String).alias(SURPLUS))
    missing = [name for name in (NOT_TEXT, TYPED, AFTER_QUOTE) if name not in frame.columns]
    frame = frame.with_columns(pl.lit(None, dtype=pl.String).alias(name) for name in missing)
    width = len(header.columns)
    if header.is_escaped:
        frame = frame.with_columns(unescape_formula(pl.col(cell(at))) for at in range(width))
    number = pl.int_range(start, start + len(frame), dtype=pl.Int64).alias("row")
    frame = frame.with_columns(number, _corrects(header).alias("corrects"))
    return frame.with_columns(_is_ragged(header).alias("is_ragged"), *(_field(header, name) for name in FIELDS))


def _field(header: Header, name: str) -> pl.Expr:
    if name in header.constants:
        return pl.lit(header.constants[name]).alias(name)
    if name not in header.places:
        return pl.lit(None, dtype=pl.String).alias(name)
    return pl.col(cell(header.places[name])).alias(name)


def _corrects(header: Header) -> pl.Expr:
    if not header.is_rejects_file:
        return pl.lit(None, dtype=pl.Int64)
    digits = pl.col(cell(len(header.columns))).str.extract(_ROW_NUMBER).str.replace_all(r"\D", "")
    return digits.cast(pl.Int64, strict=False)


def _is_ragged(header: Header) -> pl.Expr:
    """Return whether a row's cells may be in the wrong columns or have wrong quotes: its fields are meaningless.

    Excel omits empty cells at the ends of rows, 16 rows at a time. So a row may lack the cells of columns that need no
    value. In a correction of our own report, these are the reasons if the cell before them is a row number.
    """
    is_short = pl.col(CELLS) < header.needed_cells
    if header.is_rejects_file:
        is_short |= (pl.col(CELLS) < header.named_cells) & pl.col("corrects").is_null()
    return is_short | (pl.col(CELLS) > header.cells) | pl.col(AFTER_QUOTE).is_not_null()
