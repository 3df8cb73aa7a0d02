"""Parts the rows of one frame into accepted and rejected ones, with every fault of every row.

Everything is a polars expression over whole columns; what only rejected rows need is worked out for those alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import polars as pl

from bulk.rows import platforms
from bulk.rows.check import RULES, derived, shown, trimmed
from bulk.rows.frames import CELLS, SURPLUS, cell
from bulk.rows.guard import unguard
from bulk.rows.header import FIELDS, Header
from bulk.rows.seen import Seen, hashed

_SPREADSHEET_FORM: Final = r"\A\d(?:[.,]\d+)?E[+\-]\d{2,3}\z"
_REMEDIES_LOOKED_UP: Final = 300
"""So many unknown platform names get a remedy of their own; finding the nearest name takes a millisecond each."""


@dataclass(frozen=True)
class Batch:
    """Some consecutive rows of the input, judged."""

    accepted: pl.DataFrame
    """`row, customer_id, company_name, name_sent, platform_key, email, description, extra, mends`."""
    rejected: pl.DataFrame
    """`row, customer_id, company_name, platform, email, cells, extra, reasons, mends`."""
    faults: pl.DataFrame
    """One line for each fault: `row, customer_id, field, value, problem, remedy`."""


class Judge:
    """Judges the frames of one input, in order; it remembers the ids that came by and what it noticed on the way."""

    def __init__(self, header: Header) -> None:
        self._header = header
        self._width = len(header.columns)
        self._seen = Seen()
        self._remedies: dict[str, str] = {}
        self._rows = 0
        self.blank_rows = 0
        self.spreadsheet_ids = 0

    def judge(self, frame: pl.DataFrame) -> Batch:
        """Part these rows; those without any text are left out and not counted."""
        rows = self._numbered(frame)
        rows = rows.with_columns(derived()).with_columns(
            rule.is_broken.fill_null(value=False).alias(rule.name) for rule in RULES
        )
        rows = self._with_ragged(rows)
        rows = rows.with_columns(is_faulty=pl.any_horizontal("ragged", *(rule.name for rule in RULES)))
        rows = self._with_first_row(rows)
        rows = rows.with_columns(is_rejected=pl.col("is_faulty") | pl.col("first_row").is_not_null())
        self.spreadsheet_ids += int(rows["customer_id"].str.contains(_SPREADSHEET_FORM).sum() or 0)
        accepted = rows.filter(~pl.col("is_rejected")) if rows["is_rejected"].any() else rows
        rejected = rows.filter("is_rejected")
        faults = self._faults(rejected)
        return Batch(self._accepted(accepted), self._rejected(rejected, faults), faults.drop("order"))

    def _numbered(self, frame: pl.DataFrame) -> pl.DataFrame:
        """The rows with text in them: their numbers, their trimmed fields, and their cells as they are."""
        names = [cell(place) for place in range(self._width)]
        if self._header.mended:
            mends = (
                pl.col(cell(self._width))
                .str.extract(r"\A\s*(\d{1,18})(?:[.,]0*)?\s*\z", 1)
                .cast(pl.Int64, strict=False)
            )
            frame = frame.with_columns(mends.alias("mends"), *(unguard(pl.col(name)) for name in names))
        else:
            frame = frame.with_columns(pl.lit(None, dtype=pl.Int64).alias("mends"))
        is_blank = pl.all_horizontal(pl.col(name for name in (*names, SURPLUS) if name in frame.columns).is_null())
        some = frame.filter(~is_blank)
        self.blank_rows += len(frame) - len(some)
        places = self._header.places
        fields = [
            trimmed(pl.col(cell(places[field]))).alias(field)
            if field in places
            else pl.lit(None, dtype=pl.String).alias(field)
            for field in FIELDS
        ]
        numbered = some.with_columns(
            pl.int_range(self._rows + 1, self._rows + 1 + len(some), dtype=pl.Int64).alias("row"), *fields
        )
        self._rows += len(some)
        return numbered

    def _with_ragged(self, rows: pl.DataFrame) -> pl.DataFrame:
        if CELLS not in rows.columns:
            return rows.with_columns(pl.lit(value=False).alias("ragged"))
        width = self._width + (2 if self._header.mended else 0)
        rows = rows.with_columns((pl.col(CELLS) != width).alias("ragged"))
        # The cells of such a row stand under the wrong columns: what they seem to break says nothing.
        return rows.with_columns(pl.col(rule.name) & ~pl.col("ragged") for rule in RULES)

    def _with_first_row(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Add `first_row`: where a valid row before this one has the same customer_id, that row's number."""
        usable = rows.filter(pl.col("customer_id").is_not_null() & ~pl.col("ragged"))
        ids = hashed(usable, "customer_id")
        repeated = self._seen.find(ids)
        new = ids.filter(~usable["is_faulty"])
        if len(repeated):
            new = new.join(repeated, on="row", how="anti", maintain_order="left")
        if ids["h1"].n_unique() < len(ids):
            new = new.unique(["h1", "h2"], keep="first", maintain_order=True)
            twice = ids.filter(pl.col("h1").is_duplicated()).join(new.rename({"row": "first_row"}), on=["h1", "h2"])
            repeated = pl.concat(
                [repeated, twice.filter(pl.col("first_row") < pl.col("row")).select("row", "first_row")]
            )
        self._seen.add(new)
        if repeated.is_empty():
            return rows.with_columns(pl.lit(None, dtype=pl.Int64).alias("first_row"))
        return rows.join(repeated, on="row", how="left", maintain_order="left")

    def _faults(self, rejected: pl.DataFrame) -> pl.DataFrame:
        """Every fault of these rows, in the order of the rows and, within one, of the fields."""
        broken = rejected.select(pl.col(rule.name for rule in RULES).any())
        found = [
            self._lines(rejected, rule.name, order, rule.field, pl.lit(rule.problem), pl.lit(rule.remedy))
            for order, rule in enumerate(RULES)
            if broken[rule.name].item()
        ]
        again = rejected.filter(pl.col("first_row").is_not_null()).with_columns(pl.lit(value=True).alias("again"))
        problem = pl.format("stands in row {} already", "first_row")
        found.append(
            self._lines(again, "again", len(RULES), "customer_id", problem, pl.lit("give each customer one row"))
        )
        if CELLS in rejected.columns:
            width = self._width + (2 if self._header.mended else 0)
            surplus = (
                pl.when(pl.col(SURPLUS).is_null())
                .then(pl.lit(""))
                .otherwise(pl.format(", the last: {}", shown(pl.col(SURPLUS))))
            )
            problem = pl.format("has {} cells where the header has {}{}", CELLS, pl.lit(width), surplus)
            remedy = "put a text that holds the delimiter into double quotes, or add the missing cells"
            found.append(self._lines(rejected, "ragged", -1, "row", problem, pl.lit(remedy)))
        faults = pl.concat(found).sort("row", "order")
        return faults.with_columns(shown(pl.col("value")).alias("value"), self._remedy(faults))

    def _lines(
        self, rows: pl.DataFrame, flag: str, order: int, field: str, problem: pl.Expr, remedy: pl.Expr
    ) -> pl.DataFrame:
        value = pl.col(field) if field in FIELDS else pl.col(SURPLUS)
        return rows.filter(flag).select(
            "row",
            "customer_id",
            pl.lit(field).alias("field"),
            value.alias("value"),
            problem.alias("problem"),
            remedy.alias("remedy"),
            pl.lit(order, dtype=pl.Int64).alias("order"),
        )

    def _remedy(self, faults: pl.DataFrame) -> pl.Expr:
        """Fill in the remedies that depend on the text: only an unknown platform has such a one."""
        texts = faults.filter(pl.col("remedy") == "")["value"].unique().to_list()
        for text in texts:
            if text not in self._remedies and len(self._remedies) < _REMEDIES_LOOKED_UP:
                self._remedies[text] = platforms.remedy(text)
        own = pl.col("value").replace_strict(self._remedies, default=platforms.remedy(""), return_dtype=pl.String)
        return pl.when(pl.col("remedy") == "").then(own).otherwise("remedy").alias("remedy")

    def _accepted(self, rows: pl.DataFrame) -> pl.DataFrame:
        return rows.select(
            "row",
            "customer_id",
            "company_name",
            "name_sent",
            "platform_key",
            "email",
            "description",
            self._extra(),
            "mends",
        )

    def _rejected(self, rows: pl.DataFrame, faults: pl.DataFrame) -> pl.DataFrame:
        reasons = faults.group_by("row", maintain_order=True).agg(
            pl.format("{} {}: {}", "field", "problem", "remedy").str.join("; ").alias("reasons")
        )
        return rows.join(reasons, on="row", how="left", maintain_order="left").select(
            "row",
            "customer_id",
            "company_name",
            "platform",
            "email",
            _json(self._header.columns, range(self._width)).alias("cells"),
            self._extra(),
            "reasons",
            "mends",
        )

    def _extra(self) -> pl.Expr:
        taken = set(self._header.places.values())
        return _json(self._header.columns, [place for place in range(self._width) if place not in taken]).alias("extra")


def _json(columns: tuple[str, ...], places: range | list[int]) -> pl.Expr:
    if not places:
        return pl.lit("{}")
    return pl.struct(pl.col(cell(place)).alias(columns[place]) for place in places).struct.json_encode()
