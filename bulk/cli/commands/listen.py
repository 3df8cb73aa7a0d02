"""`bulk listen BATCH`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from bulk.cli import options
from bulk.cli.console import echo


@click.command()
@options.BATCH
@click.option(
    "--port", default=8787, show_default=True, type=click.IntRange(0, 65535), help="Of this machine; 0: any free one."
)
@options.codat
@options.JSON
def listen(folder: Path, port: int, as_json: bool, **where: Any) -> int:
    """Receive Codat's webhook events, and create partner connections as customers link.

    Listens on 127.0.0.1 until Ctrl-C: put your own HTTPS server or tunnel before it. CODAT_WEBHOOK_SECRET (whsec_...)
    is what the events are signed with. Needs bulk's extra `listen`: pip install standardwebhooks.
    """
    from bulk.api import listen as start
    from bulk.batch import require_batch
    from bulk.cli.runner import run
    from bulk.cli.summary import print_summary
    from bulk.settings import webhook_secret
    from bulk.webhooks.receiver import verifier
    from bulk.webhooks.server import bound

    require_batch(folder)
    secret = _of_sandbox() if where["sandbox"] else webhook_secret()
    verifier(secret)  # what is wrong with it is said before anything is started
    if where["sandbox"] and not port:
        with bound(0) as free:
            port = free.getsockname()[1]
    events = f"http://127.0.0.1:{port}/" if where["sandbox"] else ""
    with options.batch_settings(folder, events=events, **where) as settings:
        result = run(
            lambda progress, interrupt: start(
                folder,
                port=port,
                secret=secret,
                settings=settings,
                ready=lambda address: echo(f"Listening at {address} for the events of {folder} (Ctrl-C ends it)"),
                on_event=progress,
                interrupt=interrupt,
            )
        )
    print_summary(result, as_json=as_json)
    return result.exit_code


def _of_sandbox() -> Any:
    from bulk.sandbox.options import WEBHOOK_SECRET
    from bulk.settings import Secret

    return Secret(WEBHOOK_SECRET)
