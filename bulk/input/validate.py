"""Splits the rows of a frame into accepted and rejected ones, with every problem of every rejected row.

Everything is a polars expression over whole columns. Only rejected rows pay for what only they need.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import polars as pl

from bulk.input.columns import FIELDS, Header
from bulk.input.duplicates import FirstRows
from bulk.input.frames import CELLS, SURPLUS, cell
from bulk.input.rejections import Rejections
from bulk.input.rules import RULES, derived, trimmed
from bulk.problems import reasons
from bulk.text import unescape_formula

_ROW_NUMBER: Final = r"\A\s*(\d{1,18}|\d{1,3}(?:[.,'’\s]\d{3})+)(?:[.,]0{0,2})?\s*\z"
"""As a spreadsheet may show it: `7`, `7.0`, `1,007`, `1.007,00`."""


@dataclass(frozen=True)
class CheckedRows:
    """Some consecutive rows of the input."""

    accepted: pl.DataFrame
    """`row, customer_id, company_name, name_sent, platform_key, email, description, extra, corrects`."""
    rejected: pl.DataFrame
    """`row, customer_id, company_name, platform, email, cells, extra, problems, reasons, corrects`.

    `problems` is the JSON list that `bulk.problems` describes.
    """

    @property
    def is_empty(self) -> bool:
        """Whether there are no rows at all."""
        return self.accepted.is_empty() and self.rejected.is_empty()


class Validator:
    """Checks the frames of one input in their order. Remembers the identifiers of all rows, and counts blank rows."""

    def __init__(self, header: Header) -> None:
        self._header = header
        self._width = len(header.columns)
        self._first_rows = FirstRows()
        self._rejections = Rejections(header.cells)
        self._rows = 0
        self.blank_rows = 0

    def check(self, frame: pl.DataFrame) -> CheckedRows:
        """Split these rows. Rows without any text are left out and not counted."""
        rows = self._with_fields(self._without_blank(self._as_written(frame)))
        rows = rows.with_columns(derived())
        rows = rows.with_columns(
            (rule.is_broken.fill_null(value=False) & ~pl.col("ragged")).alias(rule.code) for rule in RULES
        )
        rows = self._with_first_row(rows)
        is_broken = pl.any_horizontal("ragged", *(rule.code for rule in RULES), pl.col("first_row").is_not_null())
        is_rejected = rows.select(is_broken).to_series()
        return CheckedRows(self._accepted(rows, ~is_rejected), self._rejected(rows.filter(is_rejected)))

    def _as_written(self, frame: pl.DataFrame) -> pl.DataFrame:
        """The cells as their author wrote them, and what our rejects file says beside them."""
        if CELLS not in frame.columns:
            frame = frame.with_columns(
                pl.lit(self._header.cells).alias(CELLS), pl.lit(None, dtype=pl.String).alias(SURPLUS)
            )
        if self._header.guarded:
            frame = frame.with_columns(unescape_formula(pl.col(cell(at))) for at in range(self._width))
        if not self._header.is_rejects_file:
            return frame.with_columns(pl.lit(None, dtype=pl.Int64).alias("corrects"))
        corrects = pl.col(cell(self._width)).str.extract(_ROW_NUMBER).str.replace_all(r"\D", "")
        corrects = corrects.cast(pl.Int64, strict=False).alias("corrects")
        return frame.with_columns(corrects)

    def _without_blank(self, frame: pl.DataFrame) -> pl.DataFrame:
        is_blank = frame.select(
            pl.all_horizontal(pl.col(SURPLUS, *map(cell, range(self._width))).is_null())
        ).to_series()
        if not is_blank.any():
            return frame
        some = frame.filter(~is_blank)
        self.blank_rows += len(frame) - len(some)
        return some

    def _with_fields(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Add the row numbers and the trimmed fields."""
        places = self._header.places
        fields = [trimmed(pl.col(cell(places[name]))).alias(name) for name in FIELDS if name in places]
        missing = [pl.lit(None, dtype=pl.String).alias(name) for name in FIELDS if name not in places]
        start = self._rows + 1
        self._rows += len(frame)
        number = pl.int_range(start, start + len(frame), dtype=pl.Int64).alias("row")
        return frame.with_columns(number, self._is_ragged().alias("ragged"), *fields, *missing)

    def _is_ragged(self) -> pl.Expr:
        """Whether a row's cells may stand under the wrong columns: what they seem to break says nothing then.

        Excel leaves out the empty cells at the ends of rows, 16 rows at a time. Those of nameless columns are not
        missed, nor are the reasons where the cell before them is a row number after all.
        """
        least = self._header.named_cells
        is_short = pl.col(CELLS) < least
        if self._header.is_rejects_file:
            is_short &= (pl.col(CELLS) != least - 1) | pl.col("corrects").is_null()
        return is_short | (pl.col(CELLS) > self._header.cells)

    def _with_first_row(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Add `first_row`: where a row before this one has the same customer_id, that row's number."""
        has_id = pl.col("customer_id").is_not_null() & ~pl.col("ragged")
        repeated = self._first_rows.repeated(rows.select("row", "customer_id", has_id.alias("has_id")).filter("has_id"))
        if repeated.is_empty():
            return rows.with_columns(pl.lit(None, dtype=pl.Int64).alias("first_row"))
        return rows.join(repeated, on="row", how="left", maintain_order="left")

    def _accepted(self, rows: pl.DataFrame, is_accepted: pl.Series) -> pl.DataFrame:
        some = rows.select(
            "row",
            "customer_id",
            "company_name",
            "name_sent",
            "platform_key",
            "email",
            "description",
            self._extra(),
            "corrects",
        )
        return some if is_accepted.all() else some.filter(is_accepted)

    def _rejected(self, rows: pl.DataFrame) -> pl.DataFrame:
        problems = self._rejections.problems(rows)
        return rows.join(problems, on="row", how="left", maintain_order="left").select(
            "row",
            "customer_id",
            "company_name",
            "platform",
            "email",
            _json(self._header.columns, range(self._width)).alias("cells"),
            self._extra(),
            "problems",
            pl.col("problems").map_elements(reasons, return_dtype=pl.String).alias("reasons"),
            "corrects",
        )

    def _extra(self) -> pl.Expr:
        taken = set(self._header.places.values())
        return _json(self._header.columns, [at for at in range(self._width) if at not in taken]).alias("extra")


def _json(columns: Sequence[str], places: Sequence[int]) -> pl.Expr:
    if not places:
        return pl.lit("{}")
    return pl.struct(pl.col(cell(place)).alias(columns[place]) for place in places).struct.json_encode()
