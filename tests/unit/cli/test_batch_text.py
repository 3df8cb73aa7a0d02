"""`check --batch` shows three rows of each kind of conflict."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from bulk.batch_comparison import BatchComparison
from bulk.cli.batch_text import text


def comparison(**kinds: int) -> BatchComparison:
    """Return a comparison with this many conflicts of each kind."""
    rows = [
        {"row": n, "customer_id": f"{code}-{n}", "company_name": "Ash", "code": code, "field": "customer_id"}
        | {"value": "1", "found": "x", "conflict": "is another", "remedy": "decide"}
        for code, number in kinds.items()
        for n in range(number)
    ]
    conflicts = pl.DataFrame(rows)
    return BatchComparison(Path("reports/autumn"), 1, 2, 3, 4, 0, len(rows), 9, False, kinds, conflicts)


def test_three_rows_of_each_kind_are_shown_and_the_others_counted() -> None:
    """The whole list is in conflicts.csv after `migrate`."""
    shown = text(comparison(other_customer=1200, other_spelling=2))
    assert shown.count("other_customer-") == 3
    assert shown.count("other_spelling-") == 2
    assert "1,197 more. After migrate, conflicts.csv lists all of them" in shown
    assert "1,202 rows of the batch" in shown


def test_without_conflicts_the_text_says_which_ones_only_migrate_finds() -> None:
    """Names in Codat are not known here."""
    shown = text(comparison())
    assert "1 new, 2 same, 3 changed, 4 gone" in shown
    assert "0 rows of the batch; migrate may find more, because only migrate reads Codat's company list" in shown
    assert "decide" not in shown
    assert "rejected" not in shown
