"""Where a sandbox keeps its state: a folder with a database, the port and a lock, for its owner only."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path


class SandboxError(Exception):
    """What a user is told: what happened and what to do."""


class AlreadyRunning(SandboxError):  # noqa: N818 - named for what the caller does next: use that one
    """A server for this folder runs already."""


@dataclass(frozen=True, slots=True)
class StateFolder:
    """The folder of one sandbox's state."""

    path: Path

    @property
    def database(self) -> Path:
        """Everything the stand-in knows."""
        return self.path / "sandbox.sqlite3"

    @property
    def log(self) -> Path:
        """What the server process says when another program started it."""
        return self.path / "sandbox.log"

    def make(self) -> None:
        """Make the folder, readable by its owner only."""
        if self.path.is_dir():
            return
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise SandboxError(f"The sandbox's folder {self.path} cannot be made: {error.strerror}.") from error

    def port(self) -> int | None:
        """Give the port that this sandbox has used so far, or None."""
        try:
            return int((self.path / "port").read_text())
        except (FileNotFoundError, NotADirectoryError, ValueError):
            return None

    def keep_port(self, port: int) -> None:
        """Remember the port, so that the linkUrls made today still open tomorrow."""
        fresh = self.path / "port.new"
        fresh.write_text(f"{port}\n")
        fresh.replace(self.path / "port")

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the folder against a second server; it is let go even by kill -9. Raises AlreadyRunning."""
        import fcntl  # here, since it is absent on Windows, where all else of the stand-in can be imported

        handle = os.open(self.path / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                raise AlreadyRunning(f"A sandbox for {self.path} is running already.") from error
            yield
        finally:
            os.close(handle)
