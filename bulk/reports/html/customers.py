"""Selects the customers that the page lists from all rows of the results."""

from __future__ import annotations

from typing import Final

import polars as pl

from bulk.model import State
from bulk.reports.columns import RESULTS

MAX_LISTED: Final = 20_000
_WITH_ERRORS: Final = (State.CONFLICT, State.FAILED, State.REJECTED)


class Customers:
    """The rows that the page lists: all, or `most` of them, with failed and rejected rows before the others."""

    def __init__(self, most: int = MAX_LISTED) -> None:
        self.rows = 0  # of the results
        self._most = most
        self._all: list[pl.DataFrame] = []  # until there are too many to list
        self._with_errors: list[pl.DataFrame] = []
        self._others: list[pl.DataFrame] = []

    def write(self, frame: pl.DataFrame) -> None:
        """Add rows of the results."""
        self.rows += frame.height
        if self.rows <= self._most:
            self._all.append(frame)
            return
        for each in (*self._all, frame):
            has_error = each["state"].is_in(_WITH_ERRORS)
            self._keep(each, has_error, self._with_errors)
            self._keep(each, ~has_error, self._others)
        self._all.clear()

    def listed(self) -> pl.DataFrame:
        """Return the rows that the page lists."""
        frames = self._all or [*self._with_errors, *self._others]
        return pl.concat(frames).head(self._most) if frames else pl.DataFrame(schema=dict.fromkeys(RESULTS, pl.String))

    def _keep(self, frame: pl.DataFrame, selected: pl.Series, kept: list[pl.DataFrame]) -> None:
        room = self._most - sum(each.height for each in kept)
        if room > 0 and selected.any():
            kept.append(_copy(frame.filter(selected).head(room)))


def _copy(frame: pl.DataFrame) -> pl.DataFrame:
    """Copy rows, because a filtered frame of polars keeps the texts of all the other rows in memory."""
    return pl.DataFrame(frame.to_dict(as_series=False), schema=frame.schema)
