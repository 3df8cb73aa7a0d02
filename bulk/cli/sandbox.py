"""Starts the sandbox for --sandbox: a separate process, with its state in the batch's folder."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bulk.cli.console import echo
from bulk.errors import UsageError
from bulk.journal.error_translator import wrap_errors
from bulk.journal.folder import make_folder


@contextmanager
def sandbox(batch: Path, webhook_url: str = "") -> Iterator[tuple[str, str]]:
    """Yield the base URL and the key of this batch's sandbox. Start it, unless it is running already.

    `webhook_url` is the address for the webhook events of a sandbox that is started here. Raises UsageError.
    """
    from bulk.sandbox.folder import SandboxError, StateFolder
    from bulk.sandbox.launch import start
    from bulk.sandbox.options import Options

    try:
        with wrap_errors(batch, nothing_sent=True):
            make_folder(batch)
            make_folder(batch / "sandbox")
            StateFolder(batch / "sandbox").log.touch(mode=0o600)
            running = start(batch / "sandbox", options=Options(webhook_url=webhook_url))
    except SandboxError as error:
        raise UsageError(str(error)) from error
    if webhook_url and not running.is_ours:
        echo(f"Warning: a sandbox of {batch} already runs. It may send its events to another address.")
    try:
        yield running.base_url, running.api_key
    finally:
        running.stop()
