r"""Says which cells count as empty: blank ones, and those with a word that programs write for a missing value.

The words are in the spelling of the programs that write them: databases (`NULL`, `\N`, `(null)`, `[NULL]`), pandas
(`nan`, `None`, `<NA>`), spreadsheets (`#N/A`) and JavaScript (`undefined`). In another spelling a word may be a name or
an identifier, such as `Nan` and `NONE`.
"""

from __future__ import annotations

from typing import Final

import polars as pl

INVISIBLE: Final = "\u200b\u200c\u200d\u200e\u200f\u2060\ufeff\u00ad\u180e"
BLANK: Final = (
    " \t\r\n\v\f\u0085\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
    "\u2028\u2029\u202f\u205f\u3000"
) + INVISIBLE
NULL_WORDS: Final = (
    *("NULL", "null", "<NULL>", "<null>", "(NULL)", "(null)", "[NULL]", r"\N"),
    *("nan", "NaN", "-nan", "None", "<NA>", "N/A", "n/a", "#N/A", "undefined"),
)
_MAX_WORD: Final = max(map(len, NULL_WORDS))


def trimmed(column: pl.Expr) -> pl.Expr:
    """Return the text without white space and invisible characters around it, or null if the cell counts as empty."""
    return column.str.strip_chars(BLANK).replace(["", *NULL_WORDS], None)  # `when` would strip twice


def is_null_word(column: pl.Expr) -> pl.Expr:
    """Return whether a text without anything around it is one of the words."""
    return (column.str.len_bytes() <= _MAX_WORD) & column.is_in(NULL_WORDS)
