"""Finds the columns that need no escaping, which are most of them. PURE."""

from __future__ import annotations

from typing import Final

import polars as pl
import polars.selectors as cs

_SEPARATOR: Final = "\ue000"  # for private use: it is in hardly any text, and no class of characters includes it
START: Final = rf"(?:\A|{_SEPARATOR})"
"""The start of a text, in a pattern for `may_contain`."""
END: Final = rf"(?:{_SEPARATOR}|\z)"
"""The end of a text, in a pattern for `may_contain`."""


def may_contain(frame: pl.DataFrame, pattern: str) -> list[bool]:
    """Return for each column whether one of its texts may match the pattern; False is certain.

    This takes a tenth of the time of a search in each text, because it searches all texts of a column joined.
    """
    joined = frame.select_seq(cs.string().str.join(_SEPARATOR))
    if not joined.width:
        return [False] * frame.width
    # The columns become one, because polars compiles the pattern once for each column, and there may be thousands.
    found = dict(zip(joined.columns, joined.transpose().to_series().str.contains(pattern), strict=True))
    is_empty = (nulls == frame.height for nulls in frame.null_count().row(0))
    return [not empty and found.get(name, False) for name, empty in zip(frame.columns, is_empty, strict=True)]
