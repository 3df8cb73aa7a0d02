"""A journal is created, opened again, and refused where it belongs to somebody else."""

from __future__ import annotations

import sqlite3
import stat
from contextlib import closing
from pathlib import Path

import pytest
from support.batches import Batch, good

from bulk.errors import BatchError, JournalError, UsageError
from bulk.journal import database, facts
from bulk.journal.error_translator import wrap_errors


def test_only_its_owner_can_read_a_journal(tmp_path: Path) -> None:
    """A linkUrl is a credential."""
    database.open_journal(tmp_path / "b").close()
    assert stat.S_IMODE((tmp_path / "b").stat().st_mode) == 0o700
    assert stat.S_IMODE((tmp_path / "b" / database.FILE).stat().st_mode) == 0o600


def test_an_opened_journal_keeps_its_commits(tmp_path: Path) -> None:
    """Opening creates a journal only where there is none."""
    for opened in range(2):
        with closing(database.open_journal(tmp_path)) as db:
            assert facts.get(db, "name") == (None if opened == 0 else "autumn")
            with database.transaction(db):
                facts.put(db, {"name": "autumn"})


@pytest.mark.parametrize(
    ("platform", "settings"),
    [
        ("linux", ["PRAGMA journal_mode = WAL", "PRAGMA synchronous = FULL"]),
        ("win32", ["PRAGMA journal_mode = WAL", "PRAGMA synchronous = FULL"]),
        # fsync alone does not reach the disk there
        ("darwin", ["PRAGMA journal_mode = WAL", "PRAGMA synchronous = FULL", "PRAGMA fullfsync = ON"]),
    ],
)
def test_a_committed_intent_survives_a_power_cut_on_each_platform(platform: str, settings: list[str]) -> None:
    """SQLite accepts every setting."""
    assert database.pragmas(platform) == settings
    with closing(sqlite3.connect(":memory:")) as db:
        for setting in settings:
            db.execute(setting)


def test_a_new_journal_has_these_settings(tmp_path: Path) -> None:
    """2 is FULL."""
    with closing(database.open_journal(tmp_path)) as db:
        assert db.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert db.execute("PRAGMA synchronous").fetchone() == (2,)


@pytest.mark.parametrize(
    "statement",
    [
        "PRAGMA user_version = 99",  # a later version of bulk
        "PRAGMA user_version = 0",
        "PRAGMA application_id = 7",  # another program
    ],
)
def test_the_journal_of_another_version_is_left_alone(tmp_path: Path, statement: str) -> None:
    """Its columns may mean something else."""
    with closing(database.open_journal(tmp_path)) as db:
        db.execute(statement)
    before = (tmp_path / database.FILE).read_bytes()
    with pytest.raises(BatchError, match="another version of bulk, or of another program"):
        database.open_journal(tmp_path)
    assert (tmp_path / database.FILE).read_bytes() == before


@pytest.mark.parametrize("version", [1, 2, 3, 4])
def test_the_journal_of_version_0_1_is_refused_with_advice(tmp_path: Path, version: int) -> None:
    """Its versions began with 1 too, but it had no application_id."""
    with closing(database.open_journal(tmp_path)) as db:
        db.execute("PRAGMA application_id = 0")
        db.execute(f"PRAGMA user_version = {version}")
    before = (tmp_path / database.FILE).read_bytes()
    with pytest.raises(BatchError, match=r"Finish the batch with bulk 0\.1, or migrate its input again in a new batch"):
        database.open_journal(tmp_path)
    assert (tmp_path / database.FILE).read_bytes() == before


def test_the_database_of_another_program_is_left_alone(tmp_path: Path) -> None:
    """Nothing is added to it."""
    with closing(sqlite3.connect(tmp_path / database.FILE)) as db:
        db.execute("CREATE TABLE theirs (x)")
    with pytest.raises(BatchError, match="another program"):
        database.open_journal(tmp_path)
    with closing(sqlite3.connect(tmp_path / database.FILE)) as db:
        assert db.execute("SELECT name FROM sqlite_schema").fetchall() == [("theirs",)]


def test_a_journal_whose_creation_was_cut_short_is_created_again(tmp_path: Path) -> None:
    """A run that found no room for the tables leaves an empty file."""
    (tmp_path / database.FILE).touch()
    with closing(database.open_journal(tmp_path)) as db:
        assert facts.get(db, "name") is None


@pytest.mark.parametrize(
    ("kept", "garbage"),
    [
        (0, b"not a database, but long enough to look like one" * 40),  # another file
        (100, bytes(range(256)) * 16),  # the journal's first bytes and garbage
        (20_000, b""),  # cut off
    ],
)
def test_the_error_of_a_damaged_journal_explains_the_solution(tmp_path: Path, kept: int, garbage: bytes) -> None:
    """Nothing is lost if it is moved away: Codat's list has every company."""
    database.open_journal(tmp_path).close()
    path = tmp_path / database.FILE
    path.write_bytes(path.read_bytes()[:kept] + garbage)
    with pytest.raises(BatchError, match="Move it away"):
        database.open_journal(tmp_path)


def test_a_folder_that_cannot_be_created_is_a_usage_error(tmp_path: Path) -> None:
    """Here a file has its name."""
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match="a file is where a folder should be"):
        database.open_journal(tmp_path / "file" / "b")


def test_a_folder_in_the_place_of_the_journal_is_a_usage_error(tmp_path: Path) -> None:
    """The message says what is wrong."""
    (tmp_path / database.FILE).mkdir()
    with pytest.raises(UsageError, match="a folder is where a file should be"):
        database.open_journal(tmp_path)


def test_a_full_disk_loses_nothing_that_was_committed(batch: Batch) -> None:
    """The transaction that did not fit is undone, and works when there is room."""
    batch.enrol("in.csv", [good("a")])
    (pages,) = batch.db.execute("PRAGMA page_count").fetchone()
    batch.db.execute(f"PRAGMA max_page_count = {pages}")
    many = [good(str(number), name="Acme" * 100) for number in range(500)]
    with pytest.raises(JournalError, match="full"), wrap_errors(batch.path):
        batch.enrol("more.csv", many)
    batch.db.execute("PRAGMA max_page_count = 100000")
    assert batch.presence() == {"a": "present"}
    batch.enrol("more.csv", many)
    assert len(batch.presence()) == 501


def test_a_transaction_that_raises_leaves_nothing(tmp_path: Path) -> None:
    """The next transaction works."""

    def put_and_raise(db: sqlite3.Connection) -> None:
        facts.put(db, {"before": "x"})
        raise RuntimeError("broken")

    with closing(database.open_journal(tmp_path)) as db:
        with pytest.raises(RuntimeError, match="broken"), database.transaction(db):
            put_and_raise(db)
        with database.transaction(db):
            facts.put(db, {"after": "x"})
        assert db.execute("SELECT key FROM batch").fetchall() == [("after",)]
