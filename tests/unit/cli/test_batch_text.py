"""`check --batch` shows the differences in numbers."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from bulk.batch_comparison import BatchComparison
from bulk.cli.batch_text import text


def comparison(*, conflicts: int) -> BatchComparison:
    """Return a comparison with this many rows in conflict."""
    return BatchComparison(Path("reports/autumn"), 1, 2, 3, 4, 0, conflicts, 9, False, {}, pl.DataFrame())


def test_the_rows_in_conflict_are_counted() -> None:
    """The numbers are those of the batch."""
    shown = text(comparison(conflicts=1_202))
    assert "1 new, 2 same, 3 changed, 4 gone" in shown
    assert "1,202 rows of the batch, 0 of this file" in shown


def test_without_conflicts_the_text_says_which_ones_only_migrate_finds() -> None:
    """Names in Codat are not known here."""
    shown = text(comparison(conflicts=0))
    assert "0 rows of the batch; migrate may find more: only migrate reads Codat's list" in shown
    assert "rejected" not in shown
