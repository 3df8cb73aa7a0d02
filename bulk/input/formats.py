"""Selects the reader of a file by its name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from bulk.errors import InputError
from bulk.input.columns import REQUIRED
from bulk.input.csv import CsvFile
from bulk.input.folder import Folder
from bulk.input.frames import Table

_TEXTS: Final = (".csv", ".csv.gz", ".tsv", ".tsv.gz", ".txt", ".txt.gz")
_WORKBOOKS: Final = (".xlsx", ".xlsm", ".xlsb", ".xls", ".ods", ".numbers")


def open_table(path: Path, mapping: Mapping[str, str], *, required: Sequence[str] = REQUIRED) -> Table:
    """Read a table's header; `required` are the fields that it must have. Raises InputError, UsageError."""
    name = path.name.lower()
    if path.is_dir():
        return Folder(path, mapping, required=required, open_part=open_table)
    if not path.is_file():
        raise InputError(f"{path} is not an ordinary file; save its content in a file first")
    if name.endswith(".parquet"):
        from bulk.input.parquet import ParquetFile  # here, since pyarrow takes time and memory

        return ParquetFile(path, mapping, required=required)
    if name.endswith(_TEXTS):
        return CsvFile(path, mapping, required=required)
    if name.endswith(_WORKBOOKS):
        raise InputError(f"{path} is a workbook; save its sheet as CSV (UTF-8) and use that file")
    raise InputError(f"{path}: unknown file format; use a .csv, .csv.gz, .tsv or .parquet file")
