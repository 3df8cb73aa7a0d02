"""Reads CSV reports back, and limits the size of files like a full disk."""

from __future__ import annotations

import csv
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import polars as pl
import polars.selectors as cs

from bulk.text import unescape_formula


def read_csv(path: Path) -> pl.DataFrame:
    """Read a CSV report as a program does, with its texts unescaped."""
    frame = pl.read_csv(path, infer_schema=False).with_columns(unescape_formula(cs.string()))
    # polars reads a doubled quote in a header as two quotes: the names come from Python's own reader.
    header = pl.DataFrame({"name": cells(path)[0]})
    frame.columns = header.select(unescape_formula(pl.col("name"))).to_series().to_list()
    return frame


def cells(path: Path) -> list[list[str]]:
    """Read a CSV report as a spreadsheet does, header included."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.reader(file))


@contextmanager
def room_for(size: int) -> Iterator[None]:
    """Let no file grow past this size in bytes, as on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
