"""Splits the rows of a frame into accepted and rejected ones, with every problem of every rejected row.

Everything is a polars expression over whole columns. Plain rows are accepted without a look at the rules, and values
that only rejected rows need are calculated for them alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import polars as pl

from bulk.input.columns import Header
from bulk.input.damaged_text import with_damage
from bulk.input.duplicates import FirstRows
from bulk.input.empty import trimmed
from bulk.input.fields import with_fields, without_blank
from bulk.input.frames import WIDE, cell
from bulk.input.plain import IS_PLAIN, with_platform_keys
from bulk.input.platform_keys import PlatformKeys, Uses
from bulk.input.rejections import Rejections
from bulk.input.rules import RULES, apply_rules

_IS_REJECTED: Final = pl.any_horizontal("is_ragged", *(rule.code for rule in RULES), pl.col("first_row").is_not_null())


@dataclass(frozen=True)
class CheckedRows:
    """Some consecutive rows of the input."""

    accepted: pl.DataFrame
    """`row, customer_id, company_name, name_sent, platform, platform_key, email, description, extra, corrects, damage,
    restored_name`, of which `bulk.input.damaged_text` describes the last two.
    """
    rejected: pl.DataFrame
    """`row, customer_id, company_name, platform, email, cells, extra, problems, corrects`.

    `problems` is a JSON list, which `bulk.problems` describes. `cells` and `extra` are JSON objects.
    """
    email_problems: pl.DataFrame
    """`row, customer_id, code, value, email` for each cell without a usable address, or with several.

    No row is rejected for it.
    """
    unconfirmed_keys: Mapping[str, Uses] = field(default_factory=dict)
    """The accepted words of four letters that may be platformKeys, but are in no table."""

    @property
    def is_empty(self) -> bool:
        """Whether there are no rows."""
        return self.accepted.is_empty() and self.rejected.is_empty()


class Validator:
    """Checks the frames of one input in order. It counts rows and blank rows.

    With `only_fields`, the rows lack the columns `extra` and `cells`. With `raw_cells`, they have all cells as they are
    in the file, in the columns of `bulk.input.frames`, in place of these. `ids` remembers the identifiers.
    """

    def __init__(
        self,
        header: Header,
        platforms: PlatformKeys,
        *,
        ids: FirstRows | None = None,
        only_fields: bool = False,
        raw_cells: bool = False,
    ) -> None:
        self._header = header
        self._platforms = platforms
        self._only_fields = only_fields
        self._raw_cells = raw_cells
        self._width = len(header.columns)
        self._is_narrowed = not raw_cells and (only_fields or self._width > WIDE)
        self._first_rows = ids or FirstRows()
        self._rejections = Rejections(header.cells)
        self._rows = 0
        self._numbers = pl.DataFrame(schema={"first_row": pl.Int64, "corrects": pl.Int64})
        self.blank_rows = 0

    def check(self, frame: pl.DataFrame) -> CheckedRows:
        """Split these rows into accepted and rejected ones. Blank rows are left out and have no number."""
        rows = without_blank(frame, self._width)
        self.blank_rows += len(frame) - len(rows)
        rows = with_fields(rows, self._header, start=self._rows + 1)
        rows = with_platform_keys(self._narrowed(rows) if self._is_narrowed else rows, self._platforms)
        self._rows += len(rows)
        repeated = self._repeated(rows)
        is_plain = rows.select(IS_PLAIN).to_series() & ~rows["row"].is_in(repeated["row"].implode())
        others = apply_rules(rows.filter(~is_plain), self._platforms).join(
            repeated, on="row", how="left", maintain_order="left"
        )
        is_rejected = others.select(_IS_REJECTED).to_series()
        plain = rows.filter(is_plain).with_columns(pl.col("company_name").alias("name_sent"))
        accepted = pl.concat([self._accepted(plain), self._accepted(others.filter(~is_rejected))]).sort("row")
        accepted = with_damage(accepted)
        rejected = self._rejected(others.filter(is_rejected))
        return CheckedRows(accepted, rejected, _email_problems(others), self._platforms.unconfirmed(accepted))

    def _narrowed(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Return the rows without their cells, and with JSON objects of them if the reader needs these."""
        cells = set(map(cell, range(self._header.cells)))
        objects = () if self._only_fields else ("cells", "extra")
        others = (name for name in rows.columns if name not in cells)
        return rows.select(*others, *(self._json(column).alias(_object(column)) for column in objects))

    def _repeated(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Return `row, first_row` for the rows with the identifier of an earlier one. A ragged row has none.

        In a correction of our own report, `first_row` is the number that the earlier row has in the input.
        """
        ids = rows.filter(~pl.col("is_ragged")).select("row", trimmed(pl.col("customer_id")))
        repeated = self._first_rows.repeated(ids.drop_nulls())
        if not self._header.is_rejects_file:
            return repeated
        numbers = rows.select(pl.col("row").alias("first_row"), pl.col("corrects").cast(pl.Int64))
        self._numbers = pl.concat([self._numbers, numbers])
        known = repeated.join(self._numbers, on="first_row", how="left", maintain_order="left")
        return known.select("row", pl.coalesce("corrects", "first_row").alias("first_row"))

    def _accepted(self, rows: pl.DataFrame) -> pl.DataFrame:
        names = ("row", "customer_id", "company_name", "name_sent", "platform", "platform_key", "email", "description")
        return rows.select(*names, *self._objects("extra"), "corrects")

    def _rejected(self, rows: pl.DataFrame) -> pl.DataFrame:
        rows = rows.join(self._rejections.problems(rows), on="row", how="left", maintain_order="left")
        names = ("row", "customer_id", "company_name", "platform", "email")
        return rows.select(*names, *self._objects("cells", "extra"), "problems", "corrects")

    def _objects(self, *columns: str) -> list[pl.Expr]:
        """Return those of the columns `cells` and `extra` that the reader needs, or the cells themselves."""
        if self._raw_cells:
            return [pl.col(cell(at)) for at in range(self._width)]
        if self._only_fields:
            return []
        if self._is_narrowed:
            return [pl.col(_object(column)).alias(column) for column in columns]
        return [self._json(column).alias(column) for column in columns]

    def _json(self, column: str) -> pl.Expr:
        """Return the cells of all columns, or those of `extra`, as a JSON object with the columns' names as keys."""
        fields = set(self._header.places.values()) if column == "extra" else ()
        names = enumerate(self._header.columns)
        cells = [pl.col(cell(place)).alias(name) for place, name in names if place not in fields]
        return pl.struct(cells).struct.json_encode() if cells else pl.lit("{}")


def _object(column: str) -> str:
    """Return the name of a column with JSON objects in a narrowed table."""
    return f"{column}_object"


def _email_problems(rows: pl.DataFrame) -> pl.DataFrame:
    code, value = pl.col("email_problem").alias("code"), pl.col("email_cell").alias("value")
    return rows.select("row", "customer_id", code, value, "email").filter(pl.col("code").is_not_null())
