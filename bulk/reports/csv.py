"""Writes frames, one after another, to a CSV file that is safe to open in a spreadsheet."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final, Self

import polars as pl

from bulk.journal.folder import FILE_MODE
from bulk.reports.publish import wrap_errors
from bulk.reports.scan import END, START, may_contain
from bulk.text import FORMULA, escape_formula

# A spreadsheet may also split cells at semicolons and tabs, and run the part after one. An empty text is quoted, to
# distinguish it from a missing one.
_MARKS: Final = '[",;\\t\\r\\n]'
_TO_QUOTE: Final = rf"\A\z|{_MARKS}"
_TO_CHANGE: Final = rf"{_MARKS}|{START}(?:{END}|'*{FORMULA})"


class CsvTable:
    """A CSV file in UTF-8 with LF line ends. No cell runs as a formula.

    The file begins with a byte order mark: without one, Excel takes the text for the encoding of its own system.

    A context manager. Raises JournalError if the disk fails or is full.
    """

    def __init__(self, path: Path) -> None:
        """Create the file, which must not exist."""
        self._path = path
        self._has_header = False
        with wrap_errors(path):
            self._file = os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, FILE_MODE), "wb")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            with wrap_errors(self._path):
                self._file.close()
            return
        try:
            self._file.close()
        except OSError:
            return  # the error that ends the block already names the cause

    def write(self, frame: pl.DataFrame) -> None:
        """Append the frame's rows. The first frame's columns become the header, which is escaped too."""
        lines = _cells(frame).write_csv(include_header=False, quote_style="never")
        with wrap_errors(self._path):
            if not self._has_header:
                header = pl.Series(frame.columns, dtype=pl.String)
                self._file.write(f"\ufeff{','.join(_quoted(header))}\n".encode())
            self._file.write(lines.encode())
        self._has_header = True


def _cells(frame: pl.DataFrame) -> pl.DataFrame:
    """Quote and escape the texts that need it."""
    columns = zip(frame.iter_columns(), may_contain(frame, _TO_CHANGE), strict=True)
    # By position, never by name: a header such as `*` or `^.*$` would select every column.
    return pl.DataFrame(
        [(_quoted(column) if changes else column).alias(str(place)) for place, (column, changes) in enumerate(columns)]
    )


def _quoted(column: pl.Series) -> pl.Series:
    text = escape_formula(pl.lit(column))
    in_quotes = pl.concat_str(pl.lit('"'), text.str.replace_all('"', '""', literal=True), pl.lit('"'))
    return pl.select(pl.when(text.str.contains(_TO_QUOTE)).then(in_quotes).otherwise(text)).to_series()
