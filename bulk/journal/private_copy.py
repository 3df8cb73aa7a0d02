"""Copies a batch's journal to a temporary database, which a command may change. The batch's folder stays as it is.

A connection to a journal in WAL mode normally creates files next to it, and the last one to close merges the log into
the journal (https://sqlite.org/wal.html). So the journal is read without those effects, whether or not a run is using
it. A run opens the file of shared memory first, and the last to close deletes it:

- Without this file, nobody uses the journal. It is read as an immutable file, or from a copy of its files if a log has
  been left behind. If a run begins meanwhile, the copy is made again.
- With this file, a run uses the journal or was killed. The file is opened for reading only, so SQLite neither repairs
  it nor merges the log.
"""

from __future__ import annotations

import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final

from bulk.journal import integrity
from bulk.journal.database import FILE, no_journal, require_tables
from bulk.journal.error_translator import translate, wrap_errors

_BUSY_SECONDS: Final = 30.0
_MAX_ATTEMPTS: Final = 10
_SETTINGS: Final = ("PRAGMA journal_mode = OFF", "PRAGMA cache_size = -32768")  # KiB; the copy needs no rollback

_Stamps = tuple[tuple[int, int, int] | None, ...]


@contextmanager
def private_copy(folder: Path) -> Iterator[sqlite3.Connection]:
    """Yield a temporary database with the content of the batch's journal, on disk where no other process finds it.

    Raises BatchError if the file is missing, damaged or not a journal of this version, JournalError if a disk fails.
    The same applies to errors of SQLite in the block.
    """
    path = folder / FILE
    with wrap_errors(path, action="read"), closing(sqlite3.connect("", isolation_level=None)) as copy:
        try:
            _copy(path, copy)
            for setting in _SETTINGS:
                copy.execute(setting)
            integrity.require_sound(copy, path, path.stat().st_mtime_ns)
            yield copy
        except sqlite3.Error as error:
            if getattr(error, "sqlite_errorcode", None) != sqlite3.SQLITE_FULL:
                raise
            # Only the temporary database grows.
            raise translate(error, Path(tempfile.gettempdir())) or error from error


def _copy(path: Path, copy: sqlite3.Connection) -> None:
    """Copy the journal. Do it again if a run has begun or ended meanwhile."""
    for attempt in range(1, _MAX_ATTEMPTS + 1):
        before = _stamps(path)
        in_use = _beside(path, "-shm").exists()
        try:
            _copy_once(path, copy, in_use=in_use)
        except (sqlite3.Error, FileNotFoundError):
            if _stamps(path) == before or attempt == _MAX_ATTEMPTS:
                raise
        else:
            if in_use or _stamps(path) == before:
                return
    raise sqlite3.OperationalError("runs begin and end too often")


def _copy_once(path: Path, copy: sqlite3.Connection, *, in_use: bool) -> None:
    if not path.is_file():
        raise no_journal(path.parent)
    if in_use:
        _back_up(path, "mode=ro&readonly_shm=1", path, copy)
    elif not _beside(path, "-wal").exists():
        _back_up(path, "mode=ro&immutable=1", path, copy)
    else:
        with tempfile.TemporaryDirectory() as folder:
            for each in (path, _beside(path, "-wal")):
                shutil.copyfile(each, Path(folder, each.name))
            _back_up(Path(folder, path.name), "mode=rw", path, copy)


def _back_up(source: Path, how: str, path: Path, copy: sqlite3.Connection) -> None:
    """Copy the content of a file that is opened in this way. `path` is the file for messages."""
    uri = f"{source.absolute().as_uri()}?{how}"
    with closing(sqlite3.connect(uri, uri=True, timeout=_BUSY_SECONDS, isolation_level=None)) as journal:
        require_tables(journal, path)
        journal.backup(copy)


def _beside(path: Path, ending: str) -> Path:
    return path.with_name(path.name + ending)


def _stamps(path: Path) -> _Stamps:
    """Return values that change with the journal's files. The last, the time of the status, cannot be set."""
    return tuple(map(_stamp, (path, _beside(path, "-wal"), _beside(path, "-shm"))))


def _stamp(path: Path) -> tuple[int, int, int] | None:
    try:
        status = path.stat()
    except FileNotFoundError:
        return None
    return status.st_size, status.st_mtime_ns, status.st_ctime_ns
