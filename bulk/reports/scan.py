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
    has_match = cs.string().str.join(_SEPARATOR).str.contains(pattern)
    found = frame.select_seq(has_match & (cs.string().count() > 0)).to_dict(as_series=False)
    return [found.get(name, [False])[0] for name in frame.columns]
