"""Writes one table to a file that the user has named: as CSV, Parquet or a workbook, complete or not at all."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, Protocol

import polars as pl

from bulk.errors import JournalError, UsageError
from bulk.journal.folder import FILE_MODE, make_private
from bulk.reports.csv import CsvTable
from bulk.reports.excel.sheets import CHECK
from bulk.reports.excel.workbook import Workbook
from bulk.reports.parquet import ParquetTable
from bulk.reports.publish import WriteError, sync
from bulk.text import series


class Writer(Protocol):
    """Writes a table frame by frame; all frames have the same columns."""

    def write(self, frame: pl.DataFrame) -> None:
        """Append the frame's rows."""


@dataclass
class TableFile:
    """A table in a file of its own."""

    _writer: Writer
    _book: Workbook | None = None

    def write(self, frame: pl.DataFrame) -> None:
        """Append the frame's rows."""
        self._writer.write(frame)

    def notes(self) -> Sequence[str]:
        """Return what a workbook could not take, after all rows."""
        return self._book.notes() if self._book is not None else ()


@contextmanager
def _csv(path: Path) -> Iterator[TableFile]:
    with CsvTable(path) as table:
        yield TableFile(table)


@contextmanager
def _parquet(path: Path) -> Iterator[TableFile]:
    with ParquetTable(path) as table:
        yield TableFile(table)


@contextmanager
def _workbook(path: Path) -> Iterator[TableFile]:
    with Workbook(path, now=datetime.now(UTC), has_summary=False) as book:
        yield TableFile(book.sheet(CHECK), book)


_WRITERS: Final[Mapping[str, Callable[[Path], AbstractContextManager[TableFile]]]] = {
    ".csv": _csv,
    ".parquet": _parquet,
    ".xlsx": _workbook,
}


def require_format(path: Path) -> None:
    """Raise UsageError unless the name's ending is that of a format."""
    if path.suffix.lower() not in _WRITERS:
        raise UsageError(f"--output {path}: the name must end with {series(list(_WRITERS), 'or')}.")
    if path.is_dir():
        raise UsageError(f"--output {path} is a folder. Name a file.")


@contextmanager
def table_file(path: Path) -> Iterator[TableFile]:
    """Yield a table whose file replaces the one at this path at the end. Only its owner can read it.

    The rows are in a folder next to it until then. Raises UsageError if the folder of the file cannot be used,
    JournalError if the disk fails or is full.
    """
    require_format(path)
    try:
        stage = TemporaryDirectory(dir=path.parent, prefix=f".{path.name}.", ignore_cleanup_errors=True)
    except OSError as error:
        raise UsageError(f"--output {path} cannot be written ({error.strerror}). Name another file.") from error
    with stage:
        part = Path(stage.name, path.name)
        try:
            with _WRITERS[path.suffix.lower()](part) as table:
                yield table
            _publish(part, path)
        except WriteError as error:
            raise _write_error(path, error.reason) from error


def _publish(part: Path, path: Path) -> None:
    try:
        make_private(part, FILE_MODE)
        sync(part)
        part.replace(path)
        sync(path.parent)
    except OSError as error:
        raise _write_error(path, error.strerror or str(error)) from error


def _write_error(path: Path, reason: str) -> JournalError:
    return JournalError(f"--output {path} cannot be written ({reason}). Make room, then run the same command again.")
