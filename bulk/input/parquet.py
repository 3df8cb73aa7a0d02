"""Reads a table from a Parquet file and yields its cells as text, frame by frame.

pyarrow reads it page by page, so row groups may have any size. Its errors are exceptions; polars ends the process or
prints a backtrace for some damaged files. The fields are read strictly. Another column that cannot be read is dropped,
with a note.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from bulk.errors import InputError
from bulk.input.arrow_cells import count_far_times, has_unknown_zone
from bulk.input.binary_text import BinaryFields, extra_texts, utf8_texts
from bulk.input.cell_text import as_text
from bulk.input.column_names import quoted
from bulk.input.columns import REQUIRED, Header, read_header
from bulk.input.files import wrap_read_errors
from bulk.input.frames import NOT_TEXT, cell, first_line, replace_nuls, wrap_polars_errors
from bulk.input.parquet_columns import READ_ERRORS, ParquetColumn, batches, columns_of, dictionaries, unreadable
from bulk.reading import NOTHING_SAID
from bulk.text import count

_ROWS: Final = 40_000  # in a frame
_SIZE: Final = 2**24
"""The size of a frame, in bytes, at which it gets no more rows."""
_ROWS_AT_ONCE: Final = 2_000
"""The most rows to read before their size is known. A text that the file stores once may be in all of them."""
_MAX_TEXT: Final = 2**26
"""The most bytes of text in a frame of more than one row."""
_BUFFERS: Final = 2**24
"""The size of all columns' buffers together, in bytes."""
_BUFFER_SIZES: Final = (2**10, 2**16)
_MARK, _ENCRYPTED_MARK = b"PAR1", b"PARE"
_ENCRYPTED: Final = re.compile(r"decrypt|encrypted", re.IGNORECASE)
_ENCRYPTION: Final = "is encrypted; export it without encryption"


class ParquetFile:
    """A Parquet file whose schema has been read."""

    reading = NOTHING_SAID

    def __init__(self, path: Path, mapping: Mapping[str, str], *, required: Sequence[str] = REQUIRED) -> None:
        self._path = path
        _require_parquet(path)
        with _opened(path) as file:
            columns = columns_of(file)
            faults = unreadable(file, columns)
            self._columns = [column for column in columns if column.place not in faults]
            self._dictionaries = dictionaries(file, self._columns)
        self.header: Header = _header(path, columns, mapping, required)
        if faults:
            fields = {self.header.places[field]: field for field in self.header.places}
            for place in sorted(fields.keys() & faults.keys()):
                raise _strict(path, fields[place], faults[place])
            self.header = _header(path, self._columns, mapping, required)
        dropped = [f"column {quoted(columns[at].name)} is left out: it {_reason(faults[at])}" for at in sorted(faults)]
        self._notes = (*self.header.notes, *_type_notes(path, self._columns, self.header), *dropped)
        self._lost: Counter[int] = Counter()  # cells that could not be read, by the place of their column
        self._far: Counter[int] = Counter()  # times that are too far from today for a calendar
        self._binary = BinaryFields()

    @property
    def notes(self) -> tuple[str, ...]:
        """Notes about the columns, and about cells that are not UTF-8 or cannot be read."""
        lost = (
            f"{count(cells, 'cell')} of column {quoted(self._columns[at].name)} cannot be read and "
            f"{'is' if cells == 1 else 'are'} left empty"
            for at, cells in sorted(self._lost.items())
        )
        far = (
            f"{count(cells, 'time')} in column {quoted(self._columns[at].name)} cannot be shown as "
            f"{'a date and is the number' if cells == 1 else 'dates and are the numbers'} in the file"
            for at, cells in sorted(self._far.items())
            if cells
        )
        return (*self._notes, *lost, *far, *self._binary.notes())

    def frames(self) -> Iterator[pl.DataFrame]:
        """Yield the cells of all rows in columns `c0`, `c1`, …"""
        self._binary, self._lost, self._far = BinaryFields(), Counter(), Counter()
        with _opened(self._path, self._dictionaries) as file:
            missing = file.metadata.num_rows
            for table in _joined(batches(file, self._columns, _ROWS_AT_ONCE)):
                missing -= table.num_rows
                for part in _portions(self._frame(table)):
                    yield self._texts(part)
        if missing:
            raise _unreadable(self._path, "rows are missing")

    def _frame(self, table: pa.Table) -> pl.DataFrame:
        """Return the cells with their types, and in columns `b0`, `b1`, … the cells of texts that are not UTF-8."""
        cells: list[pl.Series] = []
        for place, (column, chunks) in enumerate(zip(self._columns, table.columns, strict=True)):
            values = self._cells(place, column, chunks)
            if values.dtype == pl.Binary and column.is_text:
                texts = utf8_texts(values)
                others = values.zip_with(texts.is_null(), pl.Series([None], dtype=pl.Binary))
                cells.append(others.alias(_bytes(place)))
                values = texts
            cells.append(values.alias(cell(place)))
        return pl.DataFrame(cells)

    def _cells(self, place: int, column: ParquetColumn, chunks: pa.ChunkedArray) -> pl.Series:
        try:
            array = chunks.combine_chunks()
            cells = column.cells(array)
            self._far[place] += count_far_times(array)
        except READ_ERRORS as error:
            if place in self.header.places.values():
                raise _unreadable(self._path, f"column {quoted(column.name)}: {first_line(error)}") from error
            self._lost[place] += len(chunks) - chunks.null_count
            return pl.Series([None] * len(chunks), dtype=pl.String)
        return cells

    def _texts(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Return the text of all cells."""
        types = frame.schema
        binary = {}
        for field, place in self.header.places.items():
            for name in (_bytes(place), cell(place)):
                if types.get(name) == pl.Binary:
                    binary[field] = name
        read = self._binary.texts(frame, binary)
        texts = {NOT_TEXT: read.pop(NOT_TEXT)} if NOT_TEXT in read else {}
        for field, values in read.items():
            name = cell(self.header.places[field])
            texts[name] = values if binary[field] == name else _completed(frame[name], values)
        for place in range(len(self._columns)):
            if types.get(_bytes(place)) == pl.Binary and cell(place) not in texts:
                texts[cell(place)] = _completed(frame[cell(place)], extra_texts(frame[_bytes(place)]))
        others = [
            as_text(pl.col(name), dtype).alias(name)
            for name, dtype in types.items()
            if name not in texts and not name.startswith("b")
        ]
        frame = frame.select(*others, *(values.alias(name) for name, values in texts.items()))
        return frame.with_columns(replace_nuls(self.header, len(self._columns)))


def _header(
    path: Path, columns: Sequence[ParquetColumn], mapping: Mapping[str, str], required: Sequence[str]
) -> Header:
    return read_header(path, [column.name for column in columns], mapping, required=required, is_csv=False)


def _completed(texts: pl.Series, others: pl.Series) -> pl.Series:
    """Return texts, with those that were not UTF-8 from the second series. An empty text becomes null, as in CSV."""
    return texts.zip_with(texts.is_not_null(), others).replace("", None)


def _bytes(place: int) -> str:
    return f"b{place}"


def _type_notes(path: Path, columns: Sequence[ParquetColumn], header: Header) -> Iterator[str]:
    for column in columns:
        if has_unknown_zone(column.kind):
            zone = quoted(column.kind.tz)
            yield f"the times in column {quoted(column.name)} are in UTC, because their time zone {zone} is unknown"
    for field, place in header.places.items():
        column = columns[place]
        if column.is_nested:
            raise InputError(f"{path}: its {field} column has lists or structs, not texts; write one text for each row")
        if column.is_number:
            numbers = "floating-point numbers" if pa.types.is_floating(column.kind) else "numbers"
            yield f"its {field} column has {numbers}, read as their digits; leading zeros are lost"


@contextmanager
def _opened(path: Path, dictionaries: Sequence[str] = ()) -> Iterator[pq.ParquetFile]:
    """Open a file, and turn each error of reading it into an `InputError` of one line."""
    smallest, largest = _BUFFER_SIZES
    with wrap_read_errors(path), path.open("rb"):
        pass  # the errors of the operating system have their own words
    try:
        metadata = pq.read_metadata(path)
        size = min(max(_BUFFERS // max(metadata.num_columns, 1), smallest), largest)
        options = {
            "read_dictionary": list(dictionaries),
            "buffer_size": size,
            "pre_buffer": False,
            "metadata": metadata,
        }
        with pq.ParquetFile(path, **options) as file, wrap_polars_errors(path):
            yield file
    except InputError:
        raise
    except READ_ERRORS as error:
        if _ENCRYPTED.search(str(error)):
            raise InputError(f"{path} {_ENCRYPTION}") from error
        raise _unreadable(path, _in_words(error)) from error


def _joined(parts: Iterator[pa.RecordBatch]) -> Iterator[pa.Table]:
    """Join consecutive parts to tables of a useful size."""
    held: list[pa.RecordBatch] = []
    rows = size = 0
    for part in parts:
        held.append(part)
        rows, size = rows + part.num_rows, size + part.nbytes
        if rows >= _ROWS or size >= _SIZE:
            yield pa.Table.from_batches(held)
            held, rows, size = [], 0, 0
    if held:
        yield pa.Table.from_batches(held)


def _portions(frame: pl.DataFrame) -> Iterator[pl.DataFrame]:
    """Split a frame with long cells. A text that the file stores once may be in thousands of cells."""
    names = [name for name, dtype in frame.schema.items() if dtype in (pl.String, pl.Binary)]
    sizes = (pl.col(name).cast(pl.Binary).bin.size().cast(pl.Int64).sum() for name in names)
    size = int(frame.select(pl.sum_horizontal(pl.lit(0), *sizes)).item())
    return frame.iter_slices(max(1, frame.height * _MAX_TEXT // max(size, _MAX_TEXT)))


def _require_parquet(path: Path) -> None:
    with wrap_read_errors(path), path.open("rb") as file:
        start = file.read(len(_MARK))
    if not start:
        raise InputError(f"{path} is empty; it must have a column for each field and a row for each customer")
    if start == _ENCRYPTED_MARK:
        raise InputError(f"{path} {_ENCRYPTION}")
    if start != _MARK:
        raise InputError(f"{path} is not a Parquet file; if it is a text table, rename it to .csv")


def _unreadable(path: Path, reason: str) -> InputError:
    return InputError(f"{path} cannot be read as a table ({reason}); export it again")


def _strict(path: Path, field: str, error: BaseException) -> InputError:
    """Return the error for a field whose column cannot be read."""
    if _ENCRYPTED.search(str(error)):
        return InputError(f"{path}: its {field} column {_ENCRYPTION}")
    return _unreadable(path, f"its {field} column: {_in_words(error)}")


def _reason(error: BaseException) -> str:
    return "is encrypted" if _ENCRYPTED.search(str(error)) else f"cannot be read ({_in_words(error)})"


def _in_words(error: BaseException) -> str:
    """Return the cause of an error of pyarrow in words for the file's author."""
    if "more than 64 bits" in str(error):
        return "a column has whole numbers of more than 64 bits; write them as text"
    if isinstance(error, MemoryError):
        return "it needs too much memory"
    is_damage = isinstance(error, pa.ArrowInvalid | OSError)
    return "it is incomplete or damaged" if is_damage else first_line(error)
