"""How a text is written into a CSV cell so that no spreadsheet runs it, and how it is read back unchanged.

A cell that begins like a formula gets one leading apostrophe. So that this can be undone, a text of apostrophes
followed by such a beginning gets one more as well: `unguard` then takes exactly one away, and every text survives the
way there and back, whatever it was.
"""

from __future__ import annotations

from typing import Final

import polars as pl

# Spreadsheets look past blanks, quotes and invisible characters before the sign, and take the full-width signs for
# the plain ones. A leading tab or carriage return is dangerous by itself: some readers drop it and run the rest.
_FORMULA: Final = r"(?:[\t\r]|[\s\"\u200B-\u200F\u2060\uFEFF]*[=+\-@＝＋－＠])"


def guard(expr: pl.Expr) -> pl.Expr:
    """Make the text safe to open in a spreadsheet; `unguard` gives it back exactly."""
    return expr.str.replace(rf"\A('*{_FORMULA})", "'${1}")


def unguard(expr: pl.Expr) -> pl.Expr:
    """Take away the apostrophe that `guard` put there; every other text stays as it is."""
    return expr.str.replace(rf"\A'('*{_FORMULA})", "${1}")
