"""Selects the reader of a file by its content, whatever its name."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Final

from bulk.errors import InputError, UsageError
from bulk.input import compression
from bulk.input.columns import REQUIRED
from bulk.input.compression import Compression
from bulk.input.csv import CsvFile
from bulk.input.files import wrap_read_errors
from bulk.input.folder import Folder
from bulk.input.frames import Table
from bulk.input.other_formats import problem_of
from bulk.input.parts import TEXT
from bulk.reading import NOTHING_SAID, Reading

_PARQUET_NAMES: Final = (".parquet", ".parq", ".pq")
_DAMAGED: Final = "is damaged or not a Parquet file"
_FIRST_BYTES: Final = 64
"""The bytes that distinguish a damaged Parquet file from a text in any encoding."""
_PARQUET: Final = (b"PAR1", b"PARE")  # the second begins a file with an encrypted footer
_KINDS: Final = {
    "comment": "text tables and workbooks",
    "encoding": "text tables",
    "sheet": "workbooks",
    "skip_rows": "text tables and workbooks",
}
"""The kinds of files for which an option is."""


def open_table(
    path: Path,
    mapping: Mapping[str, str],
    *,
    required: Sequence[str] = REQUIRED,
    reading: Reading = NOTHING_SAID,
    remembered: Reading = NOTHING_SAID,
) -> Table:
    """Read a table's header; `required` are the fields that it must have. Raises InputError, UsageError.

    `reading` is how the user says that a table is to be read, and `remembered` what was said before. A correction of
    our own reports is not read as it was remembered.
    """
    if path.is_dir():
        opening = partial(open_table, reading=reading, remembered=remembered)
        return Folder(path, mapping, required=required, open_part=opening, kind_of=_kind_of)
    with wrap_read_errors(path):
        path.stat()
    if not path.is_file():
        raise InputError(f"{path} is not an ordinary file; save its content in a file first")
    layers, start = compression.detect(path)
    if start.startswith(_PARQUET):
        if layers:
            raise InputError(f"{path} is a compressed Parquet file; unpack it first")
        _require_unsaid(reading, _KINDS.keys(), f"{path} is a Parquet file")
        from bulk.input.parquet import ParquetFile  # here, since pyarrow takes time and memory

        return ParquetFile(path, mapping, required=required)
    if start.startswith(Compression.ZIP.value):
        if layers:
            raise InputError(f"{path} is a compressed workbook; unpack it first")
        _require_unsaid(reading, {"encoding"}, f"{path} is a workbook")
        from bulk.input.workbook import Workbook  # here, since few inputs are workbooks

        return Workbook(path, mapping, required=required, reading=reading, remembered=remembered)
    if problem := problem_of(start):
        raise InputError(f"{path} {problem}")
    _require_unsaid(reading, {"sheet"}, f"{path} is a text table")
    remembered = replace(remembered, sheet=None)
    with _explained(path, start):
        return CsvFile(path, mapping, required=required, layers=layers, reading=reading, remembered=remembered)


@contextmanager
def _explained(path: Path, start: bytes) -> Iterator[None]:
    """Call a damaged Parquet file that, by its name, in place of a bad text table."""
    try:
        yield
    except InputError as error:
        if _is_damaged(path, start):
            reason = "because it does not begin as one; export or copy it again"
            raise InputError(f"{path} {_DAMAGED}, {reason}") from error
        raise


def _kind_of(path: Path) -> str:
    """Return the kind of a file's content, in words, or "" for an empty file."""
    _, start = compression.detect(path)
    if start.startswith(_PARQUET):
        return "is a Parquet file"
    if start.startswith(Compression.ZIP.value):
        return "is a workbook"
    if _is_damaged(path, start):
        return _DAMAGED
    return TEXT if start else ""


def _is_damaged(path: Path, start: bytes) -> bool:
    """Return whether a file has the name of a Parquet file, and begins neither as one nor as a text."""
    start = start[:_FIRST_BYTES]
    has_others = re.search(rb"[\x00-\x08\x0e-\x1f\x7f]", start) or "\ufffd" in start.decode("utf-8", "replace")[:-3]
    return path.suffix.lower() in _PARQUET_NAMES and bool(has_others)


def _require_unsaid(reading: Reading, names: AbstractSet[str], problem: str) -> None:
    """Raise UsageError if the user says something that is meaningless for this kind of file."""
    if said := sorted(names & reading.said().keys()):
        raise UsageError(f"{problem}; --{said[0].replace('_', '-')} is for {_KINDS[said[0]]}")
