"""Which customer_ids have come by already, for files of any length: 24 bytes for each.

Ids are remembered as two independent 64-bit hashes, sorted by the first, in a few layers that double in size: looking
up a batch is a binary search in each layer, and adding one costs a linear merge now and then. Two different ids would
have to agree in 128 bits to be taken for one.
"""

from __future__ import annotations

import polars as pl

_SEEDS = (0x5BD1, 0xC2B2)


def hashes(ids: pl.Expr) -> list[pl.Expr]:
    """The two columns `h1` and `h2` by which `Seen` knows an id."""
    return [ids.hash(seed).alias(f"h{n}") for n, seed in enumerate(_SEEDS, 1)]


class Seen:
    """The rows that came by so far, by their id's hashes."""

    def __init__(self) -> None:
        self._layers: list[pl.DataFrame] = []

    def rows_of(self, ids: pl.DataFrame) -> pl.Series:
        """For each line of `h1, h2` the row that was added under them, or null."""
        found = pl.Series("first", [None] * len(ids), dtype=pl.Int64)
        for layer in self._layers:
            place = layer["h1"].search_sorted(ids["h1"], side="left")
            place = pl.select(pl.min_horizontal(pl.lit(place), pl.lit(len(layer) - 1, dtype=place.dtype))).to_series()
            there = layer.select(pl.all().gather(place))
            same = (there["h1"] == ids["h1"]) & (there["h2"] == ids["h2"])
            found = pl.select(pl.coalesce(pl.lit(found), pl.when(pl.lit(same)).then(pl.lit(there["row"])))).to_series()
        return found

    def add(self, lines: pl.DataFrame) -> None:
        """Remember these lines of `h1, h2, row`; none of them may have been added before."""
        if lines.is_empty():
            return
        self._layers.append(lines.select("h1", "h2", "row").sort("h1"))
        while len(self._layers) > 1 and len(self._layers[-2]) < 2 * len(self._layers[-1]):
            newer, older = self._layers.pop(), self._layers.pop()
            self._layers.append(older.merge_sorted(newer, key="h1").rechunk())
