"""Finds descriptions that were damaged before bulk read them.

No row is held for one: Codat stores the damage, but no customer is taken for another.
"""

from __future__ import annotations

import sys
from collections import Counter
from typing import Final

import polars as pl

from bulk.input.damaged_text import damaged_descriptions
from bulk.input.validate import CheckedRows
from bulk.input.warnings import WARNINGS
from bulk.text import shorten, shorten_column

CODE: Final = "description_damaged"
_DAMAGED: Final = "was damaged before bulk read it"
_REMEDY: Final = "correct it: Codat stores it as it is"
_MAX_TEXT: Final = 80  # characters of a description in a sentence


class DescriptionWarnings:
    """Examines all rows of an input, in order, and then returns the first warnings."""

    def __init__(self, limit: int | None) -> None:
        """Keep at most `limit` warnings, or all."""
        self._limit = sys.maxsize if limit is None else limit
        self._kept = [pl.DataFrame(schema=WARNINGS)]
        self.counts: Counter[str] = Counter()
        """The number of all damaged descriptions, by code."""

    def add(self, rows: CheckedRows) -> None:
        """Examine some rows."""
        damaged = damaged_descriptions(rows.accepted)
        self.counts[CODE] += damaged.height
        some = damaged.head(self._limit)
        self._limit -= some.height
        texts = (shorten_column(pl.col(field)) for field in ("customer_id", "description"))
        lines = [_warning(*row) for row in some.select("row", *texts, "restored").iter_rows()]
        self._kept.append(pl.DataFrame(lines, schema=WARNINGS, orient="row"))

    def table(self) -> pl.DataFrame:
        """Return `row, customer_id, code, field, value, warning, remedy`."""
        return pl.concat(self._kept)


def _warning(row: int, customer_id: str, value: str, restored: str | None) -> tuple[object, ...]:
    perhaps = f' (it was probably "{shorten(restored, _MAX_TEXT)}")' if restored else ""
    return row, customer_id, CODE, "description", value, _DAMAGED + perhaps, _REMEDY
