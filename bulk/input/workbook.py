"""Reads a table from a sheet of a workbook and yields its cells as text, frame by frame.

Text cells are used as they are. An identifier that is a number, a date or a boolean rejects its row, because it is no
longer what a person entered. Each cell is read by its own type, whatever the others in its column are.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

import polars as pl

from bulk.errors import InputError, UsageError
from bulk.input import own_reports
from bulk.input.column_names import quoted
from bulk.input.columns import REQUIRED, Header, count_fields, read_header
from bulk.input.empty import BLANK
from bulk.input.frames import TYPED, cell, replace_nuls
from bulk.input.left_out import LeftOut
from bulk.input.workbook_process import Rows, Sheet, read_sheet
from bulk.reading import NOTHING_SAID, Reading
from bulk.text import count

_MAX_TITLES: Final = 1_000
"""The most rows in which a header further down is looked for."""


class Workbook:
    """A workbook of which one sheet was read."""

    def __init__(
        self,
        path: Path,
        mapping: Mapping[str, str],
        *,
        required: Sequence[str] = REQUIRED,
        reading: Reading = NOTHING_SAID,
        remembered: Reading = NOTHING_SAID,
    ) -> None:
        self._path = path
        name = remembered.sheet if reading.sheet is None else reading.sheet
        self._sheet = read_sheet(path, name, is_strict=reading.sheet is not None)
        if not own_reports.recognize(_cells(self._sheet.parts[0], 0), is_csv=False).added:
            reading |= replace(remembered, encoding=None)
        self.reading = reading
        comment = reading.comment or ""
        at, offset = self._find_header(reading.skip_rows or 0, comment)
        self._header_row = self._sheet.parts[at].numbers[offset]
        self._parts = [_after(self._sheet.parts[at], offset), *self._sheet.parts[at + 1 :]]
        names = _cells(self._sheet.parts[at], offset)
        # A cell beyond the table, or a title above it, makes columns without a name and without cells.
        self._places = [place for place, name in enumerate(names) if name.strip(BLANK) or self._has_cells(place)]
        names = [names[place] for place in self._places]
        self.header: Header = self._read_header(names, mapping, required)
        self._left_out = LeftOut(path, self.header, names, comment, is_certain=True)
        self._fixed_notes = (*_notes(self._sheet, self._header_row), *self.header.notes)

    @property
    def notes(self) -> tuple[str, ...]:
        """Notes about the sheet. They are complete when `frames` has reached the end."""
        return (*self._fixed_notes, *self._left_out.notes)

    def frames(self) -> Iterator[pl.DataFrame]:
        """Yield the cells of all rows in columns `c0`, `c1`, …, with `typed` if an identifier is not text."""
        self._left_out.begin()
        for part in self._parts:
            if part.numbers:
                yield self._left_out.customers(self._frame(part))

    def _frame(self, part: Rows) -> pl.DataFrame:
        frame = part.texts.select(pl.col(cell(place)).alias(cell(at)) for at, place in enumerate(self._places))
        frame = frame.with_columns(pl.when(pl.all() != "").then(pl.all()))
        frame = frame.with_columns(replace_nuls(self.header, len(self._places)))
        at = self.header.places.get("customer_id")
        if at is None or not (kinds := part.kinds[self._places[at]]):
            return frame
        kind = pl.Series(list(kinds))
        typed = pl.when(kind != "t").then(kind + pl.col(cell(at))).alias(TYPED)
        return frame.with_columns(typed, pl.when(kind == "t").then(cell(at)).alias(cell(at)))

    def _find_header(self, skipped: int, comment: str) -> tuple[int, int]:
        """Return the place of the header: that of a part, and that of a row in it. Raises InputError."""
        for at, part in enumerate(self._sheet.parts):
            for offset, number in enumerate(part.numbers):
                if number > skipped and not self._is_left_out(_cells(part, offset), comment):
                    return at, offset
        after = f" after row {skipped:,}; pass a smaller number to --skip-rows" if skipped else ""
        raise InputError(f"{self._path} has no header{after}")

    @staticmethod
    def _is_left_out(texts: Sequence[str], comment: str) -> bool:
        is_comment = bool(comment) and texts[0].startswith(comment)
        return is_comment or not any(text.strip(BLANK) for text in texts)

    def _has_cells(self, place: int) -> bool:
        return any((part.texts[cell(place)] != "").any() for part in self._parts)

    def _read_header(self, names: Sequence[str], mapping: Mapping[str, str], required: Sequence[str]) -> Header:
        """Find the fields. Raises InputError, with the place of the header if it is further down."""
        try:
            return read_header(self._path, names, mapping, required=required, is_csv=False)
        except UsageError as error:
            if not (row := self._header_below(mapping)):
                raise
            raise InputError(
                f"{self._path} has no column for the fields in row {self._header_row:,}, but row {row:,} looks like "
                f"the header: add --skip-rows {row - 1}"
            ) from error

    def _header_below(self, mapping: Mapping[str, str]) -> int | None:
        """Return the number of the row that names the most fields, or None if no row names two."""
        part = self._parts[0]
        best, found = 1, None
        for offset, number in enumerate(part.numbers[:_MAX_TITLES]):
            if (fields := count_fields(_cells(part, offset), mapping)) > best:
                best, found = fields, number
        return found


def _cells(part: Rows, offset: int) -> list[str]:
    return [str(text) for text in part.texts.row(offset)]


def _after(part: Rows, offset: int) -> Rows:
    """Return the rows of a part after one of them."""
    start = offset + 1
    return Rows(part.numbers[start:], part.texts[start:], [kinds[start:] for kinds in part.kinds])


def _notes(sheet: Sheet, header_row: int) -> Iterator[str]:
    if len(sheet.sheets) > 1:
        yield f"its sheet {quoted(sheet.name)} is read"
    number, first = sheet.errors
    if number:
        has, counts = ("has", "it counts") if number == 1 else ("have", "they count")
        yield f"{count(number, 'cell')} {has} an error in place of a value ({first}); {counts} as empty"
    number, first = sheet.uncalculated
    if number:
        has, counts = ("has", "it counts") if number == 1 else ("have", "they count")
        yield (
            f"{count(number, 'formula')} {has} no stored value ({first}); {counts} as empty until a spreadsheet has "
            "opened the workbook and saved it"
        )
    merged = [first for first, last in sheet.merged if last > max(first, header_row)]
    if merged:
        yield f"cells of several rows are merged (row {min(merged):,}): only the first row has their value"
