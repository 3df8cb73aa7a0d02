"""The workbook for people: `results.xlsx`.

XlsxWriter makes everything but the rows of the tables. `cells.py` builds these as XML, because XlsxWriter's own method,
one call for each cell, takes many times as long. No rows stay in memory: they are in temporary files until the end.
These contain linkUrls, so they are next to the workbook, never in /tmp.
"""

from __future__ import annotations

import os
from contextlib import ExitStack
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, Self

import polars as pl
import xlsxwriter
from xlsxwriter.exceptions import FileCreateError

from bulk.journal.folder import FILE_MODE
from bulk.reports.excel.archive import ArchiveFile, Content, assemble
from bulk.reports.excel.formats import table_styles
from bulk.reports.excel.sheets import EXCEL, Limits, Table
from bulk.reports.excel.summary import SHEET, fill
from bulk.reports.excel.xlsx import RowSheet
from bulk.reports.figures import Figures
from bulk.reports.publish import wrap_errors
from bulk.reports.summary.commands import BatchLocation

_A4: Final = 9  # the number for this paper size in a workbook


class Sheet:
    """A table of the workbook that takes its rows frame by frame. Raises JournalError if the disk fails or is full."""

    def __init__(self, path: Path, table: Table) -> None:
        self._path, self._table = path, table

    def write(self, frame: pl.DataFrame) -> None:
        """Append the frame's rows. The first frame's columns become the header."""
        with wrap_errors(self._path):
            self._table.write(frame)


class Workbook:
    """The workbook of a batch. A context manager; the file is complete when the `with` ends without an error.

    Raises JournalError if the disk fails or is full.
    """

    def __init__(self, path: Path, *, limits: Limits = EXCEL, has_summary: bool = True) -> None:
        """Prepare a workbook."""
        self._path = path
        self._has_summary = has_summary
        self._limits = limits
        self._tables: list[Table] = []
        self._contents: dict[int, Content] = {}  # by the number of the sheet
        self._held = ExitStack()

    def __enter__(self) -> Self:
        path = self._path
        with wrap_errors(path), ExitStack() as held:
            temporary = TemporaryDirectory(dir=path.parent, prefix=f".{path.name}.", ignore_cleanup_errors=True)
            self._folder = Path(held.enter_context(temporary))
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, FILE_MODE)
            self._archive = ArchiveFile(os.fdopen(descriptor, "wb"))
            held.callback(self._archive.release)
            self._made = BytesIO()
            self._book = xlsxwriter.Workbook(self._made, {"constant_memory": True, "tmpdir": str(self._folder)})
            held.callback(self._release)
            self._styles = table_styles(self._book)
            self._summary = self._add(SHEET) if self._has_summary else None
            self._held = held.pop_all()
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        with self._held:
            if kind is None:
                with wrap_errors(self._path):
                    self._close()

    def sheet(self, name: str) -> Sheet:
        """Begin the next table, whose sheets follow those of the tables before. `name` is one of `KINDS`, or CHECK."""
        table = Table(name, self._styles, self._limits, self._begin)
        self._tables.append(table)
        return Sheet(self._path, table)

    def notes(self) -> list[str]:
        """Return the differences between the tables and the CSV files with the same rows, after all rows."""
        return [note for table in self._tables for note in table.notes()]

    def summary(self, figures: Figures, location: BatchLocation) -> None:
        """Fill the first sheet, after all tables have their rows."""
        with wrap_errors(self._path):
            fill(self._book, self._summary, figures, location, self.notes())

    def _begin(self) -> Content:
        content = Content(self._folder)
        self._held.callback(content.close)
        return content

    def _add_table_sheet(self, name: str, content: Content) -> RowSheet:
        sheet = self._add(name)
        self._contents[len(self._book.worksheets())] = content
        return sheet

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
            table.add_sheets(self._add_table_sheet)
        try:
            self._book.close()
        except FileCreateError as error:
            raise error.args[0] from error  # the OSError that XlsxWriter wraps
        assemble(self._made, self._contents, self._archive)
        self._archive.close()

    def _release(self) -> None:
        for sheet in self._book.worksheets():
            sheet.release()
