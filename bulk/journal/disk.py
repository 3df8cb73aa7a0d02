"""Tests whether the disk of a batch's folder can do what a batch needs, before the first request.

Without locks, two runs could send the same customer twice. SQLite's log needs shared memory
(https://sqlite.org/wal.html), an intent must survive a power cut, and reports replace the previous ones by renaming. A
lock that two may hold at once is no lock. The test uses a small file of its own.
"""

from __future__ import annotations

import errno
import mmap
import os
import struct
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bulk.errors import UsageError
from bulk.journal.error_translator import wrap_errors

if sys.platform != "win32":
    import fcntl

_PREFIX: Final = ".disk-"
_CONTENT: Final = b"bulk tests this disk\n"
_OTHER_TROUBLE: Final = frozenset(
    {
        *(errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.ENOMEM),
        *(errno.EIO, errno.ESTALE, errno.ENOTCONN, errno.ETIMEDOUT, errno.EHOSTDOWN, errno.EHOSTUNREACH),
    }
)
"""The errors of a disk that is full or fails. They say nothing about what it can do."""


@dataclass(frozen=True, slots=True)
class ProbeFile:
    """A small file on the disk, opened twice."""

    path: Path
    first: int  # a file descriptor
    second: int


Ability = Callable[[ProbeFile], None]
"""Uses an ability of the disk. Raises OSError without it."""


def require_able(folder: Path, needed: Sequence[tuple[str, Ability]] | None = None) -> None:
    """Raise UsageError if the folder's disk lacks an ability, or if no file can be created in the folder.

    `needed` are the abilities, each with the words for a disk without it. Raises JournalError if the disk is full or
    fails.
    """
    with wrap_errors(folder, nothing_sent=True):
        try:
            missing = _missing(folder, _NEEDED if needed is None else needed)
        except OSError as error:
            error.filename = str(folder)  # in place of the small file
            raise
    if missing:
        raise UsageError(
            f"{folder} cannot be used: its disk {missing} (is it a network share?). Use a folder on a local disk with "
            "--reports; the folder of a batch can be moved there while no command uses it. Nothing was sent."
        )


def keeps_permissions(folder: Path) -> bool:
    """Return whether the disk stores who can read a file. Raises OSError if no file can be created there."""
    descriptor, path = tempfile.mkstemp(prefix=_PREFIX, dir=folder)
    try:
        os.chmod(path, 0o600)  # noqa: PTH101 - mkstemp returns a text
        return not os.fstat(descriptor).st_mode & 0o077
    except OSError:
        return False
    finally:
        os.close(descriptor)
        os.unlink(path)  # noqa: PTH108 - as above


def _missing(folder: Path, needed: Sequence[tuple[str, Ability]]) -> str:
    """Return the words for the first ability that the disk lacks, or ""."""
    first, name = tempfile.mkstemp(prefix=_PREFIX, dir=folder)
    path, second = Path(name), -1
    try:
        os.write(first, _CONTENT)
        second = os.open(path, os.O_RDWR)
        for words, use in needed:
            try:
                use(ProbeFile(path, first, second))
            except OSError as error:
                if error.errno in _OTHER_TROUBLE:
                    raise
                return words
        return ""
    finally:
        os.close(first)
        if second != -1:
            os.close(second)
        path.unlink(missing_ok=True)


def _sync(file: ProbeFile) -> None:
    os.fsync(file.first)


def _lock(file: ProbeFile) -> None:
    """Lock the file as bulk locks a folder."""
    if sys.platform != "win32":
        exclusive = fcntl.LOCK_EX | fcntl.LOCK_NB
        fcntl.flock(file.first, exclusive)
        _require_refusal(lambda: fcntl.flock(file.second, exclusive))
        fcntl.flock(file.first, fcntl.LOCK_UN)  # some disks have one kind of lock for both


def _lock_bytes(file: ProbeFile) -> None:
    """Lock the file as SQLite does. In one process, only Linux has a lock that such a lock excludes."""
    if sys.platform != "win32":
        fcntl.lockf(file.first, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if sys.platform == "linux":
            whole_file = struct.pack("hhqqi", fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0)
            _require_refusal(lambda: fcntl.fcntl(file.second, fcntl.F_OFD_SETLK, whole_file))


def _require_refusal(lock: Callable[[], object]) -> None:
    """Raise OSError if a second lock is granted while the first is held."""
    try:
        lock()
    except OSError:
        return
    raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))


def _share(file: ProbeFile) -> None:
    with mmap.mmap(file.first, len(_CONTENT)):
        pass


def _replace(file: ProbeFile) -> None:
    other = file.path.with_name(f"{file.path.name}.old")
    try:
        other.touch(mode=0o600)
        file.path.replace(other)
        if other.read_bytes() != _CONTENT:
            raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))
    finally:
        other.unlink(missing_ok=True)


_NEEDED: Final[tuple[tuple[str, Ability], ...]] = (
    ("cannot sync a file, so a power cut could lose what was sent", _sync),
    ("has no locks, so two runs could send the same customers", _lock),
    ("has no locks, so two programs could damage the journal", _lock_bytes),
    ("has no shared memory for files, which the journal needs", _share),
    ("cannot replace a file by renaming another", _replace),
)
