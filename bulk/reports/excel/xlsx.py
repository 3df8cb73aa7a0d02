"""Where bulk reaches into XlsxWriter, beyond what it offers to everybody; another version of it may need a change here.

There is no other way to hand rows over as XML, nor to leave no open file behind when a disk fails. XlsxWriter has no
types, so a checker sees none of this: the tests read back what comes of it.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any, BinaryIO

from xlsxwriter.url import Url  # type: ignore[import-untyped] # as said above
from xlsxwriter.worksheet import Worksheet  # type: ignore[import-untyped] # as said above

from bulk.reports.excel.cells import escaped_text


class Archive:
    """The file that the workbook is zipped into. It keeps the first error for `close`, and takes no more after it.

    ZipFile cannot do with an error: it goes on writing when it is collected, and fails again where nobody is told.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._error: Exception | None = None

    def write(self, data: bytes) -> int:
        """Take the bytes."""
        return self._try(self._file.write, data)

    def seek(self, offset: int, whence: int = 0) -> int:
        """Go to this place."""
        return self._try(self._file.seek, offset, whence)

    def tell(self) -> int:
        """Print at which place the file is."""
        return self._try(self._file.tell)

    def flush(self) -> None:
        """Hand to the system what was taken."""
        self._try(self._file.flush)

    def close(self) -> None:
        """Close the file; raises what broke it."""
        if self._error is not None:
            raise self._error
        self._file.close()

    def release(self) -> None:
        """Close the file, whatever has become of it."""
        with suppress(OSError):  # the error on its way already says what broke
            self._file.close()

    def _try(self, call: Callable[..., int | None], *values: object) -> int:
        if self._error is None:
            try:
                return call(*values) or 0
            except (OSError, ValueError) as error:  # ValueError: it is closed
                self._error = error
        return 0


class RowSheet(Worksheet):  # type: ignore[misc] # its base has no types
    """A sheet that takes rows as XML besides what XlsxWriter offers."""

    def add_rows(self, xml: str) -> None:
        """Add `<row>` elements, which follow those before them."""
        self.row_data_fh.write(xml)

    def add_link(self, row: int, column: int, url: str) -> None:
        """Make a cell of theirs clickable, counted from 0."""
        self.hyperlinks[row][column] = Url(url)

    def set_extent(self, rows: int, columns: int) -> None:
        """Return how much of the sheet the rows fill."""
        self.dim_rowmin, self.dim_rowmax, self.dim_colmin, self.dim_colmax = 0, rows - 1, 0, columns - 1

    def release(self) -> None:
        """Close the files, whatever has become of them."""
        for file in (self.fh, self.row_data_fh):
            with suppress(OSError):  # as above
                file.close()

    @staticmethod
    def _escape_control_characters(data: str) -> str:
        """Escape a text that was written by `write_string`.

        XlsxWriter would take one such as `<r>x</r>` for markup, and would let one such as `_x0041_x0041_` change.
        """
        text = escaped_text(data)
        return "_x003C_" + text[1:] if text.startswith("<r>") else text


def style_of(cell_format: Any) -> str:
    """Return the number by which cells name their format."""
    return str(cell_format._get_xf_index())  # noqa: SLF001 - XlsxWriter tells it nobody else
