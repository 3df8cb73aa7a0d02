"""A batch with damaged names: what is sent for them, and what a journal that was lost finds again."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest

import bulk
from bulk.engine.options import Options
from bulk.results import BatchResult
from bulk.sandbox.launch import start
from bulk.settings import Settings

HEADER = "customer_id,company_name,platform\n"
ROWS = "1,CafÃ©,Xero\n2,Smith &amp; Sons,Xero\n3,Ash,Xero\n"


@pytest.fixture
def settings(tmp_path: Path) -> Iterator[Settings]:
    """Return the settings for a sandbox."""
    with start(tmp_path / "sandbox") as codat:
        yield Settings.make(api_key=codat.api_key, base_url=codat.base_url, rate=1_000_000, environ={})


def migrate(folder: Path, settings: Settings, rows: str, *accepts: str, retry_failed: bool = False) -> BatchResult:
    """Migrate rows."""
    (folder / "in.csv").write_text(HEADER + rows, encoding="utf-8")
    options = Options(accepts=frozenset(accepts), retry_failed=retry_failed)
    return bulk.migrate_blocking(folder / "in.csv", reports=folder, settings=settings, options=options)


def results(result: BatchResult) -> list[tuple[str, str, str]]:
    """Return state, name_sent and error_code of the results."""
    return result.results.fill_null("").select("state", "name_sent", "error_code").rows()


def differences(result: BatchResult) -> list[tuple[str, ...]]:
    """Return the lines of differences.csv, if it was written."""
    path = result.folder / "differences.csv"
    return pl.read_csv(path, infer_schema=False).rows() if path.exists() else []


def test_nothing_is_sent_for_a_damaged_name_until_a_person_accepts_it(tmp_path: Path, settings: Settings) -> None:
    """Its row is in the state `conflict`."""
    first = migrate(tmp_path, settings, ROWS)
    assert results(first) == [
        ("conflict", "CafA", "company_name_damaged"),
        ("conflict", "Smith &amp Sons", "company_name_damaged"),
        ("link_ready", "Ash", ""),
    ]
    assert first.conflicts.select("row", "found").rows() == [(1, "Café"), (2, "Smith & Sons")]
    assert first.links["company_name"].to_list() == ["Ash"]
    assert first.summary.requests["create_company"] == 1
    assert migrate(tmp_path, settings, ROWS).summary.requests_total == 0, "Codat has no news for damaged rows"
    second = migrate(tmp_path, settings, ROWS, "2")
    assert [state for state, _, _ in results(second)] == ["conflict", "link_ready", "link_ready"]
    assert second.exit_code == 1


def test_an_accepted_name_survives_a_lost_journal(tmp_path: Path, settings: Settings) -> None:
    """Codat has the company with this name. It gets no second one."""
    migrate(tmp_path, settings, ROWS)
    migrate(tmp_path, settings, ROWS, "2")
    shutil.rmtree(tmp_path / "in")
    again = migrate(tmp_path, settings, ROWS)
    assert [state for state, _, _ in results(again)] == ["conflict", "link_ready", "link_ready"]
    assert "create_company" not in again.summary.requests
    assert differences(again) == []
    assert results(migrate(tmp_path, settings, ROWS + "4,Elm,Xero\n")) == [*results(again), ("link_ready", "Elm", "")]


def test_a_good_name_in_codat_survives_a_lost_journal_and_a_damaged_row(tmp_path: Path, settings: Settings) -> None:
    """The company has another name than the row: nobody gets its link until a person accepts it."""
    migrate(tmp_path, settings, "1,Café,Xero\n")
    shutil.rmtree(tmp_path / "in")
    lost = migrate(tmp_path, settings, "1,CafÃ©,Xero\n")
    assert results(lost) == [("conflict", "CafA", "other_name")]
    assert lost.links.is_empty()
    accepted = migrate(tmp_path, settings, "1,CafÃ©,Xero\n", "1")
    assert results(accepted) == [("link_ready", "Cafe", "")]


def test_a_row_that_becomes_damaged_changes_nothing_in_codat(tmp_path: Path, settings: Settings) -> None:
    """The customer keeps its link, and the difference is listed."""
    before = migrate(tmp_path, settings, "1,Café,Xero\n2,Ash,Xero\n")
    after = migrate(tmp_path, settings, "1,CafÃ©,Xero\n2,Ash,Xero\n")
    assert after.links["link_url"].to_list() == before.links["link_url"].to_list()
    assert after.links["company_name"].to_list() == ["Café", "Ash"]
    assert differences(after) == [("1", "company_name", "Cafe", "CafÃ©")]
    assert after.exit_code == 0
