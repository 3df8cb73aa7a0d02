"""Uses private parts of XlsxWriter. Another version of XlsxWriter may require a change here.

There is no public way to size a sheet without rows, or to close all files when a disk fails. XlsxWriter has no types,
so no type checker can verify this. The tests read the workbooks back instead.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from xlsxwriter.worksheet import Worksheet

from bulk.reports.excel.cells import escaped_text


class RowSheet(Worksheet):  # type: ignore[misc] # its base has no types
    """A sheet whose rows are not in XlsxWriter."""

    def set_extent(self, rows: int, columns: int) -> None:
        """Set the number of rows and columns that are filled."""
        self.dim_rowmin, self.dim_rowmax, self.dim_colmin, self.dim_colmax = 0, rows - 1, 0, columns - 1

    def release(self) -> None:
        """Close the files, even after an error."""
        for file in (self.fh, self.row_data_fh):
            with suppress(OSError):  # the error that ends the block already names the cause
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
