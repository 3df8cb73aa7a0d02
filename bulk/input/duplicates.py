"""Which customer_id stands in which row first, for files of any length: 24 bytes for each id.

Ids are remembered as two independent 64-bit hashes, sorted by the first, in a few layers of growing size: looking up
a batch is a binary search in each layer, and adding one costs a linear merge now and then. Two different ids would
have to agree in 128 bits to be taken for one.
"""

from __future__ import annotations

from typing import Final

import polars as pl

_SEEDS: Final = (0x5BD1, 0xC2B2)
_GROWTH: Final = 4
_TYPES: Final = {"row": pl.Int64, "h1": pl.UInt64, "h2": pl.UInt64}
_LAST: Final = pl.DataFrame({"row": [None], "h1": [2**64 - 1], "h2": [0]}, schema=_TYPES)
"""Ends each layer, so that a binary search in it always comes out at a line."""
_AS_BEFORE: Final = ((pl.col("h1") == pl.col("h1").shift()) & (pl.col("h2") == pl.col("h2").shift())).fill_null(
    value=False
)


class FirstRows:
    """The ids of all rows that came by so far, each with its first row."""

    def __init__(self) -> None:
        self._layers: list[pl.DataFrame] = []

    def repeated(self, rows: pl.DataFrame) -> pl.DataFrame:
        """The rows among these (`row, customer_id`) whose id was there before: `row, first_row`.

        The others are remembered. Rows must come in order, and without a missing id.
        """
        hashes = (pl.col("customer_id").hash(seed).alias(f"h{n}") for n, seed in enumerate(_SEEDS, 1))
        new = ids = rows.select("row", *hashes).sort("h1", "h2", "row")
        found = self._find(ids)
        if len(found):
            new = new.join(found, on="row", how="anti", maintain_order="left")
        as_before = ids.select(_AS_BEFORE).to_series()
        if as_before.any():
            new = new.filter(~_AS_BEFORE)
            again = ids.filter(as_before).join(new.rename({"row": "first_row"}), on=["h1", "h2"])
            found = pl.concat([found, again.filter(pl.col("first_row") < pl.col("row")).select("row", "first_row")])
        self._add(new)
        return found

    def _find(self, ids: pl.DataFrame) -> pl.DataFrame:
        found = [pl.DataFrame(schema={"row": pl.Int64, "first_row": pl.Int64})]
        for layer in self._layers:
            place = layer["h1"].search_sorted(ids["h1"])
            there = layer["h1"].gather(place) == ids["h1"]
            if there.any():
                other = layer.select(pl.col("row", "h2").gather(place.filter(there)))
                same = ids.filter(there).hstack(other.rename({"row": "first_row", "h2": "other"}))
                found.append(same.filter(pl.col("h2") == pl.col("other")).select("row", "first_row").drop_nulls())
        return pl.concat(found)

    def _add(self, ids: pl.DataFrame) -> None:
        if ids.is_empty():
            return
        self._layers.append(pl.concat([ids, _LAST]))
        while len(self._layers) > 1 and len(self._layers[-2]) < _GROWTH * len(self._layers[-1]):
            newer, older = self._layers.pop(), self._layers.pop()
            self._layers.append(older.merge_sorted(newer, key="h1").rechunk())
