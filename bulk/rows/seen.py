"""Which customer_ids have come by already, for files of any length: 24 bytes for each.

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


def hashed(rows: pl.DataFrame, column: str) -> pl.DataFrame:
    """The rows' ids as this module knows them: `row, h1, h2`."""
    return rows.select("row", *(pl.col(column).hash(seed).alias(f"h{n}") for n, seed in enumerate(_SEEDS, 1)))


class Seen:
    """The ids that came by so far, each with its row."""

    def __init__(self) -> None:
        self._layers: list[pl.DataFrame] = []

    def find(self, ids: pl.DataFrame) -> pl.DataFrame:
        """The rows among `row, h1, h2` whose id was added before, as `row, first_row`."""
        found = [pl.DataFrame(schema={"row": pl.Int64, "first_row": pl.Int64})]
        for layer in self._layers:
            place = layer["h1"].search_sorted(ids["h1"])
            there = layer["h1"].gather(place) == ids["h1"]
            if there.any():
                other = layer.select(pl.col("row", "h2").gather(place)).rename({"row": "first_row", "h2": "other"})
                same = ids.hstack(other).filter(there & (ids["h2"] == other["other"]))
                found.append(same.select("row", "first_row").drop_nulls())
        return pl.concat(found)

    def add(self, ids: pl.DataFrame) -> None:
        """Remember these lines of `row, h1, h2`; none of their ids may have been added before."""
        if ids.is_empty():
            return
        self._layers.append(pl.concat([ids.sort("h1"), _LAST]))
        while len(self._layers) > 1 and len(self._layers[-2]) < _GROWTH * len(self._layers[-1]):
            newer, older = self._layers.pop(), self._layers.pop()
            self._layers.append(older.merge_sorted(newer, key="h1").rechunk())
