"""Uses private parts of XlsxWriter. Another version of XlsxWriter may require a change here.

There is no public way to add rows as XML, or to close all files when a disk fails. XlsxWriter has no types, so no type
checker can verify this. The tests read the workbooks back instead.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any, BinaryIO

from xlsxwriter.url import Url
from xlsxwriter.worksheet import Worksheet

from bulk.reports.excel.cells import escaped_text


class Archive:
    """The file of the workbook's zip archive. It keeps the first error for `close`, and ignores all later calls.

    ZipFile cannot handle an error: it writes again when it is garbage collected, and fails where nobody can catch it.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._error: Exception | None = None

    def write(self, data: bytes) -> int:
        """Write bytes."""
        return self._try(self._file.write, data)

    def seek(self, offset: int, whence: int = 0) -> int:
        """Move to a position."""
        return self._try(self._file.seek, offset, whence)

    def tell(self) -> int:
        """Return the position."""
        return self._try(self._file.tell)

    def flush(self) -> None:
        """Flush the file."""
        self._try(self._file.flush)

    def close(self) -> None:
        """Close the file. Raises the first error."""
        if self._error is not None:
            raise self._error
        self._file.close()

    def release(self) -> None:
        """Close the file, even after an error."""
        with suppress(OSError):  # the error that ends the block already names the cause
            self._file.close()

    def _try(self, call: Callable[..., int | None], *values: object) -> int:
        if self._error is None:
            try:
                return call(*values) or 0
            except (OSError, ValueError) as error:  # ValueError: the file is closed
                self._error = error
        return 0


class RowSheet(Worksheet):  # type: ignore[misc] # its base has no types
    """A sheet that takes rows as XML."""

    def add_rows(self, xml: str) -> None:
        """Append `<row>` elements."""
        self.row_data_fh.write(xml)

    def add_link(self, row: int, column: int, url: str) -> None:
        """Make a cell clickable. Rows and columns are counted from 0."""
        self.hyperlinks[row][column] = Url(url)

    def set_extent(self, rows: int, columns: int) -> None:
        """Set the number of rows and columns that are filled."""
        self.dim_rowmin, self.dim_rowmax, self.dim_colmin, self.dim_colmax = 0, rows - 1, 0, columns - 1

    def release(self) -> None:
        """Close the files, even after an error."""
        for file in (self.fh, self.row_data_fh):
            with suppress(OSError):  # as above
                file.close()

    @staticmethod
    def _escape_control_characters(data: str) -> str:
        """Escape a text for `write_string`.

        XlsxWriter would treat a text such as `<r>x</r>` as markup, and `_x0041_x0041_` would be read back differently.
        """
        text = escaped_text(data)
        return "_x003C_" + text[1:] if text.startswith("<r>") else text


def style_of(cell_format: Any) -> str:
    """Return the number by which cells refer to a format."""
    return str(cell_format._get_xf_index())  # noqa: SLF001 - XlsxWriter has no public way
