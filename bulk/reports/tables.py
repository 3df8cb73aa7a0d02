"""Frames that come one after the other, written as one CSV and as one Parquet file, in flat memory."""

from __future__ import annotations

import os
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import polars as pl

from bulk.reports.publish import FILE_MODE, told
from bulk.text import escape_formula

_CUTS: Final = r'\A\z|[",;\t\r\n]'
_ROW_GROUP_ROWS: Final = 4_000  # what is compressed at once decides what memory it takes


class CsvTable:
    """A CSV file for people and programs: UTF-8 without a byte order mark, LF, and no cell that runs as a formula."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._has_header = False
        with told(path):
            self._file = os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, FILE_MODE), "wb")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            with told(self._path):
                self._file.close()
            return
        try:
            self._file.close()
        except OSError:
            return  # the error on its way already says what broke

    def write(self, frame: pl.DataFrame) -> None:
        """Add the frame's rows; the first frame's columns become the header, which is guarded as well."""
        # By their places, never by name: a header such as `*` or `^.*$` would mean every column.
        placed = pl.DataFrame([column.alias(str(place)) for place, column in enumerate(frame.iter_columns())])
        cells = [_cell(place, dtype) for place, dtype in enumerate(frame.dtypes)]
        lines = placed.select(pl.concat_str(cells, separator=",")).to_series()
        with told(self._path):
            if not self._has_header:
                self._file.write(_header(frame.columns).encode())
            self._file.write("".join(f"{line}\n" for line in lines).encode())
        self._has_header = True


def _header(columns: list[str]) -> str:
    names = pl.DataFrame({"name": columns}, schema={"name": pl.String})
    return f"{names.select(_quoted(escape_formula(pl.col('name'))).str.join(',')).item()}\n"


def _cell(place: int, dtype: pl.DataType) -> pl.Expr:
    value = pl.col(str(place))
    return _quoted(escape_formula(value)).fill_null("") if dtype == pl.String else value.cast(pl.String).fill_null("")


def _quoted(text: pl.Expr) -> pl.Expr:
    """Put a text into quotes where a reader could cut it otherwise; an empty text as well, to tell it from none.

    A spreadsheet may cut cells at semicolons and tabs besides, and run what comes behind one.
    """
    in_quotes = pl.concat_str(pl.lit('"'), text.str.replace_all('"', '""', literal=True), pl.lit('"'))
    return pl.when(text.str.contains(_CUTS)).then(in_quotes).otherwise(text)


class ParquetTable:
    """A Parquet file for programs: texts as they are."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._chunks: list[Path] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, _: object, __: TracebackType | None) -> None:
        if kind is None:
            self._join()

    def write(self, frame: pl.DataFrame) -> None:
        """Keep the frame's rows in a file of their own until all are there."""
        chunk = self._path.with_name(f"{self._path.name}.{len(self._chunks)}")
        with told(self._path):
            chunk.touch(FILE_MODE)
            frame.write_parquet(chunk, compression="lz4")
        self._chunks.append(chunk)

    def _join(self) -> None:
        with told(self._path):
            self._path.touch(FILE_MODE)
            pl.scan_parquet(self._chunks, glob=False).sink_parquet(self._path, row_group_size=_ROW_GROUP_ROWS)
            for chunk in self._chunks:
                chunk.unlink()
