"""Reads a folder of parts as one table, one part after the other."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final, Protocol

import polars as pl

from bulk.errors import InputError
from bulk.input.columns import REQUIRED, Header, read_header
from bulk.input.frames import CELLS, NOT_TEXT, SURPLUS, TYPED, Table, cell
from bulk.input.parts import Part, parts_of, with_rows
from bulk.reading import NOTHING_SAID
from bulk.text import count, series

_MAX_ROWS: Final = 40_000  # in a frame of several parts
_MAX_SIZE: Final = 2**24  # bytes
_MAX_NOTES: Final = 5
"""The most notes about single parts."""


class OpenPart(Protocol):
    """Opens a file as a table."""

    def __call__(self, path: Path, mapping: Mapping[str, str], *, required: Sequence[str]) -> Table:
        """Read the header of a file."""


class Folder:
    """A folder of parts whose headers have been read. It has the columns of all parts, and those of folders' names."""

    def __init__(
        self,
        path: Path,
        mapping: Mapping[str, str],
        *,
        open_part: OpenPart,
        kind_of: Callable[[Path], str],
        required: Sequence[str] = REQUIRED,
    ) -> None:
        self._open = open_part
        self._parts = with_rows(path, parts_of(path), kind_of)
        tables = [open_part(part.path, {}, required=()) for part in self._parts]
        self._columns = [table.header.columns for table in tables]
        self.reading = next((table.reading for table in tables if table.reading.said()), NOTHING_SAID)
        names = dict.fromkeys(name for columns in self._columns for name in columns)
        keys = dict.fromkeys(key for part in self._parts for key in part.keys)
        self.header: Header = read_header(path, list(names | keys), mapping, required=required, is_csv=False)
        self._fields = {field: self.header.columns[place] for field, place in self.header.places.items()}
        for part, columns in zip(self._parts, self._columns, strict=True):
            present = {*columns, *part.keys}
            if missing := [field for field in required if self._fields[field] not in present]:
                raise InputError(f"{part.path} has no column for {series(missing)}, which other parts have")
        self._notes: dict[str, list[Part]] = {}  # the parts that a note is about

    @property
    def notes(self) -> tuple[str, ...]:
        """Notes about the table. A note about some of its parts names the first of them."""
        order = ", in the order of their paths" if len(self._parts) > 1 else ""
        notes = [*self.header.notes, f"it is a folder with {count(len(self._parts), 'part')}{order}"]
        of_all = [note for note, about in self._notes.items() if len(about) == len(self._parts)]
        of_some = [f"{about[0].name}: {note}" for note, about in self._notes.items() if len(about) < len(self._parts)]
        if len(of_some) > _MAX_NOTES:
            of_some[_MAX_NOTES:] = [f"{count(len(of_some) - _MAX_NOTES, 'more note')} about single parts"]
        return (*notes, *(note for note in of_all if note not in notes), *of_some)

    def frames(self) -> Iterator[pl.DataFrame]:
        """Yield the cells of all parts in columns `c0`, `c1`, …"""
        self._notes = {}
        held: list[pl.DataFrame] = []  # small parts become one frame, because each frame takes time
        rows = size = 0
        for part, columns in zip(self._parts, self._columns, strict=True):
            for frame in self._frames(part, columns):
                if held and held[0].columns != frame.columns:  # only some frames have `cells` or `not_text`
                    yield _joined(held)
                    held, rows, size = [], 0, 0
                held.append(frame)
                rows, size = rows + frame.height, size + int(frame.estimated_size())
                if rows >= _MAX_ROWS or size >= _MAX_SIZE:
                    yield _joined(held)
                    held, rows, size = [], 0, 0
        if held:
            yield _joined(held)

    def _frames(self, part: Part, columns: Sequence[str]) -> Iterator[pl.DataFrame]:
        mapping = {field: name for field, name in self._fields.items() if name in columns}
        table = self._open(part.path, mapping, required=())
        places = {name: place for place, name in enumerate(table.header.columns)}
        cells = [_cells(name, places, part).alias(cell(at)) for at, name in enumerate(self.header.columns)]
        surplus = self.header.cells - table.header.cells
        for frame in table.frames():
            others = [pl.col(name) for name in (NOT_TEXT, SURPLUS, TYPED) if name in frame.columns]
            if CELLS in frame.columns:
                others.append(pl.col(CELLS) + surplus)
            yield frame.select(*cells, *others)
        for note in table.notes:
            self._notes.setdefault(note, []).append(part)


def _joined(frames: Sequence[pl.DataFrame]) -> pl.DataFrame:
    return frames[0] if len(frames) == 1 else pl.concat(frames)


def _cells(name: str, places: Mapping[str, int], part: Part) -> pl.Expr:
    if name in places:
        return pl.col(cell(places[name]))
    return pl.lit(part.keys.get(name), dtype=pl.String)
