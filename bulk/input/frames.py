"""What every reader hands on: frames of text cells in columns `c0`, `c1`, …, in the order of the file's columns.

The cells stand under numbers, not under the file's own names, which could be anything, also the names used beside them.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Protocol

import polars as pl

from bulk.errors import InputError
from bulk.input.columns import Header

CELLS: Final = "cells"
"""The number of cells of a row in the file; only in frames where some row has not as many as there are columns."""
SURPLUS: Final = "surplus"
"""The cells of a row beyond the last column; with `cells`."""


class Table(Protocol):
    """An input file, opened: what it is called, what its columns mean, and its cells as text."""

    digest: str
    header: Header
    notes: tuple[str, ...]

    def frames(self) -> Iterator[pl.DataFrame]:
        """The cells of all rows, from the start, in bounded memory."""


def cell(place: int) -> str:
    """The name that the column at this place (from 0) has in frames."""
    return f"c{place}"


def without_nuls(header: Header, width: int) -> list[pl.Expr]:
    """The columns that hold none of the fields, with a replacement for NULs: no rule rejects their rows."""
    taken = set(header.places.values())
    return [pl.col(cell(at)).str.replace_all("\0", "\ufffd", literal=True) for at in range(width) if at not in taken]


@contextmanager
def unpanicked(path: Path) -> Iterator[None]:
    """Turn whatever polars raises over a file into one clear line; its panics are no `Exception`s."""
    try:
        yield
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException) as error:
        first = (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
        raise InputError(f"{path}: cannot be read as a table ({first}); save it again") from error
