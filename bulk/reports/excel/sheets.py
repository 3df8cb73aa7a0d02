"""The tables of the workbook: their properties, and their rows within the limits of Excel."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

import polars as pl

from bulk.reports.excel.archive import Content
from bulk.reports.excel.cells import rows, shorten_cells
from bulk.reports.excel.xlsx import RowSheet
from bulk.text import count

_MAX_CELLS: Final = 200_000  # to build at once: more takes memory and saves no time

_MAX_WIDTH: Final = 42  # characters; the line above the sheet shows longer texts
_WIDTHS: Final = MappingProxyType(  # of columns whose first rows may be shorter than the others
    {
        "customer_id": 14,
        "company_name": 28,
        "name_sent": 28,
        "email": 28,
        "platform": 18,
        "link_url": 42,
        "link_expires_at": 21,
        "error": 42,
        "reasons": 80,
        "conflict": 80,
        "values": 28,
        "warnings": 42,
        "found": 28,
        "updated_at": 21,
        "change": 18,
    }
)


@dataclass(frozen=True, slots=True)
class Limits:
    """The maximum size of a sheet."""

    rows: int  # with the header
    columns: int


# https://support.microsoft.com/office/1672b34d-7043-467e-8e27-269d656771c3, "Excel specifications and limits"
EXCEL: Final = Limits(rows=1_048_576, columns=16_384)


@dataclass(frozen=True, slots=True)
class Kind:
    """The properties of a table."""

    file: str  # the CSV file with the same rows
    frozen_columns: int = 0
    has_states: bool = False  # in the column `state`


KINDS: Final = MappingProxyType(
    {
        "Results": Kind("results.csv", frozen_columns=2, has_states=True),
        "Links": Kind("links.csv", frozen_columns=1),
        "Rejects": Kind("rejects.csv"),
        "Conflicts": Kind("conflicts.csv"),
        "Partner": Kind("partner.csv", frozen_columns=1),
    }
)
CHECK: Final = "Check"
CHECKED: Final = Kind("a file with the ending .csv")
"""The one table of the workbook that `check --output` writes."""


@dataclass(frozen=True, slots=True)
class Styles:
    """The numbers of the formats that cells have."""

    header: str
    text: str
    number: str
    states: Mapping[str, str]


class Table:
    """A table. Beyond the limit of rows, it continues on another sheet."""

    def __init__(self, name: str, styles: Styles, limits: Limits, begin: Callable[[], Content]) -> None:
        """Prepare an empty table. `begin` returns the content of its next sheet."""
        self._name, self._styles, self._limits, self._begin = name, styles, limits, begin
        self._kind = CHECKED if name == CHECK else KINDS[name]
        self._contents: list[Content] = []  # of its sheets
        self._header = pl.DataFrame()
        self._widths: list[int] = []
        self._rows = self._columns = self._shortened = 0  # of all sheets

    def write(self, frame: pl.DataFrame) -> None:
        """Append the frame's rows. The first frame's columns become the header. The first rows determine the widths."""
        left = self._shorten(frame[:, : self._limits.columns])
        if not self._rows:
            self._widths = _widths(left)
        if not self._contents:
            self._columns = frame.width
            self._header = self._shorten(_titles(left))
            self._add_content()
        while left.height:
            if self._contents[-1].filled == self._limits.rows:
                self._add_content()
            size = min(self._limits.rows - self._contents[-1].filled, max(_MAX_CELLS // left.width, 1))
            self._append(left[:size])
            left = left[size:]

    def add_sheets(self, add: Callable[[str, Content], RowSheet]) -> None:
        """Add the table's sheets to the workbook, after all rows."""
        columns = self._header.width
        for name, content in zip(self._names(), self._contents, strict=True):
            sheet = add(name, content)
            for column, width in enumerate(self._widths):
                sheet.set_column(column, column, width)
            sheet.freeze_panes(1, self._kind.frozen_columns)
            sheet.repeat_rows(0)
            everywhere = "A1:XFD1048576"  # otherwise Excel marks each 00123 as an error
            sheet.ignore_errors({"number_stored_as_text": everywhere, "two_digit_text_year": everywhere})
            sheet.set_extent(content.filled, columns)
            sheet.autofilter(0, 0, content.filled - 1, columns - 1)

    def notes(self) -> Iterator[str]:
        """Yield the differences between the table and the CSV file with the same rows."""
        name, file = self._name, self._kind.file
        if len(self._contents) > 1:
            others = ", ".join(self._names()[1:])
            yield f"{name} has {count(self._rows, 'row')}, more than fit on a sheet: it continues in {others}."
        if self._columns > self._limits.columns:
            more = count(self._columns - self._limits.columns, "column")
            yield f"{name} has {more} more than Excel allows; {file} has all of them."
        if self._shortened:
            cells = count(self._shortened, "cell")
            yield f"Excel's limit for a text has shortened {cells} of {name}; {file} has the whole text."

    def _shorten(self, frame: pl.DataFrame) -> pl.DataFrame:
        shortened, number = shorten_cells(frame)
        self._shortened += number
        return shortened

    def _names(self) -> list[str]:
        """Return the names of the table's sheets."""
        return [self._name if number == 1 else f"{self._name} {number}" for number in range(1, len(self._contents) + 1)]

    def _add_content(self) -> None:
        content = self._begin()
        content.add_rows(rows(self._header, [self._styles.header] * self._header.width, first=1), 1)
        self._contents.append(content)

    def _append(self, frame: pl.DataFrame) -> None:
        known, content = self._styles, self._contents[-1]
        styles: dict[str, str | pl.Series] = {
            name: known.text if dtype == pl.String else known.number for name, dtype in frame.schema.items()
        }
        if self._kind.has_states:
            styles["state"] = _styled(frame.get_column("state"), known.states, known.text)
        content.add_rows(rows(frame, list(styles.values()), first=content.filled + 1), frame.height)
        self._rows += frame.height


def _styled(values: pl.Series, styles: Mapping[str, str], other: str) -> pl.Series:
    return values.replace_strict(dict(styles), default=other, return_dtype=pl.String)


def _titles(frame: pl.DataFrame) -> pl.DataFrame:
    return pl.DataFrame([pl.Series(str(place), [name]) for place, name in enumerate(frame.columns)])


def _widths(frame: pl.DataFrame) -> list[int]:
    """Return the width of each column in characters, from the texts of its first rows or from _WIDTHS."""
    widths = []
    for column in frame.iter_columns():
        longest = max([len(column.name) + 2, *map(len, column.cast(pl.String).drop_nulls())]) + 2
        widths.append(max(min(longest, _MAX_WIDTH), _WIDTHS.get(column.name, 0)))
    return widths
