"""Finds several customers with the same address, or with the same name and the same address. No row is rejected for it.

A mail tool may send one email for each address, although a bookkeeper has many customers. Customers with the same name
and address may be one, which would get two companies. Each address takes 48 bytes of memory.
"""

from __future__ import annotations

import sys
from collections import Counter
from typing import Final

import polars as pl

from bulk.input.duplicates import FirstRows
from bulk.input.validate import CheckedRows
from bulk.input.warnings import WARNINGS
from bulk.text import shorten_column

_TEXTS: Final = {
    "shared_email": (
        "is the address of several customers",
        "a mail tool may send only one of their linkUrls: send one email for each row",
    ),
    "shared_name_and_email": (
        "is the address of several customers with the same name",
        "if they are one customer, keep one of the rows; otherwise they remain several customers",
    ),
}
_ADDRESS: Final = pl.col("email").str.to_lowercase()
_NAME: Final = pl.col("name_sent").str.to_lowercase().str.strip_chars(" .,")


class SharedEmails:
    """Examines all rows of an input, in order, and then returns the first warnings."""

    def __init__(self, limit: int | None) -> None:
        """Keep at most `limit` warnings, or all."""
        self._limit = sys.maxsize if limit is None else limit
        self._addresses, self._named = FirstRows(), FirstRows()
        self._known: set[int] = set()  # the first rows that have been counted
        self._kept = [pl.DataFrame(schema=WARNINGS)]
        self.counts: Counter[str] = Counter()
        """The number of all customers, by code."""

    def add(self, rows: CheckedRows) -> None:
        """Examine some rows."""
        emails = rows.accepted.filter(pl.col("email").is_not_null())
        addresses = emails.select("row", _ADDRESS.alias("customer_id"))
        named = emails.select("row", pl.concat_str(_ADDRESS, pl.lit("\n"), _NAME).alias("customer_id"))
        repeated = self._addresses.repeated(addresses)
        same = self._named.repeated(named)
        if repeated.is_empty():
            return
        is_same = pl.col("row").is_in(same["row"].implode())
        code = pl.when(is_same).then(pl.lit("shared_name_and_email")).otherwise(pl.lit("shared_email")).alias("code")
        later = emails.join(repeated, on="row", how="inner", maintain_order="left").with_columns(code)
        once = later.unique("first_row", keep="first", maintain_order=True)
        is_new = pl.Series([row not in self._known for row in once["first_row"]], dtype=pl.Boolean)
        first = once.filter(is_new)
        self._known.update(first["first_row"])
        self._keep(first.with_columns(pl.col("first_row").alias("row"), pl.lit(None, pl.String).alias("customer_id")))
        self._keep(later)

    def _keep(self, rows: pl.DataFrame) -> None:
        self.counts.update(dict(rows["code"].value_counts().iter_rows()))
        some = rows.head(self._limit)
        self._limit -= some.height
        sentence, remedy = (
            pl.col("code").replace_strict({code: texts[at] for code, texts in _TEXTS.items()}, return_dtype=pl.String)
            for at in (0, 1)
        )
        self._kept.append(
            some.select(
                "row",
                shorten_column(pl.col("customer_id")),
                "code",
                pl.lit("email").alias("field"),
                shorten_column(_ADDRESS).alias("value"),
                sentence.alias("warning"),
                remedy.alias("remedy"),
            )
        )

    def table(self) -> pl.DataFrame:
        """Return `row, customer_id, code, field, value, warning, remedy`. The first row of each address has no id."""
        return pl.concat(self._kept).sort("row", maintain_order=True)
