"""Writes the problems of rejected rows as JSON, in the form that `bulk.problems` reads."""

from __future__ import annotations

from typing import Final

import polars as pl

from bulk.input.damage import SHORTENED
from bulk.input.frames import CELLS
from bulk.input.rules import RULES, Rule
from bulk.platforms import nearest
from bulk.problems import field_of
from bulk.text import echo_column

MAX_COMPARED: Final = 300
"""How many unknown platforms are compared with all names, because a comparison takes about a millisecond."""
_MAX_VALUE: Final = 80

_IS_REPEATED: Final = pl.col("first_row").is_not_null()
_IS_SHORTENED: Final = pl.col("customer_id").str.contains(SHORTENED)
_FIRST_ROW: Final = (pl.col("first_row"),)
_DUPLICATES: Final = (
    Rule("customer_id_duplicate", _IS_REPEATED & ~_IS_SHORTENED, _FIRST_ROW),
    Rule("customer_id_duplicate_shortened", _IS_REPEATED & _IS_SHORTENED, _FIRST_ROW),
)


class Rejections:
    """Describes the problems of rejected rows; remembers the unknown platforms that it has compared."""

    def __init__(self, expected_cells: int) -> None:
        parameters = (pl.col(CELLS), pl.lit(expected_cells).alias("expected"))
        self._ragged = (
            Rule("too_few_cells", pl.col("ragged") & (pl.col(CELLS) < expected_cells), parameters),
            Rule("too_many_cells", pl.col("ragged") & (pl.col(CELLS) > expected_cells), parameters),
        )
        self._nearest: dict[str, tuple[str, ...]] = {}

    def problems(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Return `row, problems` for rows that have a column for each rule: is it broken?

        The problems of a row are in the order of its fields.
        """
        rows = rows.with_columns(rule.is_broken.alias(rule.code) for rule in (*self._ragged, *_DUPLICATES))
        rows = rows.with_columns(self._nearest_platforms(rows))
        rules = [rule for rule in (*self._ragged, *RULES, *_DUPLICATES) if rows[rule.code].any()]
        each = [_described(rows.filter(rule.code), rule, order) for order, rule in enumerate(rules)]
        found = pl.concat(each or [_NONE]).sort("row", "order")
        texts = pl.format("[{}]", pl.col("problem").str.join(",")).alias("problems")
        return found.group_by("row", maintain_order=True).agg(texts)

    def _nearest_platforms(self, rows: pl.DataFrame) -> pl.Series:
        is_unknown = rows["platform_unknown"]
        for text in rows["platform"].filter(is_unknown).unique().sort():
            if text not in self._nearest and len(self._nearest) < MAX_COMPARED:
                self._nearest[text] = nearest(text)
        names = [self._nearest.get(text, ()) if text else () for text in rows["platform"]]
        return pl.Series("nearest", names, dtype=pl.List(pl.String))


_NONE: Final = pl.DataFrame(schema={"row": pl.Int64, "order": pl.Int32, "problem": pl.String})


def _described(rows: pl.DataFrame, rule: Rule, order: int) -> pl.DataFrame:
    value = echo_column(rule.value, _MAX_VALUE).alias("value")
    fields = (pl.lit(rule.code).alias("code"), pl.lit(field_of(rule.code)).alias("field"), value)
    problem = pl.struct(*fields, *rule.parameters).struct.json_encode().alias("problem")
    return rows.select("row", pl.lit(order, dtype=pl.Int32).alias("order"), problem)
