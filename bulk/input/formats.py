"""Selects the reader of a file by its content, whatever its name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Final

from bulk.errors import InputError, UsageError
from bulk.input import compression
from bulk.input.columns import REQUIRED
from bulk.input.csv import CsvFile
from bulk.input.files import wrap_read_errors
from bulk.input.folder import Folder
from bulk.input.frames import Table
from bulk.reading import NOTHING_SAID, Reading

_PARQUET: Final = (b"PAR1", b"PARE")  # the second begins a file with an encrypted footer
_OTHER_FORMATS: Final = (
    (b"\xd0\xcf\x11\xe0", "is an old or encrypted Excel workbook, not a text table; save it as CSV"),
    (b"%pdf-", "is a PDF file, not a text table; save it as CSV"),
    (b"<!doctype", "is a web page, not a text table; open it in a spreadsheet and save it as CSV"),
    (b"<html", "is a web page, not a text table; open it in a spreadsheet and save it as CSV"),
    (b"<table", "is a web page, not a text table; open it in a spreadsheet and save it as CSV"),
    (b"<?xml", "is an XML file, not a text table; open it in a spreadsheet and save it as CSV"),
)


def open_table(
    path: Path,
    mapping: Mapping[str, str],
    *,
    required: Sequence[str] = REQUIRED,
    reading: Reading = NOTHING_SAID,
    remembered: Reading = NOTHING_SAID,
) -> Table:
    """Read a table's header; `required` are the fields that it must have. Raises InputError, UsageError.

    `reading` is how the user says that a text table is to be read, and `remembered` what was said before. A correction
    of our own reports is not read as it was remembered.
    """
    if path.is_dir():
        opening = partial(open_table, reading=reading, remembered=remembered)
        return Folder(path, mapping, required=required, open_part=opening)
    with wrap_read_errors(path):
        path.stat()
    if not path.is_file():
        raise InputError(f"{path} is not an ordinary file; save its content in a file first")
    layers, start = compression.detect(path)
    if start.startswith(_PARQUET):
        if layers:
            raise InputError(f"{path} is a compressed Parquet file; unpack it first")
        if reading.said():
            raise UsageError(f"{path} is a Parquet file; {reading.options()[0]} is for text tables")
        from bulk.input.parquet import ParquetFile  # here, since pyarrow takes time and memory

        return ParquetFile(path, mapping, required=required)
    beginning = start.removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    for signature, problem in _OTHER_FORMATS:
        if beginning.startswith(signature):
            raise InputError(f"{path} {problem}")
    return CsvFile(path, mapping, required=required, layers=layers, reading=reading, remembered=remembered)
