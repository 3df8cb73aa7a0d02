"""Writes one table to a file that the user has named: as CSV, Parquet or a workbook, complete or not at all."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, Protocol

import polars as pl

from bulk.errors import JournalError, UsageError
from bulk.journal.folder import FILE_MODE, make_private
from bulk.reports.csv import CsvTable
from bulk.reports.excel.sheets import CHECK, EXCEL
from bulk.reports.excel.workbook import Workbook
from bulk.reports.parquet import ParquetTable
from bulk.reports.publish import WriteError, sync
from bulk.text import series

_MAX_HEADER: Final = 2**24  # characters


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
    with Workbook(path, has_summary=False) as book:
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


def require_room(path: Path, columns: int) -> None:
    """Raise UsageError if the file cannot have this many columns."""
    if path.suffix.lower() == ".xlsx" and columns > EXCEL.columns:
        raise UsageError(
            f"--output {path}: a workbook has at most {EXCEL.columns:,} columns, and this table has {columns:,}. Use "
            ".csv or .parquet."
        )


def require_replaceable(path: Path, last: Sequence[str]) -> None:
    """Raise UsageError if there is a file at this path, unless it is a table whose last columns have these names."""
    if path.exists() and not _has_columns(path, tuple(last)):
        raise UsageError(f"--output {path} exists, and is not the output of an earlier check. Name another file.")


def _has_columns(path: Path, last: tuple[str, ...]) -> bool:
    try:
        match path.suffix.lower():
            case ".csv":
                with path.open(encoding="utf-8-sig") as file:
                    return file.readline(_MAX_HEADER).rstrip().endswith(",".join(last))
            case ".parquet":
                return tuple(pl.read_parquet_schema(path))[-len(last) :] == last
        with zipfile.ZipFile(path) as book:
            return f'name="{CHECK}"'.encode() in book.read("xl/workbook.xml")
    except (OSError, ValueError, KeyError, pl.exceptions.PolarsError, zipfile.BadZipFile):
        return False


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
