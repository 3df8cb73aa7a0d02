"""The workbook for people: `results.xlsx`.

XlsxWriter makes it. It keeps no rows in memory, but writes them into files of its own first; these hold linkUrls, so
they lie beside the workbook, never in /tmp. The rows are made by `cells.py` and handed over as XML: XlsxWriter's call
for each cell takes three times as long.
"""

from __future__ import annotations

import os
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final, Self

import polars as pl
import xlsxwriter  # type: ignore[import-untyped] # it has no types; the tests read back what it writes
from xlsxwriter.exceptions import FileCreateError  # type: ignore[import-untyped] # as above

from bulk.reports.excel.sheets import EXCEL, Limits, Styles, Table
from bulk.reports.excel.summary import ACCENT, COLOURS, NUMBER, TEXT, fill
from bulk.reports.excel.xlsx import Archive, RowSheet, style_of
from bulk.reports.figures import Figures
from bulk.reports.publish import FILE_MODE, wrap_errors
from bulk.reports.summary.commands import BatchLocation

_A4: Final = 9  # as workbooks number the sizes of paper


class Sheet:
    """What takes the rows of a table."""

    def __init__(self, path: Path, table: Table) -> None:
        self._path, self._table = path, table

    def write(self, frame: pl.DataFrame) -> None:
        """Add the frame's rows; the first frame's columns become the header."""
        with wrap_errors(self._path):
            self._table.write(frame)


class Workbook:
    """The workbook of a batch, a context manager; it is there once the `with` ends without an error.

    Raises JournalUnwritable where the disk fails or is full.
    """

    def __init__(self, path: Path, *, now: datetime, limits: Limits = EXCEL) -> None:
        """Make one. A linkUrl can be clicked if it is still good `now`."""
        self._path = path
        self._now = now
        self._limits = limits
        self._tables: list[Table] = []
        self._held = ExitStack()

    def __enter__(self) -> Self:
        path = self._path
        with wrap_errors(path), ExitStack() as held:
            temporary = TemporaryDirectory(dir=path.parent, prefix=f".{path.name}.", ignore_cleanup_errors=True)
            folder = held.enter_context(temporary)
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, FILE_MODE)
            self._archive = Archive(os.fdopen(descriptor, "wb"))
            self._book = xlsxwriter.Workbook(self._archive, {"constant_memory": True, "tmpdir": folder})
            held.callback(self._release)
            self._book.use_zip64()
            self._styles = _styles(self._book)
            self._summary = self._add("Summary")
            self._held = held.pop_all()
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        with self._held:
            if kind is None:
                with wrap_errors(self._path):
                    self._close()

    def sheet(self, name: str) -> Sheet:
        """Begin the table of this name, of those in `KINDS`, which follows those before it."""
        table = Table(name, self._styles, self._limits, self._add, now=self._now)
        self._tables.append(table)
        return Sheet(self._path, table)

    def summary(self, figures: Figures, location: BatchLocation) -> None:
        """Fill in the first sheet, once all tables have their rows."""
        notes = [note for table in self._tables for note in table.notes()]
        with wrap_errors(self._path):
            fill(self._book, self._summary, figures, location, notes)

    def _add(self, name: str) -> RowSheet:
        sheet: RowSheet = self._book.add_worksheet(name, RowSheet)
        sheet.set_landscape()
        sheet.set_paper(_A4)
        sheet.fit_to_pages(1, 0)
        sheet.set_margins(left=0.4, right=0.4, top=0.5, bottom=0.6)
        sheet.set_footer("&L&A&RPage &P of &N")
        return sheet

    def _close(self) -> None:
        for table in self._tables:
            table.finish()
        try:
            self._book.close()
        except FileCreateError as error:
            raise error.args[0] from error  # the OSError that XlsxWriter has wrapped
        self._archive.close()

    def _release(self) -> None:
        for sheet in self._book.worksheets():
            sheet.release()
        self._archive.release()


def _styles(book: Any) -> Styles:
    def style(properties: dict[str, object]) -> str:
        return style_of(book.add_format(properties))

    return Styles(
        header=style(TEXT | {"bold": True, "font_color": "#FFFFFF", "bg_color": ACCENT}),
        text=style(TEXT),
        number=style(NUMBER),
        link=style(TEXT | {"font_color": ACCENT, "underline": 1}),
        states={str(state): style(TEXT | colours) for state, colours in COLOURS.items()},
    )
