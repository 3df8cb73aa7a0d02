"""`--max-rejected` accepts rejected rows that nobody will fix: a nightly run then fails only for new ones."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal

import pytest

import bulk
from bulk.api import BatchResult, Options, Threshold
from bulk.sandbox.launch import start
from bulk.settings import Settings

Migrate = Callable[..., BatchResult]


@pytest.fixture
def migrate(tmp_path: Path) -> Iterator[Migrate]:
    """Return a function that migrates rows of good and bad customers, always from the same file."""
    with start(tmp_path / "sandbox") as codat:
        settings = Settings.make(api_key=codat.api_key, base_url=codat.base_url, rate=1_000_000, environ={})

        def run(*, good: int, bad: int, accepts: Threshold | Literal["none"] | None = None) -> BatchResult:
            rows = [f"g{n},Ash {n},Xero" for n in range(good)] + [f"b{n},Birch {n},Xreo" for n in range(bad)]
            path = tmp_path / "in.csv"
            path.write_text("customer_id,company_name,platform\n" + "\n".join(rows) + "\n")
            options = Options(max_rejected=accepts)
            return bulk.migrate_blocking(path, reports=tmp_path, settings=settings, options=options)

        yield run


def test_rejected_rows_within_the_limit_are_no_failure(migrate: Migrate) -> None:
    """The batch remembers the limit, also for its other commands."""
    assert migrate(good=2, bad=1).exit_code == 1
    assert migrate(good=2, bad=1, accepts=Threshold(1)).exit_code == 0
    again = migrate(good=3, bad=1)
    assert again.exit_code == 0
    assert again.summary.customers["link_ready"] == 3
    assert bulk.report(again.folder).exit_code == 0


def test_nothing_is_sent_beyond_the_limit(migrate: Migrate) -> None:
    """The rejected rows are in the reports, and the other rows wait."""
    migrate(good=1, bad=1, accepts=Threshold(1))
    over = migrate(good=3, bad=2)
    assert over.exit_code == 1
    assert over.stop is not None
    assert over.stop.reason.startswith("2 rows are rejected, more than --max-rejected 1 allows, so nothing was sent.")
    assert over.summary.requests_total == 0
    assert {state: n for state, n in over.summary.customers.items() if n} == {
        "rejected": 2,
        "pending": 2,
        "link_ready": 1,
    }
    fixed = migrate(good=3, bad=0)
    assert (fixed.exit_code, fixed.summary.customers["link_ready"]) == (0, 3)


def test_the_limit_may_be_a_percentage_of_all_rows(migrate: Migrate) -> None:
    """Half of four rows are two."""
    half = Threshold(50, is_percent=True)
    assert migrate(good=2, bad=2, accepts=half).exit_code == 0
    over = migrate(good=2, bad=3)
    assert over.exit_code == 1
    assert over.stop is not None
    assert "more than --max-rejected 50% allows" in over.stop.reason


def test_a_limit_of_zero_sends_nothing_for_a_bad_file(migrate: Migrate) -> None:
    """Without the option, the good rows of such a file are sent."""
    result = migrate(good=2, bad=1, accepts=Threshold(0))
    assert result.exit_code == 1
    assert result.summary.customers["link_ready"] == 0


@pytest.mark.parametrize("text", ["5", "0", "12.5%", "1000000000"])
def test_a_threshold_is_stored_as_text(text: str) -> None:
    """The batch has it as text."""
    assert str(Threshold.parse(text)) == text


def test_a_limit_can_be_removed(migrate: Migrate) -> None:
    """Rejected rows are a failure again, and the other rows are sent."""
    migrate(good=1, bad=1, accepts=Threshold(0))
    removed = migrate(good=2, bad=1, accepts="none")
    assert (removed.exit_code, removed.stop, removed.summary.customers["link_ready"]) == (1, None, 2)
    assert migrate(good=3, bad=2).summary.customers["link_ready"] == 3
