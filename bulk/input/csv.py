"""Reads a table from a text file: finds the delimiter and the header, then yields the cells as text, frame by frame."""

from __future__ import annotations

import csv
import io
import itertools
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

import polars as pl

from bulk.errors import InputError
from bulk.input import encoding, records
from bulk.input.columns import NEEDED, Header, matches, read_header
from bulk.input.frames import CELLS, SURPLUS, cell, unpanicked, without_nuls

_DELIMITERS: Final = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}
_WIDEST_SURPLUS: Final = 20
_HEAD: Final = 1 << 20


class CsvFile:
    """A text table, opened: its header is read, its rows are not yet."""

    def __init__(self, path: Path, mapping: Mapping[str, str], *, needed: Sequence[str] = NEEDED) -> None:
        names = path.name.lower()
        self._survey = encoding.survey(path, is_compressed=names.endswith(".gz"))
        usual = "\t" if names.removesuffix(".gz").endswith(".tsv") else ","
        self._path = path
        self.digest = self._survey.digest
        head = self._head()
        declared = _declared(head)
        self._delimiter = declared or _delimiter(head, mapping, usual)
        names_found, self._header_lines = _first_row(path, head, self._delimiter, skip=1 if declared else 0)
        self.header: Header = read_header(path, names_found, mapping, needed=needed, has_guards=True)
        self._width = len(names_found)
        self.notes = (*self._survey.notes, *self._told(usual), *self.header.notes)

    def frames(self) -> Iterator[pl.DataFrame]:
        """The rows' cells as text in columns `c0`, `c1`, …, with `cells` and `surplus` where rows are ragged."""
        cutter = records.Cutter(self._path, self._delimiter, self._width)
        for block in cutter.blocks(self._after_header()):
            yield self._parsed(block)

    def _told(self, usual: str) -> Iterator[str]:
        if self._delimiter != usual:
            yield f"its cells are separated by {_DELIMITERS[self._delimiter]}"
        if self._survey.has_bare_returns:
            yield "its lines end with carriage returns alone"

    def _head(self) -> str:
        taken: list[bytes] = []
        for chunk in encoding.chunks(self._survey):
            taken.append(chunk)
            if sum(map(len, taken)) >= _HEAD:
                break
        return b"".join(taken)[:_HEAD].decode("utf-8", "ignore")

    def _after_header(self) -> Iterator[bytes]:
        """The text from behind the header on: exactly as many lines are left out as the header took."""
        chunks = encoding.chunks(self._survey)
        left = self._header_lines
        for chunk in chunks:
            at = 0
            while left and (newline := chunk.find(b"\n", at)) >= 0:
                at, left = newline + 1, left - 1
            if not left:
                return itertools.chain([chunk[at:]], chunks)
        return iter(())

    def _parsed(self, block: records.Block) -> pl.DataFrame:
        most = self._width if block.cells is None else max(block.cells)
        width = max(self._width, min(most, self._width + _WIDEST_SURPLUS))
        names = [cell(place) for place in range(width)]
        with unpanicked(self._path):
            frame = pl.read_csv(
                self._delimiter.join(names).encode() + b"\n" + block.text,
                separator=self._delimiter,
                schema=dict.fromkeys(names, pl.String),
                truncate_ragged_lines=True,
                extra_columns="ignore",
                missing_columns="insert",
                raise_if_empty=False,
                glob=False,
            )
        if len(frame) != block.rows:
            raise InputError(f"{self._path}: {block.rows} rows were read as {len(frame)}; save it again as CSV")
        if b'""' in block.text:
            frame = frame.with_columns(pl.when(pl.all() != "").then(pl.all()))  # polars keeps "" apart from nothing
        if b"\0" in block.text:
            frame = frame.with_columns(without_nuls(self.header, self._width))
        if block.cells is None:
            return frame
        beyond = names[self._width :]
        texts = pl.concat_str(pl.lit(""), *beyond, separator=self._delimiter, ignore_nulls=True)
        surplus = texts.str.strip_prefix(self._delimiter).replace("", None).alias(SURPLUS)
        return frame.with_columns(pl.Series(CELLS, block.cells, dtype=pl.Int64), surplus).drop(beyond)


def _declared(head: str) -> str | None:
    """The delimiter that Excel's own first line `sep=;` names; that line is no header."""
    said = re.match(r"\s*\"?sep=(.)\"?[ \t,;|]*\r?\n", head, re.IGNORECASE)
    return said[1] if said and said[1] in _DELIMITERS else None


def _delimiter(head: str, mapping: Mapping[str, str], usual: str) -> str:
    """The delimiter under which the header names most fields; if that does not tell, the one it holds most often."""
    line = re.sub(r'"[^"]*"', lambda quoted: "x" * len(quoted[0]), head.lstrip()).split("\n", 1)[0]

    def worth(delimiter: str) -> tuple[int, int, bool]:
        try:
            names = next(csv.reader(io.StringIO(head.lstrip()[: len(line)]), delimiter=delimiter), [])
        except csv.Error:  # this may not be the delimiter; if it is, the header is refused when it is read
            names = []
        return matches(names, mapping), line.count(delimiter), delimiter == usual

    return max(_DELIMITERS, key=worth)


def _first_row(path: Path, head: str, delimiter: str, *, skip: int) -> tuple[list[str], int]:
    """The header's cells, and how many lines of the file are gone once it is read."""
    reader = csv.reader((line + "\n" for line in head.split("\n")), delimiter=delimiter)
    try:
        for row in reader:
            if any(name.strip() for name in row):
                if not skip:
                    if any("\0" in name for name in row):
                        raise InputError(f"{path}: holds NUL bytes in its header; save it again as CSV in UTF-8")
                    return row, reader.line_num
                skip -= 1
    except csv.Error as error:
        raise InputError(
            f"{path}: its header cannot be read ({error}); the first line must name the columns"
        ) from error
    raise InputError(f"{path}: has no header; its first line must name the columns")
