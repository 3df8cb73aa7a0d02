"""Errors of SQLite and of the file system become bulk's own; mistakes of bulk raise unchanged."""

from __future__ import annotations

import errno
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from bulk.errors import BatchError, BulkError, JournalError, UsageError
from bulk.journal import database
from bulk.journal.error_translator import wrap_errors


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return the path of a new journal."""
    database.open_journal(tmp_path / "autumn").close()
    return tmp_path / "autumn" / database.FILE


@contextmanager
def opened(path: Path) -> Iterator[sqlite3.Connection]:
    """Open a journal and do not wait for locks."""
    with closing(sqlite3.connect(path, isolation_level=None, timeout=0)) as connection:
        yield connection


def os_error(number: int, filename: str | None = None) -> OSError:
    """Return an error of the operating system."""
    return OSError(number, os.strerror(number), filename)


@pytest.mark.parametrize(
    ("statement", "error"),
    [
        ("INSERT INTO batch VALUES ('name', 'x'), ('name', 'y')", sqlite3.IntegrityError),  # UNIQUE
        ("INSERT INTO batch (key) VALUES (NULL)", sqlite3.IntegrityError),  # NOT NULL
        ("SELECT * FROM no_such_table", sqlite3.OperationalError),
        ("SELECT nonsense", sqlite3.OperationalError),
        ("SELECT ?", sqlite3.ProgrammingError),  # a missing value
    ],
)
def test_a_mistake_of_bulk_is_never_reported_as_a_full_disk(
    path: Path, statement: str, error: type[sqlite3.Error]
) -> None:
    """It raises unchanged, so that it is found."""
    with opened(path) as db, pytest.raises(error), wrap_errors(path, nothing_sent=True):
        db.execute(statement)


def test_a_full_disk_names_the_folder_to_make_room_in(path: Path) -> None:
    """It is the batch's folder, not the folder above it."""
    with opened(path) as db:
        (pages,) = db.execute("PRAGMA page_count").fetchone()
        db.execute(f"PRAGMA max_page_count = {pages}")
        with pytest.raises(JournalError) as caught, wrap_errors(path):
            db.execute("INSERT INTO batch VALUES ('name', ?)", ("x" * 100_000,))
    assert f"Make room in {path.parent}, then run the same command again" in str(caught.value)


@pytest.mark.parametrize("is_folder", [True, False])
def test_a_full_disk_that_a_folder_met_names_that_folder(path: Path, *, is_folder: bool) -> None:
    """The error may come from the folder itself or from a file in it."""
    place = path.parent if is_folder else path
    with pytest.raises(JournalError, match=rf"Make room in {path.parent},"), wrap_errors(place):
        raise os_error(errno.ENOSPC, str(path.parent / "results.csv"))


def test_a_journal_that_another_program_uses_is_reported(path: Path) -> None:
    """The advice is to close that program; no disk is full."""
    with opened(path) as other, opened(path) as db:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(JournalError, match="another program uses it") as caught, wrap_errors(path):
            db.execute("BEGIN IMMEDIATE")
    assert "Make room" not in str(caught.value)


@pytest.mark.parametrize("content", [b"not a database, but long enough to look like one" * 40, b"\0\1" * 8192])
def test_a_file_that_is_not_a_database_is_damaged(path: Path, content: bytes) -> None:
    """The message says how to continue without it."""
    path.write_bytes(content)
    with opened(path) as db, pytest.raises(BatchError, match=r"is damaged .* Move it away"), wrap_errors(path):
        db.execute("SELECT * FROM batch")


def test_an_overwritten_page_is_damage(path: Path) -> None:
    """SQLite notices it when it reads the page."""
    content = bytearray(path.read_bytes())
    content[4096 : 2 * 4096] = b"\xff" * 4096
    path.write_bytes(content)
    with opened(path) as db, pytest.raises(BatchError, match="is damaged"), wrap_errors(path):
        db.execute("SELECT * FROM batch")


def test_a_journal_that_may_only_be_read_is_a_usage_error_before_anything_is_sent(path: Path) -> None:
    """During a run the same command resumes."""
    with opened(path) as db:
        db.execute("PRAGMA query_only = ON")
        with pytest.raises(UsageError, match="may not read and write"), wrap_errors(path, nothing_sent=True):
            db.execute("DELETE FROM batch")
        with pytest.raises(JournalError, match="may not read and write"), wrap_errors(path):
            db.execute("DELETE FROM batch")


def test_a_journal_that_cannot_be_opened_is_a_usage_error_before_anything_is_sent(tmp_path: Path) -> None:
    """Here its folder is missing."""
    path = tmp_path / "nowhere" / database.FILE
    with pytest.raises(UsageError, match="cannot be used"), wrap_errors(path, nothing_sent=True), opened(path) as db:
        db.execute("SELECT 1 FROM batch")


@pytest.mark.parametrize("number", [errno.EACCES, errno.EPERM, errno.EROFS, errno.ENAMETOOLONG, errno.ENOTDIR])
def test_a_place_that_cannot_be_used_is_a_usage_error_before_anything_is_sent(number: int) -> None:
    """The message names the place."""
    with (
        pytest.raises(UsageError, match="/here cannot be used") as caught,
        wrap_errors(Path("/there"), nothing_sent=True),
    ):
        raise os_error(number, "/here")
    assert caught.value.exit_code == 2


@pytest.mark.parametrize(
    ("number", "advice"),
    [
        (errno.ENOSPC, "Make room"),
        (errno.EDQUOT, "Make room"),
        (errno.EFBIG, "Make room"),
        (errno.EIO, "Check the disk"),
        (errno.ESTALE, "Check the disk"),  # a network file system
        (errno.EACCES, "this user may not read and write it"),
    ],
)
def test_a_disk_that_fails_during_a_run_is_a_reason_to_run_again(number: int, advice: str) -> None:
    """Exit code 75: the same command resumes."""
    with pytest.raises(JournalError, match=advice) as caught, wrap_errors(Path("/there/journal")):
        raise os_error(number)
    assert caught.value.exit_code == 75
    assert "run the same command again" in str(caught.value)


def sqlite_error(name: str) -> sqlite3.OperationalError:
    """Return an error of SQLite with this result code."""
    error = sqlite3.OperationalError(name)
    error.sqlite_errorcode, error.sqlite_errorname = getattr(sqlite3, name), name
    return error


@pytest.mark.parametrize(
    ("name", "code", "message"),
    [
        ("SQLITE_FULL", 75, "the disk is full"),
        ("SQLITE_IOERR_SHMSIZE", 75, "the disk is full"),
        ("SQLITE_BUSY", 75, "another program uses it"),
        ("SQLITE_BUSY_RECOVERY", 75, "another program uses it"),
        ("SQLITE_PROTOCOL", 75, "another program uses it"),
        ("SQLITE_IOERR_WRITE", 75, "and your quota there"),  # a quota that is used up
        ("SQLITE_IOERR_FSYNC", 75, "Check the disk"),
        ("SQLITE_IOERR_LOCK", 2, "its disk has no locks"),
        ("SQLITE_IOERR_RDLOCK", 2, "its disk has no locks"),
        ("SQLITE_IOERR_SHMMAP", 2, "its disk has no shared memory"),
        ("SQLITE_IOERR_SHMLOCK", 2, "its disk has no shared memory"),
        ("SQLITE_READONLY", 2, "its file system is read-only"),
        ("SQLITE_READONLY_DIRECTORY", 2, "its file system is read-only"),
        ("SQLITE_CANTOPEN", 2, "this user may not read and write it"),
        ("SQLITE_NOTADB", 2, "Move it away"),
    ],
)
def test_each_error_of_opening_a_journal_has_its_exit_code(name: str, code: int, message: str) -> None:
    """What can end by itself is 75. What a person must change is 2."""
    with pytest.raises(BulkError, match=message) as caught, wrap_errors(Path("/there/journal"), nothing_sent=True):
        raise sqlite_error(name)
    assert caught.value.exit_code == code


def test_a_path_that_is_too_long_for_sqlite_is_reported_as_that() -> None:
    """SQLite only says that it cannot open the file."""
    path = Path("/there").joinpath(*["n" * 100] * 5)
    with pytest.raises(UsageError, match="the name is too long"), wrap_errors(path, nothing_sent=True):
        raise sqlite_error("SQLITE_CANTOPEN")


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO])
def test_a_full_or_failing_disk_is_never_a_usage_error(number: int) -> None:
    """This is true even before anything is sent: another command would not help."""
    with pytest.raises(JournalError), wrap_errors(Path("/there"), nothing_sent=True):
        raise os_error(number)


def test_a_long_name_is_shortened() -> None:
    """The message stays readable."""
    with pytest.raises(UsageError) as caught, wrap_errors(Path("/there"), nothing_sent=True):
        raise os_error(errno.ENAMETOOLONG, "n" * 300)
    assert "n" * 199 + "… cannot be used: the name is too long" in str(caught.value)
