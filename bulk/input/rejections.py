"""Describes the problems of rejected rows as JSON, in the form that `bulk.problems` reads."""

from __future__ import annotations

from typing import Final

import polars as pl

from bulk.input.damage import SHORTENED
from bulk.input.frames import AFTER_QUOTE, CELLS
from bulk.input.rules import RULES, Rule
from bulk.platforms import nearest
from bulk.problems import CODES, field_of
from bulk.text import shown_cells

_MAX_COMPARED: Final = 300
"""The most unknown platforms to compare with the known names. A comparison takes about a millisecond."""

_IS_REPEATED: Final = pl.col("first_row").is_not_null()
_IS_SHORTENED: Final = pl.col("customer_id").str.contains(SHORTENED)
_FIRST_ROW: Final = (pl.col("first_row"),)
_DUPLICATES: Final = (
    Rule("customer_id_duplicate", _IS_REPEATED & ~_IS_SHORTENED, _FIRST_ROW),
    Rule("customer_id_duplicate_shortened", _IS_REPEATED & _IS_SHORTENED, _FIRST_ROW),
)
_ORDER: Final = {code: order for order, code in enumerate(CODES)}


class Rejections:
    """Describes the problems of one input. It remembers the unknown platforms that it has compared."""

    def __init__(self, expected_cells: int) -> None:
        cells, expected, quoted = pl.col(CELLS), pl.lit(expected_cells).alias("expected"), pl.col(AFTER_QUOTE)
        is_ragged = pl.col("is_ragged") & quoted.is_null()
        self._rules = (
            Rule("too_few_cells", is_ragged & (cells < expected_cells), (cells, expected)),
            Rule("too_many_cells", is_ragged & (cells > expected_cells), (cells, expected)),
            Rule("text_after_quote", quoted.is_not_null(), shown=quoted),
            *_DUPLICATES,
        )
        self._nearest: dict[str, tuple[str, ...]] = {}

    def problems(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Return `row, problems`, with the problems as a JSON list in the order of the fields.

        The rows must have a column for each of `RULES`, which shows whether it is broken.
        """
        rows = self._with_nearest(rows.with_columns(rule.is_broken.alias(rule.code) for rule in self._rules))
        broken = [rule for rule in (*self._rules, *RULES) if rows[rule.code].any()]
        problems = [_NONE, *(_described(rows.filter(rule.code), rule) for rule in broken)]
        as_list = pl.format("[{}]", pl.col("problem").str.join(",")).alias("problems")
        return pl.concat(problems).sort("row", "order").group_by("row", maintain_order=True).agg(as_list)

    def _with_nearest(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Add the column `nearest`, with the names that an unknown platform may mean."""
        for text in rows["platform"].filter(rows["platform_unknown"] | rows["platform_unlisted"]).unique().sort():
            if text not in self._nearest and len(self._nearest) < _MAX_COMPARED:
                self._nearest[text] = nearest(text)
        compared = pl.DataFrame(list(self._nearest.items()), schema=_NEAREST, orient="row")
        rows = rows.join(compared, on="platform", how="left", maintain_order="left")
        return rows.with_columns(pl.col("nearest").fill_null(pl.lit([], dtype=_NEAREST["nearest"])))


_NEAREST: Final = pl.Schema((("platform", pl.String()), ("nearest", pl.List(pl.String))))
_NONE: Final = pl.DataFrame(schema={"row": pl.Int64, "order": pl.Int32, "problem": pl.String})


def _described(rows: pl.DataFrame, rule: Rule) -> pl.DataFrame:
    problem = pl.struct(
        pl.lit(rule.code).alias("code"),
        pl.lit(field_of(rule.code)).alias("field"),
        shown_cells(rule.value).alias("value"),
        *rule.parameters,
    )
    order = pl.lit(_ORDER[rule.code], dtype=pl.Int32).alias("order")
    return rows.select("row", order, problem.struct.json_encode().alias("problem"))
