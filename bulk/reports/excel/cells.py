"""Turns frames into the rows of a sheet as SpreadsheetML, the XML inside a workbook. PURE.

polars writes all cells of a chunk at once, in a third of the time of one call for each cell. Every text is an inline
string (`t="inlineStr"`), which no program interprets as a formula, a number or a date.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

import polars as pl
import polars.selectors as cs
from xlsxwriter.utility import xl_col_to_name

from bulk.reports.scan import END, START, may_contain

MAX_UNITS: Final = 32_767  # UTF-16 code units in a cell of Excel
ELLIPSIS: Final = "…"

# Characters that XML does not allow are written as _xHHHH_ (ECMA-376 part 1, 22.9.2.19, ST_Xstring). So is a CR, which
# XML allows but every reader turns into a line feed.
_ESCAPES: Final = {chr(code): f"_x{code:04X}_" for code in (*range(0x20), 0xFFFE, 0xFFFF) if code not in (0x09, 0x0A)}
# The escape of a character begins with the `_` that ends the escape which a text in front of it only resembles.
_LOOKS_ESCAPED: Final = f"_x[0-9A-Fa-f]{{4}}[_{''.join(_ESCAPES)}]"
_TO_ESCAPE: Final = f"[{''.join(_ESCAPES)}]|{_LOOKS_ESCAPED}"
_BLANK_END: Final = r"\A\s|\s\z"
_MARKUP: Final = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
_TO_CHANGE: Final = rf"[&<>]|{_TO_ESCAPE}|{START}(?:\s|{END})|\s{END}"


def escaped(expr: pl.Expr) -> pl.Expr:
    """Escape the characters that XML does not allow, so that every text is read back unchanged. Keep markup."""
    looks = expr.str.contains(_LOOKS_ESCAPED)
    literal = pl.when(looks).then(expr.str.replace_all("_x", "_x005F_x", literal=True)).otherwise(expr)
    return literal.str.replace_many(_ESCAPES)


def escaped_text(text: str) -> str:
    """Escape one text. polars is used only if necessary, because for single texts it is slow."""
    return str(pl.select(escaped(pl.lit(text))).item()) if re.search(_TO_ESCAPE, text) else text


def shorten_cells(frame: pl.DataFrame) -> tuple[pl.DataFrame, int]:
    """Shorten the texts that are too long for a cell; return the number of shortened texts too."""
    # A text has at least as many bytes in UTF-8 as units in UTF-16, so most columns need no further check.
    longest = frame.select(cs.string().str.len_bytes().max()).to_dict(as_series=False)
    before = [frame.get_column(name) for name, (size,) in longest.items() if (size or 0) > MAX_UNITS]
    after = [pl.Series(old.name, [text and _shorten(text) for text in old], pl.String) for old in before]
    changed = sum(int((new != old).sum()) for new, old in zip(after, before, strict=True))
    return frame.with_columns(after), changed


def _shorten(text: str) -> str:
    units = text.encode("utf-16-le")
    if len(units) <= 2 * MAX_UNITS:
        return text
    return units[: 2 * (MAX_UNITS - len(ELLIPSIS))].decode("utf-16-le", "ignore") + ELLIPSIS


def rows(frame: pl.DataFrame, styles: Sequence[str | pl.Series], *, first: int) -> bytes:
    """Return the frame's rows as `<row>` elements. `first` is the number of the first row, counted from 1.

    `styles` has the number of the format of each column, or of each cell. Nulls and empty texts have no cell.
    """
    number = _numbers(first, frame.height)
    parts: list[str | pl.Series] = ['<row r="', number, '">']
    columns = zip(frame.iter_columns(), styles, may_contain(frame, _TO_CHANGE), strict=True)
    for place, (column, style, changes) in enumerate(columns):
        parts += _cells(f'<c r="{xl_col_to_name(place)}', number, style, column, changes=changes)
    return _joined(*parts, "</row>")


def _cells(
    start: str, number: pl.Series, style: str | pl.Series, column: pl.Series, *, changes: bool
) -> Sequence[str | pl.Series]:
    """Return the parts that make up the cells of a column, or no parts if all values are empty."""
    space = ""
    if changes:
        # Readers may drop spaces at the ends of a text. The attribute that forbids this would make the files a fifth
        # larger if every cell had it.
        space = ' xml:space="preserve"' if column.str.contains(_BLANK_END).any() else ""
        text = escaped(pl.lit(column)).str.replace_many(_MARKUP).replace("", None)
        column = pl.select(text).to_series()
    if column.null_count() == column.len():
        return []
    is_text = column.dtype == pl.String
    before, after = (f'" t="inlineStr"><is><t{space}>', "</t></is></c>") if is_text else ('"><v>', "</v></c>")
    cells = [start, number, '" s="', style, before, column, after]
    return [_concat(*cells)] if column.has_nulls() else cells


def _numbers(first: int, count: int) -> pl.Series:
    return pl.int_range(first, first + count, eager=True).cast(pl.String)


def _joined(*parts: str | pl.Series) -> bytes:
    """Return the texts of all rows in UTF-8. A part that is null is left out."""
    return bytes(_concat(*parts, ignore_nulls=True).str.join().cast(pl.Binary).item())


def _concat(*parts: str | pl.Series, ignore_nulls: bool = False) -> pl.Series:
    """Return the text of each row. Neighbouring literals become one, because polars takes time for each part."""
    merged: list[pl.Expr] = []
    literal = ""
    for part in parts:
        if isinstance(part, str):
            literal += part
        else:
            merged += [pl.lit(literal), pl.lit(part)]
            literal = ""
    merged.append(pl.lit(literal))
    return pl.select(pl.concat_str(merged, ignore_nulls=ignore_nulls)).to_series()
