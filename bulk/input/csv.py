"""Reads a text table and yields its cells as text, frame by frame."""

from __future__ import annotations

import codecs
import itertools
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

import polars as pl

from bulk.errors import InputError
from bulk.input import dialect, encoding, records
from bulk.input.columns import REQUIRED, Header, read_header
from bulk.input.compression import Layers
from bulk.input.frames import CELLS, SURPLUS, cell, replace_nuls, wrap_polars_errors
from bulk.text import count

_MAX_SURPLUS_COLUMNS: Final = 20
_USUAL: Final = {".tsv": "\t", ".tab": "\t", ".psv": "|"}
"""The delimiters that names of files suggest. Any other name suggests a comma."""
_HEADER_SIZE: Final = 1 << 20  # bytes; a longer header is rejected


class CsvFile:
    """A text table whose header has been read."""

    def __init__(
        self, path: Path, mapping: Mapping[str, str], *, required: Sequence[str] = REQUIRED, layers: Layers = ()
    ) -> None:
        usual = next((_USUAL[suffix] for suffix in map(str.lower, path.suffixes) if suffix in _USUAL), ",")
        self._path = path
        self._file, notes = encoding.detect(path, layers)
        start = self._file.start(_HEADER_SIZE).decode("utf-8", "ignore")
        self._dialect = dialect.detect(path, start, mapping, usual=usual)
        self._width = len(self._dialect.names)
        self.header: Header = read_header(path, self._dialect.names, mapping, required=required, is_csv=True)
        self.notes = (*notes, *self._notes(usual), *self.header.notes)

    def frames(self) -> Iterator[pl.DataFrame]:
        """Yield the cells of all rows in columns `c0`, `c1`, …, with `cells` and `surplus` if rows are ragged."""
        splitter = records.BlockSplitter(self._path, self._dialect.delimiter, self._width)
        for block in splitter.blocks(self._after_header()):
            yield self._frame(block)

    def _notes(self, usual: str) -> Iterator[str]:
        if self._dialect.delimiter != usual:
            yield f"its cells are separated by {dialect.DELIMITERS[self._dialect.delimiter]}"
        if self._file.has_bare_returns:
            yield "its lines end with carriage returns alone"

    def _after_header(self) -> Iterator[bytes]:
        """Yield the text after the lines of the header."""
        chunks = self._file.chunks()
        left = self._dialect.header_lines
        for chunk in chunks:
            at = 0
            while left and (newline := chunk.find(b"\n", at)) >= 0:
                at, left = newline + 1, left - 1
            if not left:
                return itertools.chain([chunk[at:]], chunks)
        return iter(())

    def _frame(self, block: records.Block) -> pl.DataFrame:
        longest = self._width if block.cells is None else max(block.cells)
        width = max(self._width, min(longest, self._width + _MAX_SURPLUS_COLUMNS))
        names = [cell(place) for place in range(width)]
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
        return frame if block.cells is None else self._with_surplus(frame, block.cells, names[self._width :])

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

    def _with_surplus(self, frame: pl.DataFrame, cells: Sequence[int], beyond: Sequence[str]) -> pl.DataFrame:
        """Put the cells beyond the last column into one column, as they are in the file."""
        delimiter = self._dialect.delimiter
        texts = pl.concat_str(pl.lit(""), *beyond, separator=delimiter, ignore_nulls=True)
        surplus = texts.str.strip_prefix(delimiter).replace("", None).alias(SURPLUS)
        return frame.with_columns(pl.Series(CELLS, cells, dtype=pl.Int64), surplus).drop(beyond)
