"""Recognizes rows with empty cells beyond the last column. Some programs end each row with a delimiter.

Each row is judged by its own cells. A delimiter in a text without quotes also adds a cell, and then all later cells are
in the wrong columns. Such a row must not be read as if only its end were empty.
"""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from bulk.input.columns import Header
from bulk.input.empty import BLANK, trimmed
from bulk.input.frames import CELLS, cell


def has_empty_end(header: Header, width: int, beyond: Sequence[str]) -> pl.Expr:
    """Return whether a row has cells in the columns `beyond` the last one, and no further, and all of these are empty.

    It is false for a blank row.
    """
    is_longer = pl.col(CELLS).is_between(width + 1, width + len(beyond))
    blank = ((pl.col(name).str.strip_chars(BLANK).fill_null("") == "") for name in beyond)
    has_text = pl.any_horizontal(pl.col(cell(at)).is_not_null() for at in range(width))
    return pl.all_horizontal(is_longer, has_text, *blank) & ~_seems_shifted(header, width)


def _seems_shifted(header: Header, width: int) -> pl.Expr:
    """Return whether cells have probably moved: an unquoted `Ash, Sons` leaves a blank at the start of a cell.

    If there is a blank after each delimiter, several cells begin with one, and all others are empty. An email without
    `@` is another sign.
    """
    begins = [pl.col(cell(at)).str.starts_with(" ") for at in range(1, width)]
    blanks = pl.sum_horizontal(pl.lit(0), *begins)
    every = pl.all_horizontal(pl.lit(value=True), *(each.fill_null(value=True) for each in begins))
    has_odd_blank = (blanks > 0) & ~(every & (blanks > 1))
    if "email" not in header.places:
        return has_odd_blank
    email = trimmed(pl.col(cell(header.places["email"])))
    return has_odd_blank | ~email.str.contains("@", literal=True).fill_null(value=True)
