"""Which customers the page lists, and how their rows are written into it: many rows, few bytes.

The rows go in column by column, because a column repeats itself: a state, a time, an error or the beginning of a
linkUrl is written once. `page.js` takes them apart again (`decoded`).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Final

import polars as pl
from markupsafe import Markup

from bulk.model import State
from bulk.reports.columns import RESULTS

MOST: Final = 20_000
_TROUBLED: Final = (State.FAILED, State.REJECTED)
_ALIKE: Final = {"name_sent": "company_name"}  # a name is mostly sent as it is


class Customers:
    """The customers that the page lists, out of all rows of the results: all, or the first MOST, failed ones before."""

    def __init__(self, most: int = MOST) -> None:
        self.rows = 0  # of the results
        self._most = most
        self._all: list[pl.DataFrame] = []  # as long as they are no more than that
        self._troubled: list[pl.DataFrame] = []
        self._others: list[pl.DataFrame] = []

    def write(self, frame: pl.DataFrame) -> None:
        """Take rows."""
        self.rows += frame.height
        if self.rows <= self._most:
            self._all.append(frame)
            return
        for each in (*self._all, frame):
            is_troubled = each["state"].is_in(_TROUBLED)
            self._keep(each, is_troubled, self._troubled)
            self._keep(each, ~is_troubled, self._others)
        self._all.clear()

    def listed(self) -> pl.DataFrame:
        """Return the rows that the page lists."""
        frames = self._all or [*self._troubled, *self._others]
        return pl.concat(frames).head(self._most) if frames else pl.DataFrame(schema=dict.fromkeys(RESULTS, pl.String))

    def _keep(self, frame: pl.DataFrame, chosen: pl.Series, kept: list[pl.DataFrame]) -> None:
        room = self._most - sum(each.height for each in kept)
        if room > 0 and chosen.any():
            kept.append(_copied(frame.filter(chosen).head(room)))


def _copied(frame: pl.DataFrame) -> pl.DataFrame:
    """Copy rows: what polars filters goes on holding the texts of all the others."""
    return pl.DataFrame(frame.to_dict(as_series=False), schema=frame.schema)


def coded(frame: pl.DataFrame) -> Markup:
    """Write the rows as a JSON list of columns that can stand inside an HTML script element."""
    # A column at a time: all of them as Python's lists at once would take ten times the memory of the frame.
    return Markup(f"[{','.join(_column(frame, name) for name in frame.columns)}]")  # noqa: S704 - `as_json` has escaped


def as_json(value: object) -> Markup:
    """Write a value as JSON that can stand inside an HTML script element, whatever texts it holds."""
    text = json.dumps(value, separators=(",", ":"))  # all ASCII: a page with wide letters takes twice the memory
    return Markup(text.replace("<", r"\u003c").replace(">", r"\u003e").replace("&", r"\u0026"))  # noqa: S704 - escaped


def _column(frame: pl.DataFrame, name: str) -> str:
    values = frame[name].to_list()
    column: dict[str, object] = {"name": name}
    if frame.schema[name] == pl.String:
        others = frame[_ALIKE[name]].to_list() if name in _ALIKE else []
        column |= _texts(values, others) | ({"like": frame.columns.index(_ALIKE[name])} if others else {})
    else:
        column["values"] = values
    return as_json(column)


def _texts(values: Sequence[str | None], others: Sequence[str | None]) -> dict[str, object]:
    """Write texts once where they repeat: as numbers in the list of words, or as 0 where the other column has it."""
    there = [value for value in values if value is not None]
    words = {word: number for number, word in enumerate(dict.fromkeys(there))}
    if others:
        same = zip(values, others, strict=True)
        return {"values": [0 if value is not None and value == other else value for value, other in same]}
    if len(words) * 2 <= len(there):
        return {"words": list(words), "values": [None if value is None else words[value] for value in values]}
    prefix = _prefix(there)
    return {"prefix": prefix, "values": [value and value[len(prefix) :] for value in values]}


def _prefix(texts: Sequence[str]) -> str:
    """Return what all of them begin with: what the first and the last in order have in common."""
    if not texts:
        return ""
    first, last = min(texts), max(texts)
    length = next((place for place, signs in enumerate(zip(first, last, strict=False)) if len({*signs}) > 1), None)
    return first if length is None else first[:length]
