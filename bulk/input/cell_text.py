"""Turns a typed cell into the text that a person would type."""

from __future__ import annotations

from typing import Final

import polars as pl

from bulk.input.binary_text import extra_texts

_MAX_EXACT: Final = 2**53
"""Floating-point numbers below this one represent every whole number exactly."""


def as_text(column: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    """Return a column of this type as text. An empty text becomes null, as in CSV."""
    if dtype.is_float():
        return _float(column)
    if dtype.is_decimal():
        return column.cast(pl.String).str.replace(r"(\.\d*?)0+\z", "${1}").str.strip_chars_end(".")
    if dtype.is_nested():
        json = pl.struct(column.alias("v")).struct.json_encode()
        return pl.when(column.is_not_null()).then(json.str.slice(len('{"v":')).str.head(-1))
    if dtype.is_temporal():
        iso = column.dt.to_string("iso:strict" if dtype == pl.Datetime else "iso")
        return iso.str.replace(r"\.0+([+\-Z]|\z)", "${1}")
    if dtype == pl.Binary:
        return column.map_batches(extra_texts, return_dtype=pl.String, is_elementwise=True)
    text = column.cast(pl.String)
    return pl.when(text != "").then(text)


def _float(column: pl.Expr) -> pl.Expr:
    """Return whole numbers without a fraction, and null for NaN, which spreadsheets write for an empty cell."""
    is_whole = column.is_finite() & (column == column.round(0)) & (column.abs() < _MAX_EXACT)
    digits = pl.when(is_whole).then(column).cast(pl.Int64, strict=False).cast(pl.String)
    return pl.when(column.is_not_nan()).then(digits.fill_null(column.cast(pl.String)))
