"""Frames that come one after the other, written as one CSV and as one Parquet file, in flat memory."""

from __future__ import annotations

import os
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import polars as pl
import polars.selectors as cs

from bulk.guard import guard
from bulk.reporting.staging import FILE_MODE, told

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
        guarded = frame.with_columns(guard(cs.string()))
        guarded.columns = guarded_header(frame.columns)
        text = guarded.write_csv(include_header=not self._has_header)
        with told(self._path):
            self._file.write(text.encode())
        self._has_header = True


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


def guarded_header(columns: list[str]) -> list[str]:
    """The columns' names as a spreadsheet may see them: an input's header can be a formula too."""
    return pl.Series(columns, dtype=pl.String).to_frame("name").select(guard(pl.col("name"))).to_series().to_list()
