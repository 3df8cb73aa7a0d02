"""A journal that another program changed is checked as a whole before a run trusts it; other journals are not."""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import anyio
import pytest

from bulk.errors import BatchError
from bulk.journal import beside, database, integrity
from bulk.journal.writer import Writer

PAGE = 4096


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return the path of a journal with some pages, as a run leaves it."""
    folder = tmp_path / "autumn"
    run(folder, lambda db: db.executemany("INSERT INTO batch VALUES (?, 'x')", [(f"{n:032}",) for n in range(2000)]))
    return folder / database.FILE


def run(folder: Path, operation: Callable[[sqlite3.Connection], object] = lambda _: None) -> None:
    """Open the journal, write to it, and close it, as a run does."""

    async def write() -> None:
        async with Writer(database.open_journal(folder), folder) as writer:
            await writer.write(operation)

    anyio.run(write)


def is_checked(path: Path) -> bool:
    """Return whether the whole journal is read when it is opened."""
    modified = path.stat().st_mtime_ns
    statements: list[str] = []
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.set_trace_callback(statements.append)
        integrity.require_sound(db, path, modified)
    return any("integrity_check" in statement for statement in statements)


def overwrite(path: Path) -> None:
    """Put a copy of another page over the last one. SQLite reads it without an error, and rows are missing."""
    content = bytearray(path.read_bytes())
    content[-PAGE:] = content[-2 * PAGE : -PAGE]
    path.write_bytes(content)


def test_a_change_beside_a_run_does_not_hide_that_the_file_was_changed(path: Path) -> None:
    """A journal that bulk left needs no check after it; one that another program changed still does."""
    for changed_by_others in (False, True):
        if changed_by_others:
            os.utime(path)
        with beside.changing(path) as connection:
            connection.execute("INSERT OR REPLACE INTO batch VALUES ('name', 'autumn')")
        assert is_checked(path) == changed_by_others


def test_a_journal_that_a_run_closed_is_not_read_again(path: Path) -> None:
    """Neither the first command nor a later one reads all of it."""
    assert not is_checked(path)
    run(path.parent)
    assert not is_checked(path)


def test_a_journal_with_a_page_in_the_wrong_place_is_refused(path: Path) -> None:
    """Otherwise the run would not know some of its customers."""
    overwrite(path)
    with closing(sqlite3.connect(path)) as db:
        assert db.execute("SELECT count(*) FROM (SELECT * FROM batch)").fetchone() != (0,)
    with pytest.raises(BatchError, match=r"is damaged .* Move it away"):
        database.open_journal(path.parent)


def test_damage_is_found_after_any_later_write(path: Path) -> None:
    """A run that refuses the journal does not mark it as sound."""
    overwrite(path)
    for _ in range(2):
        with pytest.raises(BatchError, match="is damaged"):
            run(path.parent)


def test_a_journal_that_another_program_wrote_to_is_read_once(path: Path) -> None:
    """After the run that read it, it is as bulk left it."""
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute("INSERT INTO batch VALUES ('another', 'x')")
    assert is_checked(path)
    run(path.parent)
    assert not is_checked(path)


def test_a_copy_is_read_unless_it_kept_the_modification_time(path: Path) -> None:
    """A backup that keeps times keeps this one too."""
    copies = shutil.copyfile(path, path.with_name("plain")), shutil.copy2(path, path.with_name("with its time"))
    assert [is_checked(Path(copy)) for copy in copies] == [True, False]


def test_a_journal_is_read_after_a_run_that_was_killed_while_it_moved_its_log(path: Path) -> None:
    """Its file was written to, and it is unknown how far."""
    with closing(database.open_journal(path.parent)) as db:
        db.execute("INSERT INTO batch VALUES ('another', 'x')")
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    assert is_checked(path)


def test_reading_a_journal_does_not_change_its_time(path: Path) -> None:
    """Reports are written after each run."""
    with closing(sqlite3.connect(f"{path.as_uri()}?mode=rw", uri=True)) as db:
        db.execute("SELECT count(*) FROM batch").fetchone()
    assert not is_checked(path)


def test_a_journal_without_its_mark_is_read(path: Path) -> None:
    """The modification time alone proves nothing."""
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute("DELETE FROM batch WHERE key = 'closed_at'")
    os.utime(path, (0, 0))
    assert is_checked(path)


def test_a_disk_that_fails_when_the_journal_is_closed_makes_the_next_run_read_it(path: Path) -> None:
    """The commits of the run are safe, so closing does not fail."""
    db = database.open_journal(path.parent)
    db.execute("INSERT INTO batch VALUES ('another', 'x')")
    db.execute("PRAGMA query_only = ON")  # stands for a disk that became read-only
    integrity.close(db, path)
    with pytest.raises(sqlite3.ProgrammingError):
        db.execute("SELECT 1")
    assert is_checked(path)
