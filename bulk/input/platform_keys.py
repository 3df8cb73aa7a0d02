"""Finds the platformKeys of a column, and the words of four letters that only Codat can confirm as keys."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import polars as pl

from bulk.platforms import NAMES, platform_key, read_names

MAX_ROWS: Final = 3


@dataclass(frozen=True, slots=True)
class Uses:
    """The customers with one platformKey: their number, and the first rows."""

    count: int
    rows: tuple[int, ...]

    def __add__(self, later: Uses) -> Uses:
        """Return both together."""
        return Uses(self.count + later.count, (*self.rows, *later.rows)[:MAX_ROWS])


class PlatformKeys:
    """The platformKeys of one input. `names` are the user's own: {name in the input: platformKey}."""

    def __init__(self, names: Mapping[str, str]) -> None:
        """Raise UsageError for a name without a key."""
        self._names = read_names(names)
        self._certain = {*NAMES, *self._names.values()}
        self._keys: dict[str, str | None] = {}  # a file contains few different platforms

    def keys(self, platforms: pl.Series) -> pl.Series:
        """Return the key of each platform, or null if it is unknown or ambiguous."""
        keys = {text: self._key(text) for text in platforms.unique().drop_nulls()}
        return platforms.replace_strict(keys, default=None, return_dtype=pl.String)

    def unconfirmed(self, rows: pl.DataFrame) -> dict[str, Uses]:
        """Return the uses of each `platform_key` of these rows that neither the table nor the user's names have."""
        unknown = {key for key in self._keys.values() if key is not None} - self._certain
        found = {key: uses(rows, key) for key in sorted(unknown)}
        return {key: some for key, some in found.items() if some.count}

    def _key(self, text: str) -> str | None:
        if text not in self._keys:
            self._keys[text] = platform_key(text, self._names)
        return self._keys[text]


def uses(rows: pl.DataFrame, key: str) -> Uses:
    """Return the uses of a platformKey in some rows."""
    numbers = rows["row"].filter(rows["platform_key"] == key)
    return Uses(len(numbers), tuple(numbers.head(MAX_ROWS)))
