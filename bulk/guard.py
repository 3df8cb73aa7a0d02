"""How a text is written into a CSV cell so that no spreadsheet runs it, and how it is read back unchanged.

A cell that begins like a formula gets one leading apostrophe. So that this can be undone, a text of apostrophes
followed by such a beginning gets one more as well: `unguard` then takes exactly one away, and every text survives the
way there and back, whatever it was.
"""

from __future__ import annotations

from typing import Final

import polars as pl

# Spreadsheets look past blanks, quotes, control and invisible characters before the sign, and take the full-width and
# small signs for the plain ones. A leading tab or line break is dangerous by itself: some readers drop it and run the
# rest (https://owasp.org/www-community/attacks/CSV_Injection).
FORMULA: Final = r'(?:[\t\r\n]|[\s\p{Cc}\p{Cf}"]*[=+\-@＝＋－＠﹦﹢﹣﹫])'
"""What a formula begins like, as a pattern that polars and JavaScript (with the flag `u`) read alike."""


def escape_formula(expr: pl.Expr) -> pl.Expr:
    """Make the text safe to open in a spreadsheet; `unguard` gives it back exactly."""
    return expr.str.replace(rf"\A('*{FORMULA})", "'${1}")


def unescape_formula(expr: pl.Expr) -> pl.Expr:
    """Take away the apostrophe that `guard` put there; every other text stays as it is."""
    return expr.str.replace(rf"\A'('*{FORMULA})", "${1}")
