"""How reports get into a batch's folder: whole and all together, or not at all.

They are made in a folder of their own inside the batch's folder, synced to the disk, and only then moved over the old
ones. Whatever ends a report before that leaves the old files; what it leaves of its own, the next report removes.
One report at a time: of two, the one that read the journal later must also write later.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from filelock import FileLock, Timeout
from polars.exceptions import PolarsError

from bulk.errors import BatchError, BatchInUseError, JournalError

# A linkUrl is a credential: nobody but the owner reads what is written here.
FOLDER_MODE: Final = 0o700
FILE_MODE: Final = 0o600

LOCK: Final = ".reports.lock"
STAGE: Final = ".reports.part"
_LOCK_SECONDS: Final = 120.0  # a report of a million customers takes far less


@contextmanager
def staging(folder: Path, *, wait_seconds: float = _LOCK_SECONDS) -> Iterator[Path]:
    """Give an empty folder to make the reports in; it is gone afterwards.

    Raises BatchInUse while another report is written, BatchUnusable where there is no such folder,
    JournalUnwritable where the disk fails or is full.
    """
    if not folder.is_dir():
        raise BatchError(f"{folder} is no folder: give the folder of a batch, or migrate its input first")
    with told(folder):
        folder.chmod(FOLDER_MODE)
        # A lock of the operating system only: one that is a mere file would outlive a killed process.
        lock = FileLock(folder / LOCK, timeout=wait_seconds, mode=FILE_MODE, fallback_to_soft=False)
        try:
            lock.acquire()
        except Timeout as error:
            raise BatchInUseError(
                f"the reports of {folder} are being written by another command: wait for it"
            ) from error
    try:
        stage = folder / STAGE
        with told(stage):
            if stage.exists():
                shutil.rmtree(stage)
            stage.mkdir(mode=FOLDER_MODE)
        yield stage
    finally:
        shutil.rmtree(stage, ignore_errors=True)
        lock.release()


def publish(stage: Path, folder: Path, names: Sequence[str], *, absent: Sequence[str]) -> tuple[Path, ...]:
    """Move the staged files over the old ones, remove those that must be absent, and give the new paths."""
    for name in names:
        with told(folder / name):
            (stage / name).chmod(FILE_MODE)
            _sync(stage / name)

    def move() -> None:
        for name in names:
            with told(folder / name):
                (stage / name).replace(folder / name)
        for name in absent:
            with told(folder / name):
                (folder / name).unlink(missing_ok=True)
        with told(folder):
            _sync(folder)

    # In a thread, where no Ctrl-C comes in between: the old reports stay, or the new ones are there.
    with ThreadPoolExecutor(1, thread_name_prefix="reports") as mover:
        mover.submit(move).result()
    return tuple(folder / name for name in names)


@contextmanager
def told(path: Path) -> Iterator[None]:
    """Turn a failing disk into an error that names the file and what to do."""
    try:
        yield
    except (OSError, PolarsError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error).partition("\n")[0]
        folder = path.parent.parent if path.parent.name == STAGE else path.parent
        raise JournalError(
            f"{path} cannot be written ({reason}): the reports before it are kept; "
            f"make room, or see to the folder, then run: bulk report {folder}"
        ) from error


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
