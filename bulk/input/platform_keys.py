"""Finds the platformKeys of a column, and the words of four letters that only Codat can confirm as keys."""

from __future__ import annotations

from collections.abc import Collection, Mapping
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
    """The platformKeys of one input. `names` are the user's own: {name in the input: platformKey}.

    `confirmed` are the keys that Codat has. A word of four letters that is not among them is no key; without
    `confirmed`, it is accepted as a key.
    """

    def __init__(self, names: Mapping[str, str], confirmed: Collection[str] | None = None) -> None:
        """Raise UsageError for a name without a key."""
        self._confirmed = confirmed
        self._names = read_names(names)
        self._certain = {*NAMES, *self._names.values()}
        # Of each platform; a file contains few different ones.
        self._keys: dict[str, str | None] = {}
        self._unlisted: dict[str, str | None] = {}

    def keys(self, platforms: pl.Series) -> pl.Series:
        """Return the key of each platform, or null if it is unknown or ambiguous."""
        keys = {text: self._key(text) for text in platforms.unique().drop_nulls()}
        return platforms.replace_strict(keys, default=None, return_dtype=pl.String)

    def unlisted(self, platforms: pl.Series) -> pl.Series:
        """Return the word of four letters that each platform is if Codat has no such key, or null."""
        words = {text: self._unlisted.get(text) for text in platforms.unique().drop_nulls() if self._key(text) is None}
        return platforms.replace_strict(words, default=None, return_dtype=pl.String)

    def unconfirmed(self, rows: pl.DataFrame) -> dict[str, Uses]:
        """Return the uses of each `platform_key` of these rows that neither the table nor the user's names have."""
        unknown = {key for key in self._keys.values() if key is not None} - self._certain - set(self._confirmed or ())
        found = {key: uses(rows, key) for key in sorted(unknown)}
        return {key: some for key, some in found.items() if some.count}

    def _key(self, text: str) -> str | None:
        if text not in self._keys:
            key = platform_key(text, self._names)
            is_unlisted = self._confirmed is not None and key not in self._certain and key not in self._confirmed
            self._keys[text], self._unlisted[text] = (None, key) if is_unlisted else (key, None)
        return self._keys[text]


def uses(rows: pl.DataFrame, key: str) -> Uses:
    """Return the uses of a platformKey in some rows."""
    numbers = rows["row"].filter(rows["platform_key"] == key)
    return Uses(len(numbers), tuple(numbers.head(MAX_ROWS)))
