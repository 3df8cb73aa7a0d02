"""One run at a time on a batch's folder. The lock goes with the process that holds it, however that ends."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from bulk.errors import BatchInUseError
from bulk.journal.database import make_folder, usable


@contextmanager
def only_run(folder: Path) -> Iterator[None]:
    """Hold the batch's folder, making it if need be. Raises BatchInUse if another run holds it, WrongUsage."""
    path = folder / ".lock"
    with usable(path):
        make_folder(folder)
        lock = FileLock(path, timeout=0, mode=0o600)
        try:
            lock.acquire()
        except Timeout:
            raise BatchInUseError(
                f"Another run is at work on {folder}. Wait until it ends, or stop it with Ctrl-C; nothing was sent."
            ) from None
    try:
        yield
    finally:
        lock.release()
