"""Finds the columns of a Parquet file that can be read, and reads the cells of one column."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from bulk.input.arrow_cells import BYTES, TEXTS, intervals, is_any, series

_SHORT: Final = 4
"""The size of a text in a file, in bytes, that shows that the file stores a number in its place."""
_LONG: Final = 64
READ_ERRORS: Final = (pa.ArrowException, OSError, MemoryError, TypeError, ValueError, OverflowError, LookupError)
"""What pyarrow raises for files and cells that it cannot read."""


@dataclass(frozen=True)
class ParquetColumn:
    """A column of the table. It may consist of several columns of the file, if it is nested."""

    place: int
    name: str
    kind: pa.DataType
    leaves: range
    """The places of its columns in the file."""
    is_interval: bool

    @property
    def is_nested(self) -> bool:
        """Whether its cells are lists, structs or maps."""
        return len(self.leaves) != 1 or pa.types.is_nested(_storage(self.kind))

    @property
    def is_text(self) -> bool:
        """Whether its cells are texts, which may have bytes that are not UTF-8 all the same."""
        kind = _storage(self.kind)
        return is_any(kind.value_type if pa.types.is_dictionary(kind) else kind, TEXTS)

    @property
    def is_number(self) -> bool:
        """Whether its cells are numbers."""
        return is_any(self.kind, (pa.types.is_integer, pa.types.is_floating, pa.types.is_decimal))

    def cells(self, array: pa.Array) -> pl.Series:
        """Return its cells in a part of the table. Raises one of `READ_ERRORS`."""
        try:
            return intervals(array) if self.is_interval else series(array)
        except pl.exceptions.PolarsError as error:
            raise ValueError(str(error)) from error


def columns_of(file: pq.ParquetFile) -> tuple[ParquetColumn, ...]:
    """Return the columns of the table in a file."""
    columns = []
    start = 0
    for place, field in enumerate(file.schema_arrow):
        leaves = range(start, start + _leaf_count(field.type))
        is_interval = len(leaves) == 1 and file.schema.column(start).converted_type == "INTERVAL"
        columns.append(ParquetColumn(place, field.name, field.type, leaves, is_interval))
        start = leaves.stop
    return tuple(columns)


def unreadable(file: pq.ParquetFile, columns: Sequence[ParquetColumn]) -> dict[int, BaseException]:
    """Return the error of each column whose first row cannot be read, by its place."""
    if not file.metadata.num_rows:
        return {}
    return dict(_search(file, columns))


def dictionaries(file: pq.ParquetFile, columns: Sequence[ParquetColumn]) -> list[str]:
    """Return the names of the columns whose texts are better read as numbers of words.

    The file stores each different text once, and some texts may be long, and in thousands of cells. A cell of its own
    takes four bytes and its text, so a smaller average shows such a column. A larger one shows that texts are long.
    """
    if not file.metadata.num_row_groups:
        return []
    group = file.metadata.row_group(0)
    names = []
    for column in columns:
        if len(column.leaves) == 1 and _is_bytes(_storage(column.kind)):
            chunk = group.column(column.leaves.start)
            average = chunk.total_uncompressed_size / max(chunk.num_values, 1)
            if chunk.has_dictionary_page and not _SHORT <= average <= _LONG:
                names.append(chunk.path_in_schema)
    return names


def batches(file: pq.ParquetFile, columns: Sequence[ParquetColumn], rows: int) -> Iterator[pa.RecordBatch]:
    """Yield the cells of these columns in parts, each of at most `rows` rows."""
    yield from file.reader.iter_batches(  # by place: names may be repeated, and may contain dots
        rows,
        row_groups=range(file.metadata.num_row_groups),
        column_indices=[leaf for column in columns for leaf in column.leaves],
        use_threads=False,
    )


def _search(file: pq.ParquetFile, columns: Sequence[ParquetColumn]) -> Iterator[tuple[int, BaseException]]:
    """Yield the place and the error of each column that cannot be read. Nearly always all of them can."""
    try:
        first = next(batches(file, columns, 1))
        for column, array in zip(columns, first.columns, strict=True):
            column.cells(array)
    except READ_ERRORS as error:
        if len(columns) == 1:
            yield columns[0].place, error
            return
        middle = len(columns) // 2
        yield from _search(file, columns[:middle])
        yield from _search(file, columns[middle:])


def _storage(kind: pa.DataType) -> pa.DataType:
    return _storage(kind.storage_type) if isinstance(kind, pa.BaseExtensionType) else kind


def _is_bytes(kind: pa.DataType) -> bool:
    return is_any(kind, TEXTS) or is_any(kind, BYTES)


def _leaf_count(kind: pa.DataType) -> int:
    """Return the number of a file's columns that a column of this type has."""
    kind = _storage(kind)
    if pa.types.is_dictionary(kind):
        return _leaf_count(kind.value_type)
    if not pa.types.is_nested(kind):
        return 1
    return sum(_leaf_count(kind.field(at).type) for at in range(kind.num_fields))
