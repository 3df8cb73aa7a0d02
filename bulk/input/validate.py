"""Splits the rows of a frame into accepted and rejected ones, with every problem of every rejected row.

Everything is a polars expression over whole columns. Values that only rejected rows need are calculated for them alone.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import polars as pl

from bulk.input.columns import Header
from bulk.input.duplicates import FirstRows
from bulk.input.fields import with_fields, without_blank
from bulk.input.frames import cell
from bulk.input.rejections import Rejections
from bulk.input.rules import RULES, derived


@dataclass(frozen=True)
class CheckedRows:
    """Some consecutive rows of the input."""

    accepted: pl.DataFrame
    """`row, customer_id, company_name, name_sent, platform_key, email, description, extra, corrects`."""
    rejected: pl.DataFrame
    """`row, customer_id, company_name, platform, email, cells, extra, problems, corrects`.

    `problems` is a JSON list, which `bulk.problems` describes.
    """

    @property
    def is_empty(self) -> bool:
        """Whether there are no rows."""
        return self.accepted.is_empty() and self.rejected.is_empty()


class Validator:
    """Checks the frames of one input in order. It remembers the identifiers, and counts rows and blank rows."""

    def __init__(self, header: Header) -> None:
        self._header = header
        self._width = len(header.columns)
        self._first_rows = FirstRows()
        self._rejections = Rejections(header.cells)
        self._rows = 0
        self.blank_rows = 0

    def check(self, frame: pl.DataFrame) -> CheckedRows:
        """Split these rows into accepted and rejected ones. Blank rows are left out and have no number."""
        rows = without_blank(frame, self._width)
        self.blank_rows += len(frame) - len(rows)
        rows = with_fields(rows, self._header, start=self._rows + 1).with_columns(derived())
        self._rows += len(rows)
        is_ragged = pl.col("is_ragged")
        rows = rows.with_columns(
            (rule.is_broken.fill_null(value=False) & ~is_ragged).alias(rule.code) for rule in RULES
        )
        rows = self._with_first_row(rows)
        is_broken = pl.any_horizontal(is_ragged, *(rule.code for rule in RULES), pl.col("first_row").is_not_null())
        is_rejected = rows.select(is_broken).to_series()
        return CheckedRows(self._accepted(rows, ~is_rejected), self._rejected(rows.filter(is_rejected)))

    def _with_first_row(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Add the column `first_row`, with the number of the earlier row with the same identifier, or null."""
        has_id = pl.col("customer_id").is_not_null() & ~pl.col("is_ragged")
        repeated = self._first_rows.repeated(rows.select("row", "customer_id", has_id.alias("has_id")).filter("has_id"))
        if repeated.is_empty():
            return rows.with_columns(pl.lit(None, dtype=pl.Int64).alias("first_row"))
        return rows.join(repeated, on="row", how="left", maintain_order="left")

    def _accepted(self, rows: pl.DataFrame, is_accepted: pl.Series) -> pl.DataFrame:
        names = ("row", "customer_id", "company_name", "name_sent", "platform_key", "email", "description")
        accepted = rows.select(*names, self._extra(), "corrects")
        return accepted if is_accepted.all() else accepted.filter(is_accepted)

    def _rejected(self, rows: pl.DataFrame) -> pl.DataFrame:
        rows = rows.join(self._rejections.problems(rows), on="row", how="left", maintain_order="left")
        cells = self._json(range(self._width)).alias("cells")
        names = ("row", "customer_id", "company_name", "platform", "email")
        return rows.select(*names, cells, self._extra(), "problems", "corrects")

    def _extra(self) -> pl.Expr:
        fields = set(self._header.places.values())
        return self._json(at for at in range(self._width) if at not in fields).alias("extra")

    def _json(self, places: Iterable[int]) -> pl.Expr:
        """Return the cells at these places as a JSON object, with the columns' names as keys."""
        cells = [pl.col(cell(place)).alias(self._header.columns[place]) for place in places]
        return pl.struct(cells).struct.json_encode() if cells else pl.lit("{}")
