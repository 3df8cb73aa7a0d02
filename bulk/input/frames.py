"""The frames that every reader yields: text cells in columns `c0`, `c1`, …, in the order of the file's columns.

The columns are numbered because the file's own names can be anything, including names needed for other columns.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Protocol

import polars as pl

from bulk.errors import InputError
from bulk.input.columns import Header
from bulk.reading import Reading
from bulk.text import shorten

CELLS: Final = "cells"
"""The number of cells of a row in the file. The column exists only if a row has more or fewer than the header."""
SURPLUS: Final = "surplus"
"""The cells of a row beyond the last column. The column exists only together with `cells`."""
NOT_TEXT: Final = "not_text"
"""The fields of a row whose bytes are not text, with these bytes, as `customer_id=ff00;`. The cells are null. The
column exists only if there are such cells."""
TYPED: Final = "typed"
"""The identifier of a row whose cell in a workbook is not text, after a letter for its kind: `n1001`. The letter is `n`
for a number, `d` for a date or time, `b` for a boolean. The cell is null. The column exists only if there are some."""
AFTER_QUOTE: Final = "after_quote"
"""The first cell of a row that has text after its closing quote, as it is in the file: `"A"1`. The column exists only
if there are such rows."""
WIDE: Final = 500
"""A table with more columns is wide. In polars, each step takes time for each column, even if nothing happens to it."""
_MAX_ERROR: Final = 200  # characters of a library's message


class Table(Protocol):
    """An input file whose header has been read."""

    header: Header
    reading: Reading
    """How it is read, as far as the user has said it, now or before. A Parquet file has nothing to say."""

    @property
    def notes(self) -> tuple[str, ...]:
        """Notes for its author about how it was read. They are complete when `frames` has reached the end."""

    def frames(self) -> Iterator[pl.DataFrame]:
        """Yield the cells of all rows in bounded memory. Each call starts at the first row. Raises InputError."""


def cell(place: int) -> str:
    """Return the name of the column at this place, counted from 0, in frames."""
    return f"c{place}"


def replace_nuls(header: Header, width: int) -> list[pl.Expr]:
    """Return the columns that are not fields, with each NUL replaced, because no rule rejects a NUL in them."""
    fields = set(header.places.values())
    return [pl.col(cell(at)).str.replace_all("\0", "\ufffd", literal=True) for at in range(width) if at not in fields]


@contextmanager
def wrap_polars_errors(path: Path) -> Iterator[None]:
    """Turn errors and panics of polars on this file into an `InputError` of one line."""
    try:
        yield
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException) as error:
        raise InputError(f"{path} cannot be read as a table ({first_line(error)}); save it again") from error


def first_line(error: BaseException) -> str:
    """Return the first line of a library's message, shortened."""
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return in_words(shorten(lines[0], _MAX_ERROR))


def in_words(message: str) -> str:
    """Return a library's message in words for the file's author."""
    return "it is incomplete or damaged" if "out of specification" in message.lower() else message
