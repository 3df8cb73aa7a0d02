"""Makes small workbooks, and changes their parts."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import xlsxwriter

SHEET = "xl/worksheets/sheet1.xml"
BOOK = "xl/workbook.xml"


def workbook(
    rows: Sequence[Sequence[Any]] = (),
    *,
    formats: Mapping[int, str] | None = None,
    sheets: Mapping[str, Sequence[Sequence[Any]]] | None = None,
    options: Mapping[str, Any] | None = None,
) -> bytes:
    """Return a workbook with these rows in `Sheet1`. Texts stay texts, and None makes an empty cell.

    `formats` are {column: number format}, `sheets` {name: rows} of further sheets, and `options` those of xlsxwriter.
    """
    content = io.BytesIO()
    with xlsxwriter.Workbook(content, {"strings_to_formulas": False, **(options or {})}) as book:
        shown = {column: book.add_format({"num_format": text}) for column, text in (formats or {}).items()}
        for name, cells in {"Sheet1": rows, **(sheets or {})}.items():
            sheet = book.add_worksheet(name)
            for row, values in enumerate(cells):
                for column, value in enumerate(values):
                    if value is not None:
                        sheet.write(row, column, value, shown.get(column))
    return content.getvalue()


def changed(content: bytes, parts: Mapping[str, Callable[[bytes], bytes] | None]) -> bytes:
    """Return a workbook with other parts: {name: how it changes}. None removes the part."""
    made = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            change = parts.get(name, bytes)
            if change is not None:
                new.writestr(zipfile.ZipInfo(name), change(old.read(name)), zipfile.ZIP_DEFLATED)
    return made.getvalue()


def replaced(content: bytes, part: str, *pairs: tuple[str, str]) -> bytes:
    """Return a workbook in one part of which texts are replaced."""

    def change(xml: bytes) -> bytes:
        for old, new in pairs:
            if old.encode() not in xml:
                raise ValueError(f"{old} is not in {part}")
            xml = xml.replace(old.encode(), new.encode())
        return xml

    return changed(content, {part: change})
