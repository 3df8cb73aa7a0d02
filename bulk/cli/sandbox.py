"""The stand-in for Codat that --sandbox starts: a process of its own, its state kept in the batch's folder."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bulk.cli.console import echo
from bulk.errors import UsageError
from bulk.journal.database import make_folder
from bulk.journal.error_translator import wrap_errors


@contextmanager
def sandbox(batch: Path, events: str = "") -> Iterator[tuple[str, str]]:
    """Give the base URL and key of a running sandbox; the one that runs already for this batch, if there is one.

    `events`: where it sends its webhook events, unless it runs already.
    """
    from bulk.sandbox.folder import SandboxError, StateFolder
    from bulk.sandbox.launch import start
    from bulk.sandbox.options import Options

    try:
        with wrap_errors(batch, nothing_sent=True):
            make_folder(batch)
            make_folder(batch / "sandbox")
            StateFolder(batch / "sandbox").log.touch(mode=0o600)
            running = start(batch / "sandbox", options=Options(webhook_url=events))
    except SandboxError as error:
        raise UsageError(f"The sandbox of {batch} does not start: {error}") from error
    if events and not running.is_ours:
        echo(f"A sandbox of {batch} runs already, and sends its events where it was told to: not here, perhaps.")
    try:
        yield running.base_url, running.api_key
    finally:
        running.stop()
