"""Turns errors of SQLite and of the file system into bulk's own, which tell the user the cause and the remedy.

Only causes outside bulk are translated: a full or failing disk, permissions, another program, a damaged file. Others,
such as a violated constraint or an invalid statement, are bugs of bulk and raise unchanged.
"""

from __future__ import annotations

import errno
import os
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from enum import Enum, auto
from pathlib import Path
from types import MappingProxyType
from typing import Final

from bulk.errors import BatchError, BulkError, JournalError, UsageError
from bulk.text import shorten

_NO_ACCESS: Final = "this user may not read and write it"
_LACKS_LOCKS: Final = "its disk has no locks (is it a network share?)"
_LACKS_MEMORY: Final = "its disk has no shared memory for files (is it a network share?)"
_IN_THE_WAY: Final = "a file is where a folder should be"
UNUSABLE_PLACES: Final[Mapping[int, str]] = MappingProxyType(
    {
        errno.EACCES: _NO_ACCESS,
        errno.EPERM: "this user may not change it",
        errno.EROFS: "its file system is read-only",
        errno.EEXIST: _IN_THE_WAY,
        errno.ENOTDIR: _IN_THE_WAY,
        errno.EISDIR: "a folder is where a file should be",
        errno.ENAMETOOLONG: "the name is too long",
        errno.ELOOP: "its links lead in a circle",
        errno.ENOENT: "it cannot be created there",
        errno.EINVAL: "the name contains characters that cannot be used there",
        errno.ENOLCK: _LACKS_LOCKS,
        errno.ENOSYS: "its disk lacks what bulk needs (is it a network share?)",
        errno.EOPNOTSUPP: "its disk lacks what bulk needs (is it a network share?)",
        errno.EILSEQ: "the name contains characters that cannot be used there",
    }
)
"""By errno, the reason why a place cannot be used. The remedy is another place or other permissions."""

_MAX_SHOWN_PATH: Final = 200
_RESUME: Final = "then run the same command again: everything that was done is recorded."


class _Cause(Enum):
    """The cause of an error."""

    FULL = auto()  # the disk
    BUSY = auto()  # another program holds the file
    DAMAGED = auto()  # the content was not written by SQLite
    UNUSABLE = auto()  # permissions, a name, a read-only file system
    FAILED = auto()  # the disk or the operating system


_LACKING: Final = MappingProxyType(
    {
        sqlite3.SQLITE_IOERR_LOCK: _LACKS_LOCKS,
        sqlite3.SQLITE_IOERR_UNLOCK: _LACKS_LOCKS,
        sqlite3.SQLITE_IOERR_RDLOCK: _LACKS_LOCKS,
        sqlite3.SQLITE_IOERR_CHECKRESERVEDLOCK: _LACKS_LOCKS,
        sqlite3.SQLITE_IOERR_SHMOPEN: _LACKS_MEMORY,
        sqlite3.SQLITE_IOERR_SHMLOCK: _LACKS_MEMORY,
        sqlite3.SQLITE_IOERR_SHMMAP: _LACKS_MEMORY,
    }
)
"""By result code, what a disk lacks."""
_MAX_SQLITE_PATH: Final = 504  # bytes, on Unix: its limit of 512 includes the name's longest ending
_FULL_ERRNOS: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_SQLITE_CAUSES: Final = MappingProxyType(
    {
        sqlite3.SQLITE_FULL: _Cause.FULL,
        sqlite3.SQLITE_IOERR_SHMSIZE: _Cause.FULL,  # no space for the file of shared memory
        sqlite3.SQLITE_BUSY: _Cause.BUSY,
        sqlite3.SQLITE_LOCKED: _Cause.BUSY,
        sqlite3.SQLITE_PROTOCOL: _Cause.BUSY,
        sqlite3.SQLITE_CORRUPT: _Cause.DAMAGED,
        sqlite3.SQLITE_NOTADB: _Cause.DAMAGED,
        sqlite3.SQLITE_READONLY: _Cause.UNUSABLE,
        sqlite3.SQLITE_PERM: _Cause.UNUSABLE,
        sqlite3.SQLITE_CANTOPEN: _Cause.UNUSABLE,
        **dict.fromkeys(_LACKING, _Cause.UNUSABLE),
        sqlite3.SQLITE_IOERR: _Cause.FAILED,
    }
)
"""By result code, extended (https://sqlite.org/rescode.html) or primary. Every other code is a bug of bulk."""


@contextmanager
def wrap_errors(path: Path, *, nothing_sent: bool = False, action: str = "written") -> Iterator[None]:
    """Turn errors on this file, or on a file in this folder, into JournalError or BatchError.

    `nothing_sent` means that no request has left yet, so a place that cannot be used is a UsageError. `action` is the
    verb for the message.
    """
    try:
        yield
    except (sqlite3.Error, OSError) as error:
        translation = translate(error, path, nothing_sent=nothing_sent, action=action)
        if translation is None:
            raise
        raise translation from error


def translate(error: Exception, path: Path, *, nothing_sent: bool = False, action: str = "written") -> BulkError | None:
    """Return bulk's own error for an error on this file, or None if a bug of bulk caused it."""
    cause = _cause(error)
    if cause is None:
        return None
    if cause is _Cause.DAMAGED:
        return damaged(path, str(error))
    where = shorten(str((isinstance(error, OSError) and error.filename) or path), _MAX_SHOWN_PATH)
    if cause is _Cause.UNUSABLE and nothing_sent:
        return UsageError(
            f"{where} cannot be used: {_reason(error, path)}. Fix that, or use another folder (`migrate` has "
            "--reports and --batch); nothing was sent."
        )
    return JournalError(f"{where} cannot be {action}: {_advice(cause, error, path)} {_RESUME}")


def damaged(path: Path, detail: str) -> BatchError:
    """Return the error for a damaged journal."""
    return BatchError(
        f"{path} is damaged or is not a journal ({detail}). Move it away and migrate the input again: bulk finds what "
        "Codat has by its tags, and creates nothing twice."
    )


def _cause(error: Exception) -> _Cause | None:
    if isinstance(error, OSError):
        return _cause_of_errno(error.errno)
    code: int | None = getattr(error, "sqlite_errorcode", None)  # missing if Python's own module raises the error
    if code is None:
        return None
    return _SQLITE_CAUSES.get(code) or _SQLITE_CAUSES.get(code & 0xFF)  # the last byte is the primary code


def _cause_of_errno(number: int | None) -> _Cause:
    if number in _FULL_ERRNOS:
        return _Cause.FULL
    return _Cause.UNUSABLE if number in UNUSABLE_PLACES else _Cause.FAILED


def _reason(error: Exception, path: Path) -> str:
    """Return why a place cannot be used."""
    if isinstance(error, OSError):
        return UNUSABLE_PLACES.get(error.errno or 0) or error.strerror or str(error)
    code = getattr(error, "sqlite_errorcode", 0)
    if code == sqlite3.SQLITE_CANTOPEN and len(os.fsencode(path.absolute())) >= _MAX_SQLITE_PATH:
        return UNUSABLE_PLACES[errno.ENAMETOOLONG]
    return _LACKING.get(code) or f"{_NO_ACCESS}, or its file system is read-only"


def _advice(cause: _Cause, error: Exception, path: Path) -> str:
    match cause:
        case _Cause.FULL:
            return f"the disk is full ({_system_text(error)}). Make room in {_folder(path)},"
        case _Cause.BUSY:
            return (
                f"another program uses it ({_system_text(error)}). Close that program, for example a database viewer "
                "or a backup,"
            )
        case _Cause.UNUSABLE:
            return f"{_reason(error, path)}. Fix that,"
        case _:
            return f"{_system_text(error)}. Check the disk of {_folder(path)}, and your quota there,"


def _system_text(error: Exception) -> str:
    return (isinstance(error, OSError) and error.strerror) or str(error)


def _folder(path: Path) -> Path:
    """Return the folder to name in a message about the disk, even if the file is missing."""
    return path if path.is_dir() else path.parent
