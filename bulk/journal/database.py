"""Opens a batch's journal, a SQLite file, and checks its folder and version."""

from __future__ import annotations

import errno
import os
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path
from typing import Final

from bulk.errors import BatchError, JournalGoneError
from bulk.journal import integrity, sql
from bulk.journal.error_translator import wrap_errors
from bulk.journal.folder import FILE_MODE, make_folder, require_access

FILE: Final = "journal.sqlite3"
SCHEMA_VERSION: Final = 1
APPLICATION_ID: Final = 0x62756C6B
""""bulk": marks a SQLite file as a journal (https://sqlite.org/pragma.html#pragma_application_id)."""

_VERSIONS_OF_0_1: Final = range(1, 5)  # its journals have no application_id
_LOCK_WAIT_SECONDS: Final = 10
_SQL: Final = sql.load("bulk.journal", "database.sql")


def open_journal(folder: Path) -> sqlite3.Connection:
    """Open the batch's journal for writing, and create it if there is none.

    If another program changed the file, all of it is checked. Raises UsageError if the folder or file cannot be used,
    BatchError if the journal is damaged or of another version, and JournalError, for example if the disk is full.
    """
    path = folder / FILE
    with wrap_errors(path, nothing_sent=True):
        make_folder(folder)
        _make_file(path)
        modified = path.stat().st_mtime_ns
        connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=_LOCK_WAIT_SECONDS)
        try:
            _prepare(connection, path)
            integrity.require_sound(connection, path, modified)
        except BaseException:
            connection.close()
            raise
    return connection


def require_version(connection: sqlite3.Connection, path: Path) -> bool:
    """Return whether the file has the journal's tables; an empty file has none. Raises BatchError for any other."""
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if (application, version) == (APPLICATION_ID, SCHEMA_VERSION):
        return True
    (tables,) = connection.execute(_SQL["count_tables"]).fetchone()
    if (application, version, tables) == (0, 0, 0):
        return False
    if application == 0 and version in _VERSIONS_OF_0_1:
        raise BatchError(
            f"{path} was written by bulk 0.1, and this version cannot read it. Finish the batch with bulk 0.1, or "
            "migrate its input again in a new batch (--batch NAME): bulk finds every customer by its tag, and creates "
            "nothing twice."
        )
    raise BatchError(
        f"{path} is the journal of another version of bulk, or of another program (version {version}; this bulk needs "
        f"{SCHEMA_VERSION}). Use the version of bulk that wrote it, or another folder."
    )


def require_tables(connection: sqlite3.Connection, path: Path) -> None:
    """Raise BatchError unless the file is a journal of this version with its tables."""
    if not require_version(connection, path):
        raise BatchError(f"{path} is empty: its first run found no room for it. Migrate the input again.")


def pragmas(platform: str) -> list[str]:
    """Return the settings with which a committed intent survives a power cut, on this `sys.platform`.

    The once-only rule depends on that. On macOS a plain fsync leaves data in the drive's cache, where a power cut
    loses it (https://sqlite.org/pragma.html#pragma_fullfsync).
    """
    settings = ["PRAGMA journal_mode = WAL", "PRAGMA synchronous = FULL"]
    return [*settings, "PRAGMA fullfsync = ON"] if platform == "darwin" else settings


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """Commit everything that the block writes, or nothing if the block raises."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def folder_of(connection: sqlite3.Connection) -> Path:
    """Return the folder of an open journal."""
    _, _, file = connection.execute("PRAGMA database_list").fetchone()
    return Path(file).parent


def require_there(path: Path) -> None:
    """Raise JournalGoneError if a journal in use is no longer in its place."""
    if not path.is_file():
        raise gone(path)


def no_journal(folder: Path) -> BatchError:
    """Return the error for a folder without a journal."""
    return BatchError(f"{folder} has no journal. Pass the folder of a batch, or migrate its input first.")


def gone(path: Path) -> JournalGoneError:
    """Return the error for a journal that was moved or deleted during a run."""
    return JournalGoneError(
        f"{path} is gone: it was moved or deleted during the run. Put it back if you can, then run the same command "
        "again. Without it, migrate the input again: bulk finds what Codat has by its tags, and creates nothing twice."
    )


def _make_file(path: Path) -> None:
    """Create the journal's file if it is missing. An existing file keeps its modification time."""
    if path.is_dir():
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    # Do not open it here: closing a file drops the locks that SQLite holds on it elsewhere in this process.
    if not path.exists():
        path.touch(mode=FILE_MODE)
    require_access(path, os.R_OK | os.W_OK)


def _prepare(connection: sqlite3.Connection, path: Path) -> None:
    has_tables = require_version(connection, path)
    for statement in pragmas(sys.platform):
        connection.execute(statement)
    if not has_tables:
        schema = (files("bulk.journal") / "schema.sql").read_text("utf-8")
        connection.executescript(f"BEGIN IMMEDIATE; {schema}; COMMIT;")
