"""The rows of an input whose text was damaged before: `migrate` holds them in conflict."""

from __future__ import annotations

from typing import Final

import polars as pl

from bulk.input.validate import CheckedRows
from bulk.problem_groups import Group, Groups, of_problem
from bulk.problems import parse, remedy, sentence
from bulk.text import shorten_column

_COLUMNS: Final = ("row", "customer_id", "company_name", "code", "field", "value", "found", "conflict", "remedy")
_CONFLICTS: Final = dict.fromkeys(_COLUMNS, pl.String) | {"row": pl.Int64}
_Damaged = tuple[int, str, str, str, str, str | None, str, str, str]


class DamagedRows:
    """Counts the damaged rows of an input, and keeps the first ones."""

    def __init__(self, limit: int) -> None:
        """Keep at most this many."""
        self.count = 0
        self._limit = limit
        self._lines: list[_Damaged] = []
        self._groups = Groups(of_problem)

    def add(self, rows: CheckedRows) -> None:
        """Examine some rows."""
        damaged = rows.accepted.filter(pl.col("damage").is_not_null())
        self.count += damaged.height
        names = (shorten_column(pl.col(field)) for field in ("customer_id", "company_name"))
        lines = [_damaged(*row) for row in damaged.select("row", *names, "damage").iter_rows()]
        frame = pl.DataFrame(lines, schema=_CONFLICTS, orient="row")
        self._groups.add(frame.rename({"conflict": "sentence"}))
        self._lines += lines[: self._limit - len(self._lines)]

    def table(self) -> pl.DataFrame:
        """Return `row, customer_id, company_name, code, field, value, found, conflict, remedy` of those kept."""
        return pl.DataFrame(self._lines, schema=_CONFLICTS, orient="row")

    def groups(self) -> tuple[Group, ...]:
        """Return all of them by kind and value."""
        return self._groups.result()


def _damaged(row: int, customer_id: str, company_name: str, damage: str) -> _Damaged:
    (each,) = parse(damage)
    texts = (each["value"], each["found"], sentence(each), remedy(each))
    return row, customer_id, company_name, each["code"], each["field"], *texts
