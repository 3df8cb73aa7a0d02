"""Lets one run at a time send for a Codat client on this machine, whatever its batch.

Each client has a lock in a private folder of the user; the operating system drops it when the process ends or dies. A
note next to the lock names the run that holds it.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from filelock import Timeout

from bulk.errors import ClientInUseError
from bulk.journal.lock import system_lock

PRIVATE = 0o700


@dataclass(frozen=True, slots=True)
class Sender:
    """A run that sends requests to Codat."""

    command: str
    batch: str
    pid: int
    since: str  # UTC, ISO 8601


@contextmanager
def only_sender(client: str, sender: Sender, environ: Mapping[str, str] | None = None) -> Iterator[None]:
    """Hold the client's lock. Raises ClientInUseError if another run holds it, OSError if there is no folder for it."""
    name = hashlib.sha256(client.encode()).hexdigest()[:32]
    folder = _lock_folder(os.environ if environ is None else environ)
    note = folder / f"{name}.json"
    lock = system_lock(folder / f"{name}.lock")
    try:
        lock.acquire()
    except Timeout:
        raise ClientInUseError(
            f"{_read(note)} sends for the same Codat client on this machine, and one run at a time may. Run this "
            "command again when it has ended, or add --wait"
        ) from None
    try:
        with suppress(OSError):  # without the note, the other run's message has no name
            _write(note, sender)
        yield
    finally:
        with suppress(OSError):
            note.unlink()
        lock.release()


def _lock_folder(environ: Mapping[str, str]) -> Path:
    """Return the first usable folder, and create it if it is missing. Raises the OSError of the first one otherwise.

    https://specifications.freedesktop.org/basedir-spec/latest/: a path that is not absolute is ignored.
    """
    home = environ.get("HOME", "")
    bases = (environ.get("XDG_STATE_HOME", ""), f"{home}/.local/state" if home else "", environ.get("XDG_RUNTIME_DIR"))
    first: OSError | None = None
    for base in bases:
        if not base or not Path(base).is_absolute():
            continue
        try:
            return _private(Path(base) / "bulk")
        except OSError as error:
            first = first or error
    raise first or FileNotFoundError(errno.ENOENT, "no home folder", "HOME")


def _private(folder: Path) -> Path:
    """Return a folder that only its owner can open. Raises OSError if it is another user's or cannot be written."""
    folder.mkdir(mode=PRIVATE, parents=True, exist_ok=True)
    status = folder.lstat()
    if hasattr(os, "getuid") and status.st_uid != os.getuid():
        raise PermissionError(errno.EPERM, "it belongs to another user", str(folder))
    if status.st_mode & 0o077:
        folder.chmod(PRIVATE)
    if not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(folder))
    return folder


def _write(note: Path, sender: Sender) -> None:
    new = note.with_suffix(f".{sender.pid}")
    new.touch(mode=0o600)
    new.write_text(json.dumps(asdict(sender)), "utf-8")
    new.replace(note)


def _read(note: Path) -> str:
    """Return the run that the note names."""
    try:
        sender = Sender(**json.loads(note.read_text("utf-8")))
    except (OSError, ValueError, TypeError):
        return "Another run"
    return f"bulk {sender.command} on {sender.batch} (process {sender.pid}, since {sender.since})"
