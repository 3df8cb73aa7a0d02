"""A batch whose customers are in conflict with companies in Codat: what commands report about them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import bulk
from bulk.engine.events import Advanced, Event, Started
from bulk.engine.options import Options
from bulk.sandbox.launch import start
from bulk.settings import Settings

HEADER = "customer_id,company_name,platform\n"


@pytest.fixture
def settings(tmp_path: Path) -> Iterator[Settings]:
    """Return the settings for a sandbox that has the companies of the customers 1 and 2."""
    with start(tmp_path / "sandbox") as codat:
        settings = Settings.make(api_key=codat.api_key, base_url=codat.base_url, rate=1_000_000, environ={})
        migrate(tmp_path, settings, "first", "1,Ash,Xero\n2,Birch,Xero\n")
        yield settings


def migrate(folder: Path, settings: Settings, name: str, rows: str, *accepts: str) -> list[Event]:
    """Migrate rows; return the events."""
    (folder / f"{name}.csv").write_text(HEADER + rows)
    events: list[Event] = []
    options = Options(accepts=frozenset(accepts))
    bulk.migrate_blocking(
        folder / f"{name}.csv", reports=folder, settings=settings, options=options, on_event=events.append
    )
    return events


def final_progress(events: list[Event]) -> tuple[int, int]:
    """Return the customers that are done and all customers, as progress shows them at the end."""
    newest = next(each for each in reversed(events) if isinstance(each, Started))
    later = events[events.index(newest) :]
    return newest.done + sum(isinstance(each, Advanced) for each in later), newest.to_do + newest.done


def test_customers_whose_conflict_is_settled_count_as_work(tmp_path: Path, settings: Settings) -> None:
    """They are no work until the company list was read. A customer who stays in conflict is not done."""
    rows = "1,Acorn,Xero\n2,Beech,Xero\n3,Cedar,Xero\n"
    migrate(tmp_path, settings, "second", rows)
    assert final_progress(migrate(tmp_path, settings, "second", rows, "1")) == (2, 2)
    assert final_progress(migrate(tmp_path, settings, "second", rows.replace("Beech", "Birch") + "4,Elm,Xero\n")) == (
        4,
        4,
    )


def test_unlink_says_that_a_customer_is_in_conflict(tmp_path: Path, settings: Settings) -> None:
    """It also says what to do, and which identifier may be meant."""
    migrate(tmp_path, settings, "second", "1,Acorn,Xero\n12345678901234567890,Cedar,Xero\n5,Elm,\n")
    result = bulk.unlink_blocking(tmp_path / "second", ["1", "5", "1.23457E+19"], settings=settings)
    assert result.others == {
        "1": "its row is in conflict, so nothing was sent for it: decide as its row in conflicts.csv says",
        "5": "its row was rejected, so nothing was sent for it",
        "1.23457E+19": 'this batch has no such customer, but "12345678901234567890", which may be the same identifier: '
        "name that one",
    }
