"""Which values a spreadsheet has probably changed: suspected, not rejected, for any of them may be right.

Some show by their form alone; others only beside the rest of the column, known once the last row has been read. So the
column is counted as it streams by, and of what may turn out to be suspect a bounded number of rows is held.

- An identifier of digits that is shorter than the others, where all that begin with a zero have one width, at least
  half of the column has that width, and none is wider.
- An identifier of 16 digits or more with nothing but zeros from the 16th on, where there are far more of these than
  chance explains: spreadsheets keep 15 digits, but every tenth number of 16 digits ends in a zero by itself.
- One that looks like a date, unless most of the column does. Then that is how they look, and one note says so.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

import polars as pl

from bulk.input.damage import DATE, LOST_LETTERS, MAX_IN_LETTERS, OF_IDS, OF_NAMES, Form
from bulk.input.validate import CheckedRows
from bulk.problems import WHOLE_ROW
from bulk.text import echo_column

_DIGITS_KEPT: Final = 15
_MORE_THAN_CHANCE: Final = 4
_HELD: Final = 10_000
"""So many rows are held of each kind, and of the identifiers of digits of each length."""
_SCHEMA: Final = {
    "row": pl.Int64,
    **dict.fromkeys(("customer_id", "field", "value", "suspicion", "remedy"), pl.String),
}
_DIGITS: Final = r"\A[0-9]+\z"
_ID_DATE: Final = ("customer_id", DATE)
_COMPARE: Final = "compare it with your own system"
_ODD: Final = (
    pl.col("customer_id").str.contains("|".join((_DIGITS, *(form.pattern for form in OF_IDS)))).alias("id"),
    # All forms begin with a digit or a sign, or are short: a comparison is much cheaper than a pattern.
    ((pl.col("company_name") < "@") | (pl.col("company_name").str.len_bytes() <= MAX_IN_LETTERS)).alias("name"),
    pl.col("company_name").str.contains("?", literal=True).alias("asking"),
)
_IS_RAGGED: Final = (
    pl.col("problems").str.json_path_match("$[0].field") == WHOLE_ROW
)  # its cells stand under the wrong columns


@dataclass
class _Held:
    """Rows of one kind: how many there were, and the first of them."""

    count: int = 0
    rows: list[pl.DataFrame] = field(default_factory=list)

    def add(self, rows: pl.DataFrame) -> None:
        if self.count < _HELD and rows.height:
            self.rows.append(rows.head(_HELD - self.count))
        self.count += rows.height


class Suspects:
    """Looks at all batches of an input, in any order, and then names the suspects."""

    def __init__(self) -> None:
        self._ids = 0
        self._formed: dict[tuple[str, Form], _Held] = defaultdict(_Held)  # by field and form
        self._plain: dict[int, _Held] = defaultdict(_Held)  # digits without a leading zero, by length
        self._rounded: dict[int, _Held] = defaultdict(_Held)  # those of them that may be rounded, by length
        self._zeros: Counter[int] = Counter()  # digits with a leading zero, by length

    def look(self, rows: CheckedRows) -> None:
        """Count and hold what these rows have."""
        columns = ("row", "customer_id", "company_name")
        self._look(rows.accepted.select(columns))
        if not rows.rejected.is_empty():
            self._look(rows.rejected.filter(~_IS_RAGGED).select(columns))

    def _look(self, rows: pl.DataFrame) -> None:
        self._ids += rows.height - rows["customer_id"].null_count()
        is_odd = rows.select(_ODD)  # nearly all texts have none of the forms
        if is_odd["id"].any():
            odd = rows.select("row", "customer_id").filter(is_odd["id"])
            is_digits = odd["customer_id"].str.contains(_DIGITS)
            self._look_at_digits(odd.filter(is_digits))
            self._look_at_forms(odd.filter(~is_digits), "customer_id", OF_IDS)
        for name, forms in (("name", OF_NAMES), ("asking", (LOST_LETTERS,))):
            if is_odd[name].any():
                self._look_at_forms(rows.filter(is_odd[name]), "company_name", forms)

    def _look_at_forms(self, rows: pl.DataFrame, column: str, forms: Sequence[Form]) -> None:
        for form in forms if rows.height else ():
            found = rows.filter(pl.col(column).str.contains(form.pattern))
            self._formed[column, form].add(_suspected(found, column, form.suspicion, form.remedy))

    def _look_at_digits(self, rows: pl.DataFrame) -> None:
        if rows.is_empty():
            return
        size = pl.col("customer_id").str.len_bytes().cast(pl.Int64)
        has_zero = pl.col("customer_id").str.starts_with("0") & (size > 1)
        for (length,), zeros in rows.filter(has_zero).group_by(size):
            self._zeros[length] += zeros.height
        for (length,), plain in rows.filter(~has_zero).group_by(size):
            self._plain[length].add(plain)
            if length > _DIGITS_KEPT:
                end = pl.col("customer_id").str.slice(_DIGITS_KEPT)
                self._rounded[length].add(plain.filter(end == "0" * (length - _DIGITS_KEPT)))

    def notes(self) -> tuple[str, ...]:
        """What holds for the column as a whole, in a line."""
        if not self._are_dates_usual():
            return ()
        return (
            f"{self._formed[_ID_DATE].count} of {self._ids} customer_ids look like dates: if they are none of yours, "
            "export them again as text",
        )

    def found(self, most: int) -> pl.DataFrame:
        """The suspects, by row, at most so many: `row, customer_id, field, value, suspicion, remedy`."""
        lines = [pl.DataFrame(schema=_SCHEMA)]
        for kind, held in self._formed.items():
            if kind != _ID_DATE or not self._are_dates_usual():
                lines += held.rows
        lines += self._without_zeros()
        lines += self._beyond_chance()
        return pl.concat(lines).sort("row", maintain_order=True).head(most)

    def _are_dates_usual(self) -> bool:
        return self._formed[_ID_DATE].count * 2 > self._ids

    def _without_zeros(self) -> Iterator[pl.DataFrame]:
        if len(self._zeros) != 1:
            return
        ((width, zeros),) = self._zeros.items()
        if max(self._plain, default=0) > width or (zeros + self._plain[width].count) * 2 < self._ids:
            return
        suspicion = f"is shorter than the others, which have {width} digits: a spreadsheet may have dropped its zeros"
        remedy = pl.format("if it is {} in your own system, write that", pl.col("customer_id").str.zfill(width))
        for length, held in self._plain.items():
            if length < width:
                yield from (_suspected(rows, "customer_id", suspicion, remedy) for rows in held.rows)

    def _beyond_chance(self) -> Iterator[pl.DataFrame]:
        suspicion = "ends in zeros from its 16th digit on: a spreadsheet keeps 15 digits and may have lost the others"
        for length, held in self._rounded.items():
            by_chance = self._plain[length].count / 10 ** (length - _DIGITS_KEPT)
            if held.count > _MORE_THAN_CHANCE * by_chance:
                yield from (_suspected(rows, "customer_id", suspicion, _COMPARE) for rows in held.rows)


def _suspected(rows: pl.DataFrame, column: str, suspicion: str, remedy: str | pl.Expr) -> pl.DataFrame:
    return rows.select(
        "row",
        echo_column(pl.col("customer_id"), 80),
        pl.lit(column).alias("field"),
        echo_column(pl.col(column), 80).alias("value"),
        pl.lit(suspicion).alias("suspicion"),
        (pl.lit(remedy) if isinstance(remedy, str) else remedy).alias("remedy"),
    )
