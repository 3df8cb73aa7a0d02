"""Locks a batch's folder for one run at a time. The operating system drops the lock when the process ends or dies."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from filelock import FileLock, Timeout

from bulk.errors import BatchInUseError
from bulk.journal import disk
from bulk.journal.error_translator import wrap_errors
from bulk.journal.folder import FILE_MODE, make_folder

_NAME: Final = ".lock"


def system_lock(path: Path, *, wait_seconds: float = 0.0) -> FileLock:
    """Return a lock of the operating system. A file that exists while locked would outlive a killed process."""
    return FileLock(path, timeout=wait_seconds, mode=FILE_MODE, fallback_to_soft=False)


@contextmanager
def only_run(folder: Path) -> Iterator[None]:
    """Hold the lock of the batch's folder, and create the folder if it is missing.

    Raises BatchInUseError if another run holds the lock, UsageError if the folder or its disk cannot be used.
    """
    path = folder / _NAME
    with wrap_errors(path, nothing_sent=True):
        make_folder(folder)
        disk.require_able(folder)
        lock = system_lock(path)
        try:
            lock.acquire()
        except Timeout:
            raise BatchInUseError(
                f"Another run works on {folder}. Wait until it ends, or stop it with Ctrl-C; nothing was sent."
            ) from None
    try:
        yield
    finally:
        lock.release()


def is_in_use(folder: Path) -> bool:
    """Return whether a run holds the lock of the batch's folder. Raises UsageError if the folder cannot be used."""
    path = folder / _NAME
    if not path.exists():
        return False
    with wrap_errors(path, nothing_sent=True):
        try:
            with system_lock(path):
                return False
        except Timeout:
            return True
