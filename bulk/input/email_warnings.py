"""Collects the cells for emails that have no usable address, or several. No row is rejected for it."""

from __future__ import annotations

from collections import Counter
from typing import Final

import polars as pl

from bulk import problems
from bulk.input.validate import CheckedRows
from bulk.input.warnings import WARNINGS
from bulk.text import shorten, shorten_column

_MAX_ADDRESS: Final = 80  # characters of an address in a sentence


class EmailWarnings:
    """Examines all rows of an input, in order, and then returns the first warnings."""

    def __init__(self, limit: int) -> None:
        """Keep at most `limit` warnings."""
        self._limit = limit
        self._kept = [pl.DataFrame(schema=WARNINGS)]
        self.counts: Counter[str] = Counter()
        """The number of all cells, by code."""

    def add(self, rows: CheckedRows) -> None:
        """Examine some rows."""
        found = rows.email_problems
        self.counts.update(found["code"].to_list())
        some = found.head(self._limit)
        self._limit -= some.height
        if not some.is_empty():
            self._kept.append(email_lines(some))

    def table(self) -> pl.DataFrame:
        """Return `row, customer_id, code, field, value, warning, remedy`."""
        return pl.concat(self._kept)


def email_lines(cells: pl.DataFrame) -> pl.DataFrame:
    """Return a warning for each of these cells, which are `email_problems` of checked rows."""
    texts = shorten_column(pl.col("customer_id")), "code", shorten_column(pl.col("value")), "email"
    lines = [_warning(*row) for row in cells.select("row", *texts).iter_rows()]
    return pl.DataFrame(lines, schema=WARNINGS, orient="row")


def _warning(row: int, customer_id: str | None, code: str, value: str, address: str | None) -> tuple[object, ...]:
    problem = problems.new(code, value, address=shorten(address or "", _MAX_ADDRESS))
    return row, customer_id, code, "email", value, problems.sentence(problem), problems.remedy(problem)
