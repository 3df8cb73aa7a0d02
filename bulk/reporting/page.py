"""The page for people: `report.html`, one file that needs nothing besides."""

from __future__ import annotations

from collections.abc import Iterable

import polars as pl

from bulk.journal.figures import Figures, Rejected
from bulk.reporting.advice import Place


class Customers:
    """The customers that the page lists, out of all rows of the results."""

    def write(self, frame: pl.DataFrame) -> None:
        """Take rows."""


def page(figures: Figures, customers: Customers, rejected: Iterable[Rejected], place: Place) -> str:
    """Make the page."""
    return ""
