"""The stand-in for Codat that --sandbox starts: a process of its own, its state kept in the batch's folder."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bulk.errors import WrongUsage
from bulk.journal.store import make_folder, usable


@contextmanager
def stand_in(batch: Path) -> Iterator[tuple[str, str]]:
    """Give the base URL and key of a running sandbox; the one that runs already for this batch, if there is one."""
    from bulk.sandbox.folder import SandboxError, StateFolder
    from bulk.sandbox.launch import start

    try:
        with usable(batch):
            make_folder(batch)
            make_folder(batch / "sandbox")
            StateFolder(batch / "sandbox").log.touch(mode=0o600)
            running = start(batch / "sandbox")
    except SandboxError as error:
        raise WrongUsage(f"The sandbox of {batch} does not start: {error}") from error
    try:
        yield running.base_url, running.api_key
    finally:
        running.stop()
