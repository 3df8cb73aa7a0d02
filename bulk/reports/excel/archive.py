"""The workbook's zip archive: the files that XlsxWriter makes, and the rows of the tables inside them.

XlsxWriter itself would copy all rows twice before it compresses them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from io import SEEK_END, BytesIO
from pathlib import Path
from shutil import copyfileobj
from tempfile import TemporaryFile
from typing import IO, BinaryIO, Final
from zipfile import ZIP_DEFLATED, ZipFile

_LEVEL: Final = 3  # of zlib: its default, 6, takes three times the time, and saves a tenth of the size
_BUFFER_BYTES: Final = 2**18
_MAX_BYTES: Final = 2**30  # of a file without the extension for big files, which Excel may complain about


class Content:
    """The rows of a sheet, in a temporary file."""

    def __init__(self, folder: Path) -> None:
        self.rows = TemporaryFile(dir=folder)  # noqa: SIM115 - `close` closes it
        self.filled = 0  # rows

    def add_rows(self, xml: bytes, number: int) -> None:
        """Append a number of `<row>` elements."""
        self.rows.write(xml)
        self.filled += number

    def close(self) -> None:
        """Close the file, even after an error."""
        with suppress(OSError):  # the error that ends the block already names the cause
            self.rows.close()


class ArchiveFile:
    """The file of a zip archive. It keeps the first error for `close`, and ignores all later calls.

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
        with suppress(OSError):  # as above
            self._file.close()

    def _try(self, call: Callable[..., int | None], *values: object) -> int:
        if self._error is None:
            try:
                return call(*values) or 0
            except (OSError, ValueError) as error:  # ValueError: the file is closed
                self._error = error
        return 0


def assemble(made: BinaryIO, contents: Mapping[int, Content], file: ArchiveFile) -> None:
    """Write the archive that XlsxWriter made to the file, with the content of its sheets. They are counted from 1."""
    sheets = {f"xl/worksheets/sheet{number}.xml": content for number, content in contents.items()}
    with ZipFile(made) as source, ZipFile(file, "w", ZIP_DEFLATED, compresslevel=_LEVEL) as target:
        for entry in source.infolist():
            xml = source.read(entry)
            if entry.filename in sheets:
                _write_sheet(target, entry.filename, xml, sheets[entry.filename])
            else:
                target.writestr(entry, xml)


def _write_sheet(archive: ZipFile, name: str, xml: bytes, content: Content) -> None:
    head, tail = xml.split(b"</sheetData>")
    middle, end = tail.split(b"<pageMargins", 1)
    _write(archive, name, head, content.rows, b"</sheetData>", middle, b"<pageMargins", end)


def _write(archive: ZipFile, name: str, *parts: bytes | IO[bytes]) -> None:
    files = [BytesIO(part) if isinstance(part, bytes) else part for part in parts]
    size = sum(file.seek(0, SEEK_END) for file in files)
    with archive.open(name, "w", force_zip64=size > _MAX_BYTES) as entry:
        for file in files:
            file.seek(0)
            copyfileobj(file, entry, _BUFFER_BYTES)
