"""Finds identifiers of one file that are spellings of each other. They remain two customers; `check` warns of them.

The key of nearly every identifier is the identifier itself, and two such identifiers are never spellings of each other.
So only the others are kept. At the end their keys are looked up among all identifiers. The keys of usual forms are
calculated for whole columns, because all rows of a file may have such a form.
"""

from __future__ import annotations

from typing import Final

import polars as pl

from bulk.input.duplicates import FirstRows, hashes
from bulk.spellings import spelling_key

_NONE: Final = pl.DataFrame(schema={"row": pl.Int64, "customer_id": pl.String, "h1": pl.UInt64, "h2": pl.UInt64})
_WHOLE: Final = r"\A0*([0-9]+)(?:\.0*)?\z"
_HEX: Final = "[0-9A-Fa-f]"
_UUID: Final = rf"{_HEX}{{8}}(?:-{_HEX}{{4}}){{3}}-{_HEX}{{12}}|{_HEX}{{32}}"
_UUID_ALONE: Final = rf"\A(?:{_UUID}|\{{(?:{_UUID})\}})\z"
_UUID_PARTS: Final = ((0, 8), (8, 4), (12, 4), (16, 4), (20, 12))
_SIZE: Final = pl.col("customer_id").str.len_bytes()

FORMS: Final = r"\A[+\-'\"‘’“”„`=~{]|\A[0-9.,' ]+\z|\A[0-9][0-9.,]*[Ee]\+?[0-9]{1,3}\z"
"""Matches identifiers that may be numbers or marked as texts. Only the start of any other one is looked at."""
_MAY_BE_UUID: Final = (_SIZE == 32) | ((_SIZE == 36) & pl.col("customer_id").str.contains("[A-F]"))
_HAS_TWO_SPACES: Final = pl.col("customer_id").str.contains("  ", literal=True)
MAY_DIFFER: Final = _MAY_BE_UUID | _HAS_TWO_SPACES | (pl.col("customer_id").str.len_chars() != _SIZE)
"""Whether any other identifier may differ from its key, as few do."""
_IS_UNUSUAL: Final = (
    pl.col("customer_id").str.contains(rf"{FORMS}|\p{{Cf}}|[^\S ]|[\x{{ff01}}-\x{{ff5e}}]|[0-9]’[0-9]")
    | (pl.col("customer_id").str.normalize("NFC") != pl.col("customer_id"))
    | _MAY_BE_UUID
    | _HAS_TWO_SPACES
)
"""Whether an identifier may differ from its key. Most texts with letters that are not ASCII do not."""


class SameSpellings:
    """Collects the identifiers that differ from their keys, with hashes of their keys."""

    def __init__(self) -> None:
        self._padded: list[pl.DataFrame] = []
        self._others: list[pl.DataFrame] = []

    def add_padded(self, rows: pl.DataFrame) -> None:
        """Examine identifiers of digits that begin with a zero: `row, customer_id`."""
        self._padded.append(rows)

    def add(self, rows: pl.DataFrame) -> None:
        """Examine other identifiers that may differ from their keys."""
        others = _keyed(rows.filter(_IS_UNUSUAL)).filter(pl.col("key") != pl.col("customer_id"))
        if not others.is_empty():
            self._others.append(others.select("row", "customer_id", *hashes("key")))

    def pairs(self, ids: FirstRows, *, has_widths: bool) -> pl.DataFrame:
        """Return `row, customer_id, first_row, first_customer_id` for each identifier with an earlier spelling.

        `ids` has all identifiers of the file. `has_widths` is whether identifiers of digits differ in width: if not,
        none of those that begin with a zero is another spelling of one of digits.
        """
        padded = self._padded if has_widths or self._others else []
        rows = pl.concat(
            [_NONE, *(_keyed(some).select("row", "customer_id", *hashes("key")) for some in padded), *self._others]
        )
        found = ids.find(rows.select("row", "h1", "h2"))
        rows = rows.filter(pl.col("row").is_in(found["row"].implode()) | pl.col("h1").is_duplicated())
        rows = _keyed(rows.select("row", "customer_id").unique("customer_id", keep="first"))
        same = found.join(rows, on="row")
        plain = same.select(pl.col("first_row").alias("row"), pl.col("key").alias("customer_id"), "key")
        members = pl.concat([rows, plain.unique("customer_id")]).sort("row")
        first = [pl.col(name).first().over("key").alias(f"first_{name}") for name in ("row", "customer_id")]
        return members.select("row", "customer_id", *first).filter(pl.col("row") != pl.col("first_row"))


def _keyed(rows: pl.DataFrame) -> pl.DataFrame:
    return rows.with_columns(keys(rows["customer_id"]).alias("key"))


def keys(ids: pl.Series) -> pl.Series:
    """Return the key of each identifier."""
    whole = ids.str.extract(_WHOLE)
    is_uuid = ids.str.contains(_UUID_ALONE) & ids.str.contains("[A-Fa-f]")
    digits = pl.DataFrame({"digits": ids.filter(is_uuid).str.replace_all("[{}-]", "").str.to_lowercase()})
    parts = (pl.col("digits").str.slice(*part) for part in _UUID_PARTS)
    uuids = digits.select(pl.concat_str(list(parts), separator="-")).to_series()
    is_other = whole.is_null() & ~is_uuid
    others = pl.Series([spelling_key(each) for each in ids.filter(is_other)], dtype=pl.String)
    return whole.scatter(is_uuid.arg_true(), uuids).scatter(is_other.arg_true(), others)
