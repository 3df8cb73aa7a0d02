"""Writes the first sheet row by row: texts, facts and tables, each row as high as its texts require."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

from bulk.reports.excel.formats import state_formats, summary_formats

LAST_COLUMN: Final = 6  # of the tables; the chart is to the right of it

_LABEL_WIDTH: Final = 30  # of the first column, in characters
_WIDTH: Final = 12  # of the other columns
_POINTS: Final = 11  # default size of the font
_LINE_PIXELS: Final = 20  # the height of a line in that font
_MAX_ROW_PIXELS: Final = 540  # Excel allows 409 points
_UNKNOWN: Final = "unknown"


class SummaryPage:
    """The sheet, and the next row to fill. The rows above it are written and cannot be changed."""

    def __init__(self, book: Any, sheet: Any) -> None:
        """Begin at the top. `book` and `sheet` are from XlsxWriter, which has no types."""
        self.book, self.sheet, self.row = book, sheet, 0
        self._formats = summary_formats(book)
        self._states = state_formats(book)
        sheet.hide_gridlines(2)
        sheet.set_column(0, 0, _LABEL_WIDTH)
        sheet.set_column(1, LAST_COLUMN, _WIDTH)
        sheet.set_column(LAST_COLUMN + 1, LAST_COLUMN + 1, 3)

    def skip(self) -> None:
        """Leave a row empty."""
        self.row += 1

    def text(self, style: str, text: str, *, first_column: int = 0) -> None:
        """Fill a row with a text, from `first_column` to the last column of the tables."""
        self._spread(first_column, style, text)
        self.row += 1

    def heading(self, text: str) -> None:
        """Begin a part of the sheet."""
        self.skip()
        self.text("heading", text)

    def facts(self, facts: Mapping[str, str | int | None]) -> None:
        """Write a row for each fact: its name and its value. None means that the value is unknown."""
        for name, value in facts.items():
            self._cell(0, "label", name)
            if isinstance(value, int):
                self.sheet.write_number(self.row, 1, value, self._formats["fact"])
            else:
                self._spread(1, "text", _UNKNOWN if value is None else value)
            self.row += 1

    def header(self, names: Sequence[str], *, note: str = "") -> None:
        """Write a table's header: a column of texts, columns of figures and, if `note` is set, a column of notes."""
        self._cell(0, "header", names[0])
        for column, name in enumerate(names[1:], 1):
            self._cell(column, "figure header", name)
        if note:
            self._spread(len(names), "note header", note)
        lines = max(_lines(name, _WIDTH) for name in names[1:])
        self.sheet.set_row_pixels(self.row, lines * _LINE_PIXELS)
        self.row += 1

    def line(self, name: str, figures: Sequence[float | None], *, note: str = "", state: str = "") -> None:
        """Write a row of a table. A float is a share, and None is left empty.

        `state` determines the colour of the name.
        """
        self.sheet.write_string(self.row, 0, plain(name), self._states[state] if state else self._formats["text"])
        for column, figure in enumerate(figures, 1):
            kind = "share" if isinstance(figure, float) else "number"
            if figure is not None:
                self.sheet.write_number(self.row, column, figure, self._formats[kind])
        if note:
            self._spread(len(figures) + 1, "note", note)
        self.row += 1

    def _cell(self, column: int, style: str, text: str) -> None:
        self.sheet.write_string(self.row, column, plain(text), self._formats[style])

    def _spread(self, first: int, style: str, text: str) -> None:
        """Write a text across the columns from `first` on, and make the row high enough."""
        text, size = plain(text), float(self._formats[style].font_size)
        width = (_LABEL_WIDTH if not first else 0) + _WIDTH * (LAST_COLUMN + 1 - max(first, 1))
        lines = _lines(text, int(width * _POINTS / size))
        self.sheet.set_row_pixels(self.row, min(round(lines * _LINE_PIXELS * size / _POINTS), _MAX_ROW_PIXELS))
        self.sheet.merge_range(self.row, first, self.row, LAST_COLUMN, "", self._formats[style])
        self.sheet.write_string(self.row, first, text, self._formats[style])


def plain(text: str) -> str:
    """Return a text in a form that UTF-8 can encode, because the path of a file may contain other bytes."""
    return text.encode("utf-8", "replace").decode()


def _lines(text: str, width: int) -> int:
    """Estimate the number of lines that a text takes. Wrapping leaves a part of each line empty."""
    return sum(max(math.ceil(len(part) / (width * 0.95)), 1) for part in text.split("\n"))
