"""`check --batch` shows three rows of each kind of conflict."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from bulk.batch_comparison import BatchComparison
from bulk.cli.batch_text import text
from bulk.cli.groups_text import Detail
from bulk.input import Groups, of_problem


def comparison(**kinds: int) -> BatchComparison:
    """Return a comparison with this many conflicts of each kind."""
    groups = Groups(of_problem)
    for code, number in kinds.items():
        rows = [
            {"row": n, "code": code, "field": "customer_id", "value": f"{code}-{n}, Ash"}
            | {"sentence": f"is {n}", "remedy": "decide"}
            for n in range(number)
        ]
        groups.add(pl.DataFrame(rows))
    total = sum(kinds.values())
    return BatchComparison(
        Path("reports/autumn"), 1, 2, 3, 4, 0, total, 9, False, kinds, pl.DataFrame(), groups.result()
    )


def test_three_rows_of_each_kind_are_shown_and_the_others_counted() -> None:
    """The whole list is in conflicts.csv after `migrate`."""
    shown = text(comparison(other_customer=1200, other_spelling=2), Detail(5))
    assert shown.count("other_customer-") == 3
    assert shown.count("other_spelling-") == 2
    assert "1,197 others" in shown
    assert "conflicts.csv has them after migrate" in shown
    assert "1,202 rows of the batch" in shown


def test_without_conflicts_the_text_says_which_ones_only_migrate_finds() -> None:
    """Names in Codat are not known here."""
    shown = text(comparison(), Detail(5))
    assert "1 new, 2 same, 3 changed, 4 gone" in shown
    assert "0 rows of the batch; migrate may find more: only migrate reads Codat's list" in shown
    assert "decide" not in shown
    assert "rejected" not in shown
