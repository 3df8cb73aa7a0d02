"""Opens an input file and goes through its rows."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import polars as pl

from bulk.errors import InputError
from bulk.input import encoding
from bulk.input.columns import NEEDED
from bulk.input.csv import CsvFile
from bulk.input.frames import Table
from bulk.input.parquet import ParquetFile
from bulk.input.validate import CheckedRows, Validator

_TEXTS: Final = (".csv", ".csv.gz", ".tsv", ".tsv.gz", ".txt", ".txt.gz")
_WORKBOOKS: Final = (".xlsx", ".xlsm", ".xlsb", ".xls", ".ods", ".numbers")
_MOST_ROWS: Final = 100_000
_A_FEW_ROWS: Final = 1_000
_NO_MAPPING: Final[Mapping[str, str]] = {}


@dataclass
class _Noticed:
    """What only shows once all rows have been read."""

    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Input:
    """An input file whose header was read and found good."""

    path: Path
    digest: str
    """SHA-256, in hex, of the file's bytes and the column mapping."""
    columns: tuple[str, ...]
    """The file's own columns in their order; without the two that our rejects file adds."""
    extras: tuple[str, ...]
    """The columns that hold none of the fields: they come back in the reports."""
    is_rejects_file: bool
    """Whether this is our own rejects file given back: its last columns are `row, reasons`."""
    mapping: Mapping[str, str]
    """The columns of the fields, as far as they were named by the caller: {field: column}."""
    _table: Table = field(repr=False)
    _stamp: tuple[int, int] = field(repr=False)
    _noticed: _Noticed = field(default_factory=_Noticed, repr=False)

    @property
    def fields(self) -> dict[str, str]:
        """The columns of the fields."""
        return {name: self.columns[place] for name, place in self._table.header.places.items()}

    @property
    def notes(self) -> tuple[str, ...]:
        """What a user should hear about how it was read; complete once `read` has come to its end."""
        return (*self._table.notes, *self._noticed.notes)

    def read(self) -> Iterator[CheckedRows]:
        """Yield all rows in input order, checked, in bounded memory; each call starts again. Raises InputError."""
        validator = Validator(self._table.header)
        self._require_unchanged()
        for frame in _read_ahead(self._table.frames()):
            for part in frame.iter_slices(_MOST_ROWS):
                rows = validator.check(part)
                if not rows.is_empty:
                    yield rows
        self._require_unchanged()
        self._noticed.notes = tuple(_noticed(validator))

    def _require_unchanged(self) -> None:
        if _stamp(self.path) != self._stamp:
            raise InputError(f"{self.path}: was changed since it was opened; run the command again")


def open_input(path: Path, *, mapping: Mapping[str, str] = _NO_MAPPING) -> Input:
    """Read the file's header and find out how it is written; raises UnreadableInput, or WrongUsage for a mapping.

    `mapping` names the column of a field, {field: column}, where the header does not say it by itself.
    """
    path = Path(path)
    stamp = _stamp(path)
    table = open_table(path, mapping)
    header = table.header
    digest = (
        hashlib.sha256(repr((table.digest, sorted(mapping.items()))).encode()).hexdigest() if mapping else table.digest
    )
    opened = Input(path, digest, header.columns, header.extras, header.is_rejects_file, dict(mapping), table, stamp)
    if not header.is_rejects_file and not _has_rows(table):  # of our own rejects file, all may be corrected by now
        raise InputError(f"{path}: has a header but no rows; give a row for each customer")
    return opened


def _has_rows(table: Table) -> bool:
    """Return whether the table has a row that is not blank; read no more than that takes."""
    validator = Validator(table.header)
    parts = (part for frame in table.frames() for part in frame.iter_slices(_A_FEW_ROWS))
    return not all(validator.check(part).is_empty for part in parts)


def _read_ahead(frames: Iterator[pl.DataFrame]) -> Iterator[pl.DataFrame]:
    """Read the next frame in a thread while the last one is judged: one of them is always in hand, never more."""
    with ThreadPoolExecutor(1, thread_name_prefix="rows") as reader:
        coming = reader.submit(next, frames, None)
        while (frame := coming.result()) is not None:
            coming = reader.submit(next, frames, None)
            yield frame


def open_table(path: Path, mapping: Mapping[str, str], *, needed: Sequence[str] = NEEDED) -> Table:
    """Read a table's header; `needed` are the fields that it must have. Raises UnreadableInput."""
    name = path.name.lower()
    if path.is_dir():
        raise InputError(f"{path}: is a directory; give the file in it")
    if not path.is_file():
        raise InputError(f"{path}: is no ordinary file; save its content in a file first")
    if name.endswith(".parquet"):
        return ParquetFile(path, mapping, needed=needed)
    if name.endswith(_TEXTS):
        return CsvFile(path, mapping, needed=needed)
    if name.endswith(_WORKBOOKS):
        raise InputError(f"{path}: is a workbook; save its sheet as CSV (UTF-8) and give that file")
    raise InputError(f"{path}: its kind is unknown; give a .csv, .csv.gz, .tsv or .parquet file")


def _stamp(path: Path) -> tuple[int, int]:
    with encoding.readable(path):
        state = path.stat()
    return state.st_size, state.st_mtime_ns


def _noticed(validator: Validator) -> Iterator[str]:
    if validator.blank_rows:
        yield f"{validator.blank_rows} blank rows were left out; they do not count as rows"
