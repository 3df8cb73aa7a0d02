"""The folder of a sandbox's state: a database, the port and a lock, readable by its owner only."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path


class SandboxError(Exception):
    """A message for the user, with the problem and the remedy."""


class AlreadyRunning(SandboxError):  # noqa: N818 - named for the fact that the caller uses
    """A server for this folder is already running."""


@dataclass(frozen=True, slots=True)
class StateFolder:
    """The folder of one sandbox's state."""

    path: Path

    @property
    def database(self) -> Path:
        """The file with the companies and everything else."""
        return self.path / "sandbox.sqlite3"

    @property
    def log(self) -> Path:
        """The file with the standard error of a server that another program started."""
        return self.path / "sandbox.log"

    def make(self) -> None:
        """Create the folder. Raises SandboxError."""
        if self.path.is_dir():
            return
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise SandboxError(f"The sandbox's folder {self.path} cannot be created: {error.strerror}.") from error

    def port(self) -> int | None:
        """Return the port that this sandbox used last, or None."""
        try:
            return int((self.path / "port").read_text())
        except (FileNotFoundError, NotADirectoryError, ValueError):
            return None

    def keep_port(self, port: int) -> None:
        """Store the port, so that today's linkUrls still open tomorrow."""
        fresh = self.path / "port.new"
        fresh.write_text(f"{port}\n")
        fresh.replace(self.path / "port")

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Lock the folder against a second server. Even `kill -9` releases the lock. Raises AlreadyRunning."""
        import fcntl  # here, so that the rest of the sandbox can be imported on Windows, which lacks it

        handle = os.open(self.path / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                raise AlreadyRunning(f"A sandbox for {self.path} is already running.") from error
            yield
        finally:
            os.close(handle)
