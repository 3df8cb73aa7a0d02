"""Finds repeated identifiers in files of any length, with 24 bytes of memory for each identifier.

Each identifier is kept as two independent 64-bit hashes, sorted by the first, in a few layers of growing size. A
look-up is a binary search in each layer, and an addition sometimes merges two layers. Two different identifiers are
taken for equal only if all their 128 bits agree.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import polars as pl

_SEEDS: Final = (0x5BD1, 0xC2B2)
_GROWTH: Final = 4
_TYPES: Final = {"row": pl.Int64, "h1": pl.UInt64, "h2": pl.UInt64}
_SENTINEL: Final = pl.DataFrame({"row": [None], "h1": [2**64 - 1], "h2": [0]}, schema=_TYPES)
"""The last line of each layer, so that a binary search always finds a line."""


class FirstRows:
    """Remembers the first row of each identifier."""

    def __init__(self) -> None:
        self._layers: list[pl.DataFrame] = []

    def repeated(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Return `row, first_row` for each of these rows (`row, customer_id`) that repeats an earlier identifier.

        The identifiers of the others are remembered. Pass the rows in order; each must have an identifier.
        """
        ids = rows.select("row", *hashes("customer_id")).sort("h1")
        earlier = self.find(ids)
        new = _without(ids, earlier)
        same = _repeated_within(new)
        self._add(_without(new, same))
        return pl.concat([earlier, same])

    def find(self, ids: pl.DataFrame) -> pl.DataFrame:
        """Return `row, first_row` for each of these rows (`row, h1, h2`) whose identifier is remembered."""
        duplicates = [pl.DataFrame(schema={"row": pl.Int64, "first_row": pl.Int64})]
        for layer in self._layers:
            place = layer["h1"].search_sorted(ids["h1"])
            is_equal = layer["h1"].gather(place) == ids["h1"]
            if is_equal.any():
                first = layer.select(pl.col("row", "h2").gather(place.filter(is_equal)))
                pairs = ids.filter(is_equal).hstack(first.rename({"row": "first_row", "h2": "first_h2"}))
                same = pairs.filter(pl.col("h2") == pl.col("first_h2"))
                duplicates.append(same.select("row", "first_row").drop_nulls())
        return pl.concat(duplicates)

    def _add(self, ids: pl.DataFrame) -> None:
        if ids.is_empty():
            return
        self._layers.append(pl.concat([ids, _SENTINEL]))
        while len(self._layers) > 1 and len(self._layers[-2]) < _GROWTH * len(self._layers[-1]):
            newer, older = self._layers.pop(), self._layers.pop()
            self._layers.append(older.merge_sorted(newer, key="h1").rechunk())


def hashes(column: str) -> Iterator[pl.Expr]:
    """Yield the two hashes `h1` and `h2` of the texts in a column."""
    return (pl.col(column).hash(seed).alias(f"h{n}") for n, seed in enumerate(_SEEDS, 1))


def _without(ids: pl.DataFrame, duplicates: pl.DataFrame) -> pl.DataFrame:
    """Return the lines of the other rows, in the same order."""
    return ids.filter(~pl.col("row").is_in(duplicates["row"].implode())) if len(duplicates) else ids


def _repeated_within(ids: pl.DataFrame) -> pl.DataFrame:
    """Return `row, first_row` for the identifiers that repeat another one of these, which are sorted by `h1`."""
    equals_next = (ids["h1"] == ids["h1"].shift(-1)).fill_null(value=False)
    candidates = ids.filter(equals_next | equals_next.shift(1, fill_value=False))
    first_row = pl.col("row").min().over("h1", "h2").alias("first_row")
    return candidates.select("row", first_row).filter(pl.col("row") != pl.col("first_row"))
