"""Reads a text table and yields its cells as text, frame by frame."""

from __future__ import annotations

import codecs
import itertools
import shlex
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

import polars as pl

from bulk.errors import InputError, UsageError
from bulk.input import dialect, encoding, own_reports, records
from bulk.input.columns import REQUIRED, Header, read_header
from bulk.input.compression import Layers
from bulk.input.frames import AFTER_QUOTE, CELLS, SURPLUS, WIDE, cell, replace_nuls, wrap_polars_errors
from bulk.input.left_out import LeftOut
from bulk.input.row_ends import has_empty_end
from bulk.reading import NOTHING_SAID, Reading
from bulk.text import count

_MAX_SURPLUS_COLUMNS: Final = 20
_USUAL: Final = {".tsv": "\t", ".tab": "\t", ".psv": "|"}
"""The delimiters that names of files suggest. Any other name suggests a comma."""
_COMMENTS: Final = ("#", "//", "--", "%")
"""Prefixes of lines that are probably comments."""
_HEADER_SIZE: Final = 1 << 20  # bytes; a longer header is rejected


class CsvFile:
    """A text table whose header has been read."""

    def __init__(
        self,
        path: Path,
        mapping: Mapping[str, str],
        *,
        required: Sequence[str] = REQUIRED,
        layers: Layers = (),
        reading: Reading = NOTHING_SAID,
        remembered: Reading = NOTHING_SAID,
    ) -> None:
        usual = next((_USUAL[suffix] for suffix in map(str.lower, path.suffixes) if suffix in _USUAL), ",")
        self._path = path
        self._file, notes = encoding.detect(path, layers, named=reading.encoding, remembered=remembered.encoding)
        start = self._file.start(_HEADER_SIZE).decode("utf-8", "ignore")
        if not _is_own_report(start):
            reading |= remembered
        self.reading = reading
        comment = reading.comment or ""
        self._dialect = dialect.detect(
            path, start, mapping, usual=usual, skipped=reading.skip_rows or 0, comment=comment
        )
        self._names = self._dialect.names
        self._width = len(self._names)
        self.header: Header = self._header(start, mapping, required)
        self._fixed_notes = (*notes, *self._notes(usual), *self.header.notes)
        self._empty_ends = 0
        self._left_out = LeftOut(path, self.header, self._names, comment, is_certain=False)

    @property
    def notes(self) -> tuple[str, ...]:
        """Notes about the table. They are complete when `frames` has reached the end."""
        ends = f"{count(self._empty_ends, 'row has', 'rows have')} empty cells beyond the last column; they are ignored"
        return (*self._fixed_notes, *((ends,) if self._empty_ends else ()), *self._left_out.notes)

    def frames(self) -> Iterator[pl.DataFrame]:
        """Yield the cells of all rows in columns `c0`, `c1`, …, with `cells` and `surplus` if rows are ragged."""
        self._left_out.begin()
        self._empty_ends = 0
        splitter = records.BlockSplitter(self._path, self._dialect.delimiter, self._width)
        for block in splitter.blocks(self._after_header()):
            yield self._left_out.customers(self._frame(block))

    def _header(self, start: str, mapping: Mapping[str, str], required: Sequence[str]) -> Header:
        """Find the fields. Raises InputError, with the place of the header if it is further down."""
        try:
            return read_header(self._path, self._names, mapping, required=required, is_csv=True)
        except UsageError as error:
            place = dialect.find_header(start, mapping)
            lines = start.split("\n")
            if place is None or place < self._dialect.header_lines:
                raise
            raise InputError(
                f"{self._path} has no column for the fields in its first line, but line {place + 1:,} looks like the "
                f"header: add {_proposal(lines[:place], lines[place:])}"
            ) from error

    def _notes(self, usual: str) -> Iterator[str]:
        if self._dialect.delimiter != usual:
            yield f"its cells are separated by {dialect.DELIMITERS[self._dialect.delimiter]}"
        if self._file.has_bare_returns:
            yield "its lines end with carriage returns alone"
        if self._file.has_double_returns:
            yield "its lines end with two carriage returns and a newline"

    def _after_header(self) -> Iterator[bytes]:
        """Yield the text after the lines of the header."""
        chunks = self._file.chunks(are_large=self._width > WIDE)
        left = self._dialect.header_lines
        for chunk in chunks:
            at = 0
            while left and (newline := chunk.find(b"\n", at)) >= 0:
                at, left = newline + 1, left - 1
            if not left:
                return itertools.chain([chunk[at:]], chunks)
        return iter(())

    def _frame(self, block: records.Block) -> pl.DataFrame:
        longest = self._width if block.cells is None else max(self._width, max(block.cells))
        names = [cell(place) for place in range(min(longest, self._width + _MAX_SURPLUS_COLUMNS))]
        if block.text.startswith(codecs.BOM_UTF8):  # polars would drop it, though it belongs to a cell
            frame = self._parsed(b"\n" + block.text, names).slice(1)
        else:
            frame = self._parsed(block.text, names)
        if len(frame) != block.rows:
            raise InputError(
                f"{self._path}: {count(block.rows, 'row')} were read as {len(frame):,}; save it again as CSV"
            )
        frame = frame.with_columns(pl.when(pl.all() != "").then(pl.all()))  # polars reads "" as a text, not as null
        if b"\0" in block.text:
            frame = frame.with_columns(replace_nuls(self.header, self._width))
        if block.after_quotes:
            texts = [block.after_quotes.get(row) for row in range(block.rows)]
            frame = frame.with_columns(pl.Series(AFTER_QUOTE, texts, dtype=pl.String))
        if block.cells is None:  # every row is regular
            return frame
        return self._with_surplus(frame, pl.Series(CELLS, block.cells, dtype=pl.Int64), names[self._width :])

    def _parsed(self, text: bytes, names: Sequence[str]) -> pl.DataFrame:
        delimiter = self._dialect.delimiter
        with wrap_polars_errors(self._path):
            return pl.read_csv(
                text,
                has_header=False,
                separator=delimiter,
                schema=dict.fromkeys(names, pl.String),
                truncate_ragged_lines=True,
                extra_columns="ignore",
                missing_columns="insert",
                raise_if_empty=False,
                glob=False,
            )

    def _with_surplus(self, frame: pl.DataFrame, cells: pl.Series, beyond: Sequence[str]) -> pl.DataFrame:
        """Put the cells beyond the last column into one column, as they are in the file, unless all are empty."""
        delimiter = self._dialect.delimiter
        texts = pl.concat_str(pl.lit(""), *beyond, separator=delimiter, ignore_nulls=True)
        surplus = texts.str.strip_prefix(delimiter).replace("", None)
        frame = frame.with_columns(cells)
        is_empty = frame.select(has_empty_end(self.header, self._width, beyond)).to_series()
        self._empty_ends += int(is_empty.sum())
        surplus = pl.when(~is_empty).then(surplus).alias(SURPLUS)
        counted = pl.when(is_empty).then(self._width).otherwise(CELLS).alias(CELLS)
        return frame.with_columns(counted, surplus).drop(beyond)


def _is_own_report(start: str) -> bool:
    """Return whether a text begins with the header of a file that bulk wrote for corrections."""
    names = start.lstrip("\ufeff").partition("\n")[0].rstrip("\r").replace('"', "")
    return any(own_reports.recognize(names.split(delimiter), is_csv=True).added for delimiter in dialect.DELIMITERS)


def _proposal(before: Sequence[str], others: Sequence[str]) -> str:
    """Return the option that leaves out the lines before the header, and none of the others."""
    texts = [line for line in before if line.strip()]
    prefix = next((each for each in _COMMENTS if texts and all(text.startswith(each) for text in texts)), None)
    if prefix and not any(line.lstrip('"').startswith(prefix) for line in others):
        return f"--comment {shlex.quote(prefix)}"
    return f"--skip-rows {len(before)}"
