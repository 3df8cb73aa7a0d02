"""Locks a batch's folder for one run at a time. The operating system drops the lock when the process ends or dies."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from filelock import FileLock, Timeout

from bulk.errors import BatchInUseError
from bulk.journal.database import make_folder
from bulk.journal.error_translator import wrap_errors

_NAME: Final = ".lock"


@contextmanager
def only_run(folder: Path) -> Iterator[None]:
    """Hold the lock of the batch's folder, and create the folder if it is missing.

    Raises BatchInUseError if another run holds the lock, UsageError if the folder cannot be used.
    """
    path = folder / _NAME
    with wrap_errors(path, nothing_sent=True):
        make_folder(folder)
        lock = FileLock(path, timeout=0, mode=0o600)
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
            with FileLock(path, timeout=0, mode=0o600):
                return False
        except Timeout:
            return True
