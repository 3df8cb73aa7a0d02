"""Finds the platforms that Expenses does not sync, and the words that may not be platformKeys at all.

The customers can be linked if Codat has the platform. `migrate` rejects those with a word that Codat does not list.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

import polars as pl

from bulk.input.platform_keys import Uses, uses
from bulk.input.validate import CheckedRows
from bulk.platforms import NAMES, SUPPORTED, nearest
from bulk.text import series

_SCHEMA: Final = pl.Schema(
    {
        "platform_key": pl.String(),
        "name": pl.String(),
        "customers": pl.Int64(),
        "rows": pl.List(pl.Int64),
        "code": pl.String(),
        "warning": pl.String(),
        "remedy": pl.String(),
    }
)


class PlatformWarnings:
    """Examines all rows of an input, in order, and then returns one warning for each such platform."""

    def __init__(self) -> None:
        self._unsynced: dict[str, Uses] = {}
        self._unconfirmed: set[str] = set()

    def add(self, rows: CheckedRows, keys: Collection[str]) -> None:
        """Examine some rows, whose accepted platformKeys are `keys`."""
        self._unconfirmed |= rows.unconfirmed_keys.keys()
        for key in set(keys) - set(SUPPORTED):
            found = uses(rows.accepted, key)
            self._unsynced[key] = self._unsynced[key] + found if key in self._unsynced else found

    def table(self) -> pl.DataFrame:
        """Return `platform_key, name, customers, rows, code, warning, remedy`, the most frequent platform first.

        `rows` has the first rows.
        """
        order = sorted(self._unsynced.items(), key=lambda item: (-item[1].count, item[0]))
        lines = [
            (key, NAMES.get(key, key), found.count, list(found.rows), *_texts(key, self._unconfirmed))
            for key, found in order
        ]
        return pl.DataFrame(lines, schema=_SCHEMA, orient="row")


def _texts(key: str, unconfirmed: set[str]) -> tuple[str, str, str]:
    """Return the code, the warning and the remedy."""
    if key not in unconfirmed:
        remedy = "migrate them only if a connection without Expenses is useful"
        return "platform_not_synced", "can be linked, but Expenses does not sync it", remedy
    names = [f'"{name}"' for name in nearest(key)]
    perhaps = f" (perhaps {series(names, 'or')})" if names else ""
    remedy = f"write the name of the accounting software, or confirm the key with --platform-name {key}={key}"
    warning = f"is not the name or the platformKey of a known platform{perhaps}"
    return "platform_unconfirmed", f"{warning}; migrate rejects its rows if Codat does not list it", remedy
