"""The workbook for people: `results.xlsx`."""

from __future__ import annotations

from pathlib import Path
from typing import Self

import polars as pl

from bulk.journal.figures import Figures
from bulk.reporting.advice import Place


class Sheet:
    """One sheet of the workbook."""

    def write(self, frame: pl.DataFrame) -> None:
        """Add rows."""


class Workbook:
    """The workbook."""

    def __init__(self, path: Path) -> None:
        self._path = path
        path.touch()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def sheet(self, name: str) -> Sheet:
        """Add a sheet."""
        return Sheet()

    def summary(self, figures: Figures, place: Place) -> None:
        """Fill in the summary."""
