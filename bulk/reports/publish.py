"""Publishes reports in a batch's folder: complete and all together, or not at all.

Reports are written to a stage, a folder inside the batch's folder. They are synced to the disk and only then moved over
the previous ones. If the process ends before that, the previous files stay, and the next report removes the stage.
Only one process writes reports at a time: the one that reads the journal later must also publish later.
"""

from __future__ import annotations

import errno
import os
import re
import shlex
import shutil
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Final, TypeAlias

from filelock import Timeout
from polars.exceptions import ComputeError

from bulk.errors import BatchError, BatchInUseError, JournalError
from bulk.journal.folder import FILE_MODE, FOLDER_MODE, make_private
from bulk.journal.lock import system_lock
from bulk.text import argument

Handler: TypeAlias = Callable[[int, FrameType | None], object]

LOCK: Final = ".reports.lock"
STAGE: Final = ".reports.part"
WAVES: Final = "waves"  # a folder in the batch's folder, and on the stage
_LOCK_SECONDS: Final = 120.0  # the reports of a million customers take much less

_CANNOT_SYNC: Final = frozenset({errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP, errno.EBADF})

# polars reports a failed write as ComputeError. The system's error number is only in its text (Rust's std::io).
_OS_ERROR: Final = re.compile(r"\(os error (\d+)\)\Z")


@contextmanager
def staging(folder: Path, *, wait_seconds: float = _LOCK_SECONDS) -> Iterator[Path]:
    """Yield an empty folder for the files of a report, and remove it at the end.

    Raises BatchInUseError while another report is being written, BatchError if the batch's folder does not exist,
    JournalError if the disk fails or is full.
    """
    if not folder.is_dir():
        raise BatchError(f"{folder} is not a folder. Pass the folder of a batch, or migrate its input first.")
    stage = folder / STAGE
    with _only_report(folder, wait_seconds):
        try:
            with wrap_errors(stage):
                if stage.exists():
                    shutil.rmtree(stage)
                stage.mkdir(mode=FOLDER_MODE)
            yield stage
        finally:
            shutil.rmtree(stage, ignore_errors=True)


@contextmanager
def _only_report(folder: Path, wait_seconds: float) -> Iterator[None]:
    with wrap_errors(folder, batch=folder):
        make_private(folder, FOLDER_MODE)
        lock = system_lock(folder / LOCK, wait_seconds=wait_seconds)
        try:
            lock.acquire()
        except Timeout as error:
            raise BatchInUseError(
                f"Another command is writing the reports of {folder}. Wait until it has finished."
            ) from error
    try:
        yield
    finally:
        lock.release()


def publish(stage: Path, folder: Path, names: Sequence[str], *, absent: Sequence[str]) -> tuple[Path, ...]:
    """Move the staged files over the previous ones, and remove the files that must be absent; return the new paths."""
    for name in names:
        with wrap_errors(folder / name):
            make_private(stage / name, FILE_MODE)
            sync(stage / name)

    if any("/" in name for name in names):
        with wrap_errors(folder / WAVES):
            (folder / WAVES).mkdir(mode=FOLDER_MODE, exist_ok=True)

    with _uninterrupted():  # so that the folder has all the previous files or all the new ones
        for name in names:
            with wrap_errors(folder / name):
                (stage / name).replace(folder / name)
        for name in absent:
            with wrap_errors(folder / name):
                (folder / name).unlink(missing_ok=True)
        for changed in (folder / WAVES, folder):
            with wrap_errors(changed, batch=folder):
                if changed.is_dir():
                    sync(changed)
    return tuple(folder / name for name in names)


@contextmanager
def _uninterrupted() -> Iterator[None]:
    """Delay Ctrl-C and SIGTERM until the block has ended. Python handles signals in the main thread only."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    received: list[tuple[int, FrameType | None]] = []
    handlers: dict[int, Handler] = {}
    try:
        for stop in (signal.SIGINT, signal.SIGTERM):
            handler = signal.getsignal(stop)
            if callable(handler):
                handlers[stop] = handler
                signal.signal(stop, lambda *arrived: received.append(arrived))
        yield
    finally:
        for number, former in handlers.items():
            signal.signal(number, former)
        for number, frame in received:
            handlers[number](number, frame)


@contextmanager
def wrap_errors(path: Path, *, batch: Path | None = None) -> Iterator[None]:
    """Turn an error of the operating system into a JournalError that names the file and the remedy.

    Every other error is a bug of bulk and passes through. `batch` is the batch's folder; it is needed if `path` is not
    a file in that folder or on its stage.
    """
    try:
        yield
    except OSError as error:
        raise _write_error(path, batch, error.strerror or str(error)) from error
    except ComputeError as error:
        match = _OS_ERROR.search(str(error))
        if match is None:
            raise
        raise _write_error(path, batch, os.strerror(int(match[1]))) from error


class WriteError(JournalError):
    """A report cannot be written. `reason` is that of the operating system."""

    def __init__(self, message: str, reason: str) -> None:
        super().__init__(message)
        self.reason = reason


def _write_error(path: Path, batch: Path | None, reason: str) -> WriteError:
    folder = batch or _batch_of(path)
    command = shlex.join(["bulk", "report", argument(folder)])
    return WriteError(
        f"{path} cannot be written ({reason}). The previous reports are kept. "
        f"Make room or check the folder, then run: {command}",
        reason,
    )


def _batch_of(path: Path) -> Path:
    """Return the folder of the batch that a file is in, perhaps on its stage or in the folder of its waves."""
    is_wave = path.parent.name == WAVES and path.stem.isdecimal()  # a batch may be called `waves`
    folder = path.parent.parent if is_wave else path.parent
    return folder.parent if folder.name == STAGE else folder


def sync(path: Path) -> None:
    """Wait until a file or folder is on the disk. Some disks cannot sync a folder."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if not (path.is_dir() and error.errno in _CANNOT_SYNC):
            raise
    finally:
        os.close(descriptor)
