"""`links` and `undo` count what their own run did, whatever other runs the journal has."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import anyio
import pytest

import bulk
from bulk.engine.events import Ended, Event, Warned
from bulk.journal import database
from bulk.reports.rows import Reader
from bulk.sandbox.launch import Running, start
from bulk.sandbox.options import Options as SandboxOptions
from bulk.settings import Settings
from unit.reports.journals import Journal

CUSTOMERS = 3


@pytest.fixture
def settings(tmp_path: Path) -> Iterator[Settings]:
    """Return the settings for a sandbox."""
    with start(tmp_path / "sandbox") as codat:
        yield settings_for(codat)


@pytest.fixture
def folder(tmp_path: Path, settings: Settings) -> Path:
    """Return the folder of a batch whose customers wait for an authorization."""
    return migrated(tmp_path, settings)


def settings_for(codat: Running) -> Settings:
    """Return the settings for a sandbox."""
    return Settings.make(api_key=codat.api_key, base_url=codat.base_url, rate=1_000_000, environ={})


def migrated(tmp_path: Path, settings: Settings) -> Path:
    """Migrate the customers; return the batch's folder."""
    rows = "".join(f"{n},Company {n},Xero\n" for n in range(CUSTOMERS))
    (tmp_path / "in.csv").write_text("customer_id,company_name,platform\n" + rows)
    bulk.migrate_blocking(tmp_path / "in.csv", reports=tmp_path, settings=settings)
    return tmp_path / "in"


def run_of_another_command(folder: Path) -> Callable[[Event], None]:
    """Return a hook that lets a run of `listen` follow at once, before the command reads the journal again."""

    def on_event(event: Event) -> None:
        if isinstance(event, Ended):
            with closing(sqlite3.connect(folder / database.FILE)) as journal, journal:
                journal.execute(
                    "INSERT INTO runs (command, version, started_at) VALUES ('listen', '1', '2026-11-23T10:00:00Z')"
                )

    return on_event


def let_links_expire(folder: Path) -> None:
    """Make every linkUrl of the batch some months old."""
    with closing(sqlite3.connect(folder / database.FILE)) as journal, journal:
        journal.execute("UPDATE customers SET link_issued_at = '2026-01-01T00:00:00Z'")


def newest_command(folder: Path) -> str:
    """Return the command of the newest run."""
    with closing(sqlite3.connect(folder / database.FILE)) as journal:
        (command,) = journal.execute("SELECT command FROM runs ORDER BY id DESC LIMIT 1").fetchone()
    return str(command)


def test_links_counts_the_links_that_its_own_run_renewed(folder: Path, settings: Settings) -> None:
    """A run of another command follows it, and renews none."""
    let_links_expire(folder)

    async def links() -> bulk.LinksResult:
        return await bulk.links(folder, settings=settings, on_event=run_of_another_command(folder))

    result = anyio.run(links)
    assert newest_command(folder) == "listen"
    assert result.renewed == CUSTOMERS


def test_undo_counts_the_companies_that_its_own_run_deleted(folder: Path, settings: Settings) -> None:
    """A run of another command follows it, and deletes none."""

    async def undo() -> bulk.UndoResult:
        return await bulk.undo(folder, settings=settings, yes=True, on_event=run_of_another_command(folder))

    result = anyio.run(undo)
    assert newest_command(folder) == "listen"
    assert result.deleted == CUSTOMERS


@pytest.mark.parametrize("kind", ["5xx_after", "reset_after"])
def test_undo_counts_deletions_whose_responses_were_faults(tmp_path: Path, kind: str) -> None:
    """Only a look-up showed that they were done, and they cannot be undone."""
    fault = f"{kind},operations=delete_company,count=2"
    with start(tmp_path / "sandbox", options=SandboxOptions(fault=(fault,))) as codat:
        settings = settings_for(codat)
        folder = migrated(tmp_path, settings)
        result = bulk.undo_blocking(folder, settings=settings, yes=True)
    assert (result.exit_code, result.deleted, result.deletable.height) == (0, CUSTOMERS, 0)


def test_an_undo_that_was_killed_is_completed_without_a_warning(folder: Path, settings: Settings) -> None:
    """The company was deleted, and the run died before it recorded the response."""
    assert bulk.undo_blocking(folder, settings=settings, yes=True).deleted == CUSTOMERS
    with closing(sqlite3.connect(folder / database.FILE)) as journal, journal:
        journal.execute("UPDATE requests SET outcome = NULL, answered_at = NULL WHERE operation = 'delete_company'")
        journal.execute(
            "UPDATE customers SET company_id = deleted_company_id, company_origin = 'created',"
            " connection_id = 'n', connection_status = 'PendingAuth', state = 'link_ready'"
        )
    events: list[Event] = []
    result = bulk.undo_blocking(folder, settings=settings, yes=True, on_event=events.append)
    assert [event for event in events if isinstance(event, Warned)] == []
    assert (result.exit_code, result.deleted, result.deletable.height) == (0, CUSTOMERS, 0)


def test_requests_are_counted_by_run_operation_and_outcome(tmp_path: Path) -> None:
    """The runs of a batch do not overlap, but a journal has many of them."""
    journal = Journal(tmp_path / "b")
    journal.run(id=2, command="links")
    journal.run(id=3, command="listen")
    for run, operation, outcome in [
        *((1, "get_connection", "done"), (2, "get_connection", "done"), (2, "get_connection", "done")),
        *((2, "get_connection", "unknown"), (2, "delete_company", "done"), (3, "get_connection", "done")),
    ]:
        journal.request(operation, run=run, outcome=outcome)
    with Reader(journal.path) as reader:
        assert [reader.done_in_run(run, "get_connection") for run in (1, 2, 3)] == [1, 2, 1]
        assert [reader.done_in_run(run, "delete_company") for run in (1, 2, 3)] == [0, 1, 0]
        assert reader.done_in_run(4, "get_connection") == 0
