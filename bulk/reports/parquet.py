"""Writes frames, one after another, to a Parquet file, in bounded memory."""

from __future__ import annotations

from pathlib import Path
from typing import Final, Self

import polars as pl

from bulk.journal.folder import FILE_MODE
from bulk.reports.publish import wrap_errors

_ROW_GROUP_ROWS: Final = 4_000  # rows that are compressed together; their number determines the memory


class ParquetTable:
    """A Parquet file for programs, with unescaped texts.

    A context manager; the file is complete at the end. Raises JournalError if the disk fails or is full.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._chunks: list[Path] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            self._join()

    def write(self, frame: pl.DataFrame) -> None:
        """Append the frame's rows. They stay in a separate file until the end."""
        chunk = self._path.with_name(f"{self._path.name}.{len(self._chunks)}")
        with wrap_errors(self._path):
            chunk.touch(FILE_MODE)
            frame.write_parquet(chunk, compression="lz4")
        self._chunks.append(chunk)

    def _join(self) -> None:
        with wrap_errors(self._path):
            self._path.touch(FILE_MODE)
            pl.scan_parquet(self._chunks, glob=False).sink_parquet(self._path, row_group_size=_ROW_GROUP_ROWS)
            for chunk in self._chunks:
                chunk.unlink()
