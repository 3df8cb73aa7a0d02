"""Names the kinds of files that are recognized and not read, with what to do instead. No I/O."""

from __future__ import annotations

import re
import zlib
from typing import Final

_AS_CSV: Final = "save it as CSV"
_FROM_SHEET: Final = "open it in a spreadsheet and save it as CSV"
_EXPORT: Final = "export it as Parquet or CSV"
_UNPACK: Final = "unpack it, and use the table in it"
_REPACK: Final = "unpack it, or compress it with gzip, zstd or xz"
_TEXTS: Final = (
    (b"%pdf-", f"is a PDF file, not a text table; {_AS_CSV}"),
    (b"<!doctype", f"is a web page, not a text table; {_FROM_SHEET}"),
    (b"<html", f"is a web page, not a text table; {_FROM_SHEET}"),
    (b"<table", f"is a web page, not a text table; {_FROM_SHEET}"),
    (b"<?xml", f"is an XML file, not a text table; {_FROM_SHEET}"),
)
"""How such files begin, in small letters."""
_BINARY: Final = (
    (
        rb"\xd0\xcf\x11\xe0",
        "is an old or encrypted Excel workbook; save it as .xlsx without a password, or its sheet as CSV (UTF-8)",
    ),
    (rb".{257}ustar", f"is a tar archive; {_UNPACK}"),
    (rb"7z\xbc\xaf\x27\x1c", f"is a 7z archive; {_UNPACK}"),
    (rb"Rar!\x1a\x07", f"is a RAR archive; {_UNPACK}"),
    (rb"ARROW1|FEA1", f"is a Feather file (Arrow); {_EXPORT}"),
    (rb"ORC", f"is an ORC file; {_EXPORT}"),
    (rb"Obj\x01", f"is an Avro file; {_EXPORT}"),
    (rb"SQLite format 3\x00", f"is a database of SQLite; {_EXPORT}"),
    (rb"\x04\x22\x4d\x18", f"is compressed with LZ4; {_REPACK}"),
    (rb"\x5d\x00\x00", f"is compressed with LZMA; {_REPACK}"),
)
"""How such files begin. A text may begin with the same letters, but it has no control characters."""
_CONTROL: Final = re.compile(rb"[\x00-\x08\x0e-\x1f]")
_ZLIB: Final = 0x78
_ZLIB_CHECK: Final = 31


def problem_of(start: bytes) -> str | None:
    """Return what is wrong with a file that begins so, or None if it may be a text table."""
    text = start.removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    for signature, problem in _TEXTS:
        if text.startswith(signature):
            return problem
    if _CONTROL.search(start):
        for pattern, problem in _BINARY:
            if re.match(pattern, start, re.DOTALL):
                return problem
    return f"is compressed with zlib; {_REPACK}" if _is_zlib(start) else None


def _is_zlib(start: bytes) -> bool:
    """Return whether data begins with the two bytes of zlib, and can be unpacked."""
    if not start.startswith(bytes([_ZLIB])) or int.from_bytes(start[:2], "big") % _ZLIB_CHECK:
        return False
    try:
        return zlib.decompressobj().decompress(start) != b""
    except zlib.error:
        return False
