"""The journal's statements: what a run writes down, and what it reads to go on. Synchronous; one connection.

Every function here takes the connection and runs inside the caller's transaction, so that a caller can commit an
outcome and the next intent as one.
"""

from __future__ import annotations

import errno
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path

from bulk.errors import BatchError, JournalError, JournalGoneError, UsageError
from bulk.model import (
    customer_tag,
)

FILE = "journal.sqlite3"
SCHEMA_VERSION = 1

_NO_ACCESS = "this user may not read and write it"
_IN_THE_WAY = "a file is where a folder should be"
WRONG_PLACES = {  # what another place or another permission mends; a full or failing disk is none of these
    errno.EACCES: _NO_ACCESS,
    errno.EPERM: _NO_ACCESS,
    errno.EROFS: "its file system is read-only",
    errno.EEXIST: _IN_THE_WAY,
    errno.ENOTDIR: _IN_THE_WAY,
    errno.EISDIR: "a folder is where a file should be",
    errno.ENAMETOOLONG: "the name is too long",
    errno.ELOOP: "its links lead in a circle",
    errno.ENOENT: "it cannot be made there",
    errno.EINVAL: "no such name can be used there",
    errno.EILSEQ: "no such name can be used there",
}


def open_journal(folder: Path) -> sqlite3.Connection:
    """Open the batch's journal for writing; make it if there is none. Raises WrongUsage, JournalUnwritable."""
    path = folder / FILE
    with usable(path):
        make_folder(folder)
        folder.chmod(0o700)
        if path.is_dir():
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
        path.touch(mode=0o600)
        _require_access(path, os.R_OK | os.W_OK)
        connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=10)
        connection.create_function("customer_tag", 1, customer_tag, deterministic=True)
        try:
            _prepare(connection, path)
        except BaseException:
            connection.close()
            raise
    return connection


@contextmanager
def translated(path: Path) -> Iterator[None]:
    """Turn what SQLite and the file system raise into what a user can act on."""
    try:
        yield
    except sqlite3.DatabaseError as error:
        said = str(error)
        if "is locked" in said:
            raise JournalError(
                f"{path} cannot be written: another program holds it ({said}). Close what else has it open, a viewer "
                "of databases or a backup, then run the same command again: nothing that was done is lost."
            ) from error
        if "not a database" in said or "malformed" in said:
            raise _damaged(path, said) from error
        raise JournalError(
            f"{path} cannot be written ({said}). Make room or mend the permissions, then run the same command again: "
            "nothing that was done is lost."
        ) from error
    except OSError as error:
        raise JournalError(
            f"{error.filename or path} cannot be written ({error.strerror or error}). Make room or mend the "
            "permissions, then run the same command again: nothing that was done is lost."
        ) from error


def _damaged(path: Path, said: str) -> BatchError:
    return BatchError(
        f"{path} is damaged ({said}). Move it away and migrate the input again: what Codat has is found "
        "there by its tags and taken over, nothing is created twice."
    )


def require_there(path: Path) -> None:
    """See that a journal which was at work is where it was. Raises JournalGone."""
    if not path.is_file():
        raise gone(path)


def gone(path: Path) -> JournalGoneError:
    """Give what is to be said of a journal that somebody has taken away."""
    return JournalGoneError(
        f"{path} is gone: it was moved or deleted while the run was at work. Put it back if you can, "
        "then run the same command again. Without it, migrate the input again: what Codat has is found there "
        "by its tags and taken over, nothing is created twice."
    )


def require_sound(connection: sqlite3.Connection, path: Path) -> None:
    """Refuse a journal of which a part was overwritten: it might not know a company. Raises BatchUnusable.

    SQLite does not look by itself. It takes a third of a second for 100,000 customers.
    """
    said = " ".join(str(connection.execute("PRAGMA integrity_check(1)").fetchone()[0]).split())
    if said != "ok":
        raise _damaged(path, said)


@contextmanager
def usable(path: Path) -> Iterator[None]:
    """Do what `translated` does before anything is sent, when a place that cannot be right is the user's to mend."""
    try:
        with translated(path):
            yield
    except JournalError as error:
        cause = error.__cause__
        reason = WRONG_PLACES.get(cause.errno or 0) if isinstance(cause, OSError) else None
        if isinstance(cause, sqlite3.Error) and "readonly" in str(cause):
            reason = WRONG_PLACES[errno.EACCES]
        if reason is None:
            raise
        where = str((isinstance(cause, OSError) and cause.filename) or path)
        where = where if len(where) <= 200 else where[:199] + "…"
        raise UsageError(
            f"{where} cannot be used: {reason}. Mend that, or take another folder (of migrate: --reports, --batch); "
            "nothing was sent."
        ) from cause


def make_folder(folder: Path) -> None:
    """Make a folder for its owner only, if there is none. Raises OSError, also where nothing may be put into it."""
    if any("\ud800" <= c <= "\udfff" for c in str(folder)):
        raise OSError(errno.EILSEQ, os.strerror(errno.EILSEQ), str(folder))  # reports are not written there
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    _require_access(folder, os.R_OK | os.W_OK | os.X_OK)


def _require_access(path: Path, mode: int) -> None:
    if not os.access(path, mode):
        is_read_only = os.statvfs(path).f_flag & os.ST_RDONLY
        number = errno.EROFS if is_read_only else errno.EACCES
        raise OSError(number, os.strerror(number), str(path))


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """Commit what the block writes, or nothing of it."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _prepare(connection: sqlite3.Connection, path: Path) -> None:
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version not in (0, SCHEMA_VERSION):
        raise BatchError(
            f"{path} was written by another version of bulk (journal {version}, this one knows {SCHEMA_VERSION}). "
            "Go on with the version that wrote it."
        )
    connection.execute("PRAGMA journal_mode = WAL")
    # FULL: a committed intent survives a power cut, which is what "once only" stands on.
    connection.execute("PRAGMA synchronous = FULL")
    if version == SCHEMA_VERSION:
        return
    with transaction(connection):
        for statement in _statements((files("bulk.journal") / "schema.sql").read_text("utf-8")):
            connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")


def _statements(script: str) -> Iterator[str]:
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""
