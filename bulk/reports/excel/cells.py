"""The rows of a sheet as SpreadsheetML, the XML inside a workbook. PURE: frames in, XML out.

Polars writes all cells of a chunk at once, which takes a third of the time of a call for each of them. Every text is an
inline string (`t="inlineStr"`), which no program takes for a formula, a number or a date.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

import polars as pl
import polars.selectors as cs
from xlsxwriter.utility import xl_col_to_name  # type: ignore[import-untyped] # it has no types; this gives a str

MAX_UNITS: Final = 32_767  # of UTF-16 in a cell of Excel's
CUT: Final = "…"

# What XML cannot hold is written as _xHHHH_ (ECMA-376 part 1, 22.9.2.19, ST_Xstring). It could hold a CR, but whoever
# reads XML makes a line feed of it.
_ESCAPES: Final = {chr(code): f"_x{code:04X}_" for code in (*range(0x20), 0xFFFE, 0xFFFF) if code not in (0x09, 0x0A)}
_LOOKS_ESCAPED: Final = "_x[0-9A-Fa-f]{4}_"
_TO_ESCAPE: Final = re.compile(f"[{''.join(_ESCAPES)}]|{_LOOKS_ESCAPED}")
_BLANK_END: Final = r"\A\s|\s\z"
_MARKUP: Final = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}


def escaped(expr: pl.Expr) -> pl.Expr:
    """Write what XML cannot hold as workbooks do, so that every text is read back as it was; the markup is left."""
    looks = expr.str.contains(_LOOKS_ESCAPED)
    literal = pl.when(looks).then(expr.str.replace_all("_x", "_x005F_x", literal=True)).otherwise(expr)
    return literal.str.replace_many(_ESCAPES)


def escaped_text(text: str) -> str:
    """Do the same to one text. Few have anything to escape, and polars would take longer for it than for a column."""
    return str(pl.select(escaped(pl.lit(text))).item()) if _TO_ESCAPE.search(text) else text


def shortened(frame: pl.DataFrame) -> tuple[pl.DataFrame, int]:
    """Cut the texts that are too long for a cell, and say how many those were."""
    # A text has at least as many bytes in UTF-8 as units in UTF-16: one look tells which columns have nothing to cut.
    longest = frame.select(cs.string().str.len_bytes().max()).to_dict(as_series=False)
    suspects = [frame.get_column(name) for name, (size,) in longest.items() if (size or 0) > MAX_UNITS]
    cut = [pl.Series(old.name, [text and _short(text) for text in old], pl.String) for old in suspects]
    changed = sum(int((new != old).sum()) for new, old in zip(cut, suspects, strict=True))
    return frame.with_columns(cut), changed


def _short(text: str) -> str:
    units = text.encode("utf-16-le")
    if len(units) <= 2 * MAX_UNITS:
        return text
    return units[: 2 * (MAX_UNITS - len(CUT))].decode("utf-16-le", "ignore") + CUT


def rows(frame: pl.DataFrame, styles: Sequence[str | pl.Series], *, first: int) -> str:
    """Return the frame's rows as `<row>` elements, of which the first has this number, counted from 1.

    `styles`: the number of the format of each column's cells, or of each cell. A null or an empty text makes no cell.
    """
    # By their places, never by name: a header such as `*` or `^.*$` would mean every column.
    placed = pl.DataFrame([column.alias(str(place)) for place, column in enumerate(frame.iter_columns())])
    number = pl.int_range(first, first + frame.height, eager=True).cast(pl.String).alias("number")
    cells = [_cell(place, dtype, style) for place, (dtype, style) in enumerate(zip(frame.dtypes, styles, strict=True))]
    row = pl.concat_str(pl.lit('<row r="'), pl.col("number"), pl.lit('">'), *cells, pl.lit("</row>"))
    return str(placed.with_columns(number).select(row.str.join()).item())


def _cell(place: int, dtype: pl.DataType, style: str | pl.Series) -> pl.Expr:
    value = pl.col(str(place))
    start = (pl.lit(f'<c r="{xl_col_to_name(place)}'), pl.col("number"), pl.lit('" s="'), pl.lit(style))
    if dtype != pl.String:
        cell = pl.concat_str(*start, pl.lit('"><v>'), value.cast(pl.String), pl.lit("</v></c>"))
        return cell.fill_null("")
    # Readers may drop blanks at the ends. To forbid it in each cell would make the files a fifth larger.
    has_blanks = value.str.contains(_BLANK_END).any()
    space = pl.when(has_blanks).then(pl.lit(' xml:space="preserve"')).otherwise(pl.lit(""))
    text = escaped(value).str.replace_many(_MARKUP)
    cell = pl.concat_str(*start, pl.lit('" t="inlineStr"><is><t'), space, pl.lit(">"), text, pl.lit("</t></is></c>"))
    return pl.when(value.str.len_bytes() > 0).then(cell).otherwise(pl.lit(""))
