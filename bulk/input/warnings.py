"""Finds values that a spreadsheet has probably changed. Each of them may be right, so no row is rejected for it.

Some values have a form that shows it. Others stand out only in comparison with the rest of the column, which is
complete after the last row. So the rows are counted as they are read, and a limited number of candidates is kept.
There is a warning if

- an identifier of digits is shorter than the others, all identifiers that begin with a zero have the same width, at
  least half of the column has that width, and none is wider;
- an identifier of 16 digits or more has only zeros from the 16th digit on, and there are many more of these than chance
  explains: spreadsheets keep 15 digits, but every tenth number of 16 digits ends with a zero anyway;
- an identifier looks like a date, unless most of the column does. In that case there is one note;
- an identifier is another spelling of an earlier one.
"""

from __future__ import annotations

import sys
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

import polars as pl

from bulk.input.damage import DATE, LOST_LETTERS, MAX_IN_LETTERS, OF_IDS, OF_NAMES, Form
from bulk.input.duplicates import FirstRows
from bulk.input.same_spellings import FORMS, MAY_DIFFER, SameSpellings
from bulk.input.validate import CheckedRows
from bulk.problem_groups import Texts, of_problem
from bulk.problems import CODES, SAME_SPELLING, SAME_SPELLING_REMEDY, WHOLE_ROW
from bulk.text import count, shorten_column

_DIGITS_KEPT: Final = 15
_MORE_THAN_CHANCE: Final = 4
MAX_KEPT: Final = 10_000
"""The most rows to keep of each form, and of the identifiers of digits of each length, unless all are needed."""
_COLUMNS: Final = ("row", "customer_id", "code", "field", "value", "warning", "remedy")
WARNINGS: Final = dict.fromkeys(_COLUMNS, pl.String) | {"row": pl.Int64}
"""The columns of warnings about values."""
_FIELDS: Final = ("customer_id", "company_name")
_DIGITS: Final = r"\A[0-9]+\z"
_ID_DATE: Final = ("customer_id", DATE)
_MAY_HAVE_A_FORM: Final = (
    (pl.col("customer_id").str.contains("|".join((_DIGITS, FORMS, *(form.pattern for form in OF_IDS)))) | MAY_DIFFER)
    .fill_null(value=False)
    .alias("id"),
    # All forms begin with a digit or a sign, or are short: a comparison is much cheaper than a pattern.
    ((pl.col("company_name") < "@") | (pl.col("company_name").str.len_bytes() <= MAX_IN_LETTERS)).alias("name"),
    pl.col("company_name").str.contains("?", literal=True).alias("question"),
)
_GENERAL: Final = {
    "lost_zeros": Texts("customer_id is shorter than the others", "if your own system has zeros before it, write them"),
    "description_damaged": Texts(
        "description was damaged before bulk read it", "correct them: Codat stores them as they are"
    ),
    "other_spelling": Texts("customer_id is perhaps another spelling of an earlier one", SAME_SPELLING_REMEDY),
}
_HAS_FIELDS: Final = pl.col("problems").str.json_path_match("$[0].field") != WHOLE_ROW
"""Whether the cells of a rejected row are in the right columns."""


@dataclass
class _Kept:
    """Rows of one kind: their number, and the first of them."""

    count: int = 0
    rows: list[pl.DataFrame] = field(default_factory=list)

    def add(self, rows: pl.DataFrame, most: int) -> None:
        if self.count < most and rows.height:
            self.rows.append(rows.head(most - self.count))
        self.count += rows.height


_Warned = tuple[_Kept, str, str, str, pl.Expr]
"""Rows of one kind, with the column, the code, the sentence and the remedy of their warnings."""


class Warnings:
    """Examines all rows of an input, in any order, and then returns the warnings."""

    def __init__(self, *, most: int | None = MAX_KEPT) -> None:
        """Keep at most `most` rows of each kind, or all of them."""
        self._most = sys.maxsize if most is None else most
        self._pairs: pl.DataFrame | None = None
        self._ids = 0
        self._formed: dict[tuple[str, Form], _Kept] = defaultdict(_Kept)  # by field and form
        self._plain: dict[int, _Kept] = defaultdict(_Kept)  # digits without a leading zero, by length
        self._rounded: dict[int, _Kept] = defaultdict(_Kept)  # those of them that may be rounded, by length
        self._same = SameSpellings()
        self._zeros: Counter[int] = Counter()  # digits with a leading zero, by length

    def add(self, rows: CheckedRows) -> None:
        """Examine some rows."""
        columns = ("row", *_FIELDS)
        self._add(rows.accepted.select(columns))
        if not rows.rejected.is_empty():
            self._add(rows.rejected.filter(_HAS_FIELDS).select(columns))

    def notes(self) -> tuple[str, ...]:
        """Return the notes about the column as a whole."""
        if not self._are_dates_usual():
            return ()
        return (
            f"{self._formed[_ID_DATE].count:,} of {count(self._ids, 'customer_id')} look like dates: "
            "if your system has no such identifiers, export them again as text",
        )

    def table(self, ids: FirstRows, limit: int) -> pl.DataFrame:
        """Return the first warnings, by row and field: `row, customer_id, code, field, value, warning, remedy`.

        `ids` has all identifiers of the input.
        """
        return self._lines_of(pl.lit(value=True), ids).head(limit)

    def between(self, first: int, last: int, ids: FirstRows) -> pl.DataFrame:
        """Return the warnings of the rows from `first` to `last`, like `table`."""
        return self._lines_of(pl.col("row").is_between(first, last), ids)

    def _lines_of(self, is_meant: pl.Expr, ids: FirstRows) -> pl.DataFrame:
        warnings = [pl.DataFrame(schema=WARNINGS), self._spellings(ids).filter(is_meant)]
        for kept, column, code, sentence, remedy in self._kinds():
            warnings += (_lines(rows.filter(is_meant), column, code, sentence, remedy) for rows in kept.rows)
        order = pl.col("field").replace_strict(_FIELDS, range(len(_FIELDS)), return_dtype=pl.Int8)
        return pl.concat(warnings).sort("row", order, "code")

    def totals(self) -> dict[tuple[str, str], int]:
        """Return the number of rows by code and field, also of those that `table` lacks; without other spellings."""
        totals: Counter[tuple[str, str]] = Counter()
        for kept, column, code, *_ in self._kinds():
            totals[code, column] += kept.count
        return dict(totals)

    def _kinds(self) -> Iterator[_Warned]:
        for (column, form), kept in self._formed.items():
            if (column, form) != _ID_DATE or not self._are_dates_usual():
                yield kept, column, form.code, form.sentence, pl.lit(form.remedy)
        yield from self._without_zeros()
        yield from self._rounded_ids()

    def _add(self, rows: pl.DataFrame) -> None:
        self._ids += rows.height - rows["customer_id"].null_count()
        may_have = rows.select(_MAY_HAVE_A_FORM)  # nearly all rows have none of the forms
        if may_have["id"].any():
            some = rows.select("row", "customer_id").filter(may_have["id"])
            is_digits = some["customer_id"].str.contains(_DIGITS)
            self._add_digits(some.filter(is_digits))
            others = some.filter(~is_digits)
            self._add_forms(others, "customer_id", OF_IDS)
            self._same.add(others)
        for name, forms in (("name", OF_NAMES), ("question", (LOST_LETTERS,))):
            if may_have[name].any():
                self._add_forms(rows.filter(may_have[name]), "company_name", forms)

    def _add_forms(self, rows: pl.DataFrame, column: str, forms: Sequence[Form]) -> None:
        for form in forms if rows.height else ():
            matches = rows.filter(pl.col(column).str.contains(form.pattern))
            kept = self._formed[column, form]
            kept.add(matches.select("row", *dict.fromkeys(("customer_id", column))), self._most)

    def _add_digits(self, rows: pl.DataFrame) -> None:
        if rows.is_empty():
            return
        size = pl.col("customer_id").str.len_bytes().cast(pl.Int64)
        has_zero = pl.col("customer_id").str.starts_with("0") & (size > 1)
        padded = rows.filter(has_zero)
        self._same.add_padded(padded)
        for (length,), zeros in padded.group_by(size):
            self._zeros[length] += zeros.height
        for (length,), plain in rows.filter(~has_zero).group_by(size):
            self._plain[length].add(plain, self._most)
            if length > _DIGITS_KEPT:
                end = pl.col("customer_id").str.slice(_DIGITS_KEPT)
                self._rounded[length].add(plain.filter(end == "0" * (length - _DIGITS_KEPT)), self._most)

    def _are_dates_usual(self) -> bool:
        return self._formed[_ID_DATE].count * 2 > self._ids

    def _spellings(self, ids: FirstRows) -> pl.DataFrame:
        if self._pairs is None:
            widths = {*self._zeros, *self._plain}
            self._pairs = self._same.pairs(ids, has_widths=len(widths) > 1)
        other = shorten_column(pl.col("first_customer_id"))
        sentence = pl.format(SAME_SPELLING, other, pl.col("first_row"))
        return _lines(self._pairs, "customer_id", "other_spelling", sentence, pl.lit(SAME_SPELLING_REMEDY))

    def _without_zeros(self) -> Iterator[_Warned]:
        if len(self._zeros) != 1:
            return
        ((width, zeros),) = self._zeros.items()
        if max(self._plain, default=0) > width or (zeros + self._plain[width].count) * 2 < self._ids:
            return
        sentence = f"is shorter than the others, which have {width} digits: a spreadsheet may have removed its zeros"
        remedy = pl.format("if your own system has {}, write that", pl.col("customer_id").str.zfill(width))
        for length, kept in self._plain.items():
            if length < width:
                yield kept, "customer_id", "lost_zeros", sentence, remedy

    def _rounded_ids(self) -> Iterator[_Warned]:
        sentence = "has only zeros from its 16th digit on: a spreadsheet keeps 15 digits and may have lost the others"
        remedy = pl.lit("compare it with your own system")
        for length, kept in self._rounded.items():
            by_chance = self._plain[length].count / 10 ** (length - _DIGITS_KEPT)
            if kept.count > _MORE_THAN_CHANCE * by_chance:
                yield kept, "customer_id", "rounded_number", sentence, remedy


def general_texts(code: str) -> Texts:
    """Return the texts that are true of every warning with this code. Those of most codes are always the same."""
    return _GENERAL.get(code) or (of_problem(code) if code in CODES else Texts("", ""))


def _lines(rows: pl.DataFrame, column: str, code: str, sentence: str | pl.Expr, remedy: pl.Expr) -> pl.DataFrame:
    return rows.select(
        "row",
        shorten_column(pl.col("customer_id")),
        pl.lit(code).alias("code"),
        pl.lit(column).alias("field"),
        shorten_column(pl.col(column)).alias("value"),
        (pl.lit(sentence) if isinstance(sentence, str) else sentence).alias("warning"),
        remedy.alias("remedy"),
    )
