"""Says of rejected rows what is wrong with them and what to do: one line for each fault, one text for each row."""

from __future__ import annotations

from typing import Final

import polars as pl

from bulk import platforms
from bulk.input.damage import SHORTENED
from bulk.input.frames import CELLS, SURPLUS
from bulk.input.rules import RULES, Rule, shown

_REMEDIES_LOOKED_UP: Final = 300
"""So many unknown platform names get a remedy of their own; finding the nearest name takes a millisecond each."""

_AGAIN: Final = Rule(
    "again",
    "customer_id",
    pl.col("first_row").is_not_null(),
    pl.format("stands in row {} already", "first_row"),
    pl.when(pl.col("customer_id").str.contains(SHORTENED))
    .then(pl.lit("a spreadsheet has cut off digits: write both as your own system has them"))
    .otherwise(pl.lit("give each customer one row")),
)


class Clerk:
    """Writes down faults; it keeps what it found out about unknown platform names."""

    def __init__(self, cells: int) -> None:
        surplus = pl.format(", the last: {}", shown(pl.col(SURPLUS))).fill_null("")
        counted = pl.format("{} {}", CELLS, pl.when(pl.col(CELLS) == 1).then(pl.lit("cell")).otherwise(pl.lit("cells")))
        ragged = Rule(
            "ragged",
            "row",
            pl.col("ragged"),
            pl.format("has {} where the header has {}{}", counted, pl.lit(cells), surplus),
            pl.lit("put a text that holds the delimiter into double quotes, or add the missing cells"),
        )
        self._rules = (ragged, *RULES, _AGAIN)
        self._remedies: dict[str, str] = {}

    def faults(self, rejected: pl.DataFrame) -> pl.DataFrame:
        """Every fault of these rows, in the order of the rows and, within one, of the fields."""
        rejected = rejected.with_columns(pl.col("first_row").is_not_null().alias("again"))
        broken = rejected.select(pl.col(rule.name for rule in self._rules).any())
        lines = [
            self._lines(rejected.filter(rule.name), rule, order)
            for order, rule in enumerate(self._rules)
            if broken[rule.name].item()
        ]
        faults = pl.concat([_NONE, *lines]).sort("row", "order").drop("order")
        return faults.with_columns(shown(pl.col("customer_id", "value")), self._remedy(faults))

    def _lines(self, rows: pl.DataFrame, rule: Rule, order: int) -> pl.DataFrame:
        value = pl.col(SURPLUS if rule.field == "row" else rule.field)
        return rows.select(
            "row",
            "customer_id",
            pl.lit(rule.field).alias("field"),
            value.alias("value"),
            rule.problem.alias("problem"),
            rule.remedy.alias("remedy"),
            pl.lit(order, dtype=pl.Int64).alias("order"),
        )

    def _remedy(self, faults: pl.DataFrame) -> pl.Expr:
        """Fill in the remedies that depend on the text: only an unknown platform has such a one."""
        for text in faults.filter(pl.col("remedy") == "")["value"].unique().sort().to_list():
            if text not in self._remedies and len(self._remedies) < _REMEDIES_LOOKED_UP:
                self._remedies[text] = platforms.remedy(text)
        own = pl.col("value").replace_strict(self._remedies, default=platforms.remedy(""), return_dtype=pl.String)
        return pl.when(pl.col("remedy") == "").then(own).otherwise("remedy").alias("remedy")


_NONE: Final = pl.DataFrame(
    schema=dict.fromkeys(("row", "customer_id", "field", "value", "problem", "remedy", "order"), pl.String)
    | {"row": pl.Int64, "order": pl.Int64}
)


def reasons(faults: pl.DataFrame) -> pl.DataFrame:
    """All faults of each row as one text: `row, reasons`."""
    text = pl.format("{} {}: {}", "field", "problem", "remedy")
    return faults.group_by("row", maintain_order=True).agg(text.str.join("; ").alias("reasons"))
