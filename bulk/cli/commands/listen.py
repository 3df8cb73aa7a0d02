"""`bulk listen BATCH`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from bulk.cli import options
from bulk.cli.console import echo
from bulk.cli.parameters import WholeNumber

if TYPE_CHECKING:
    from bulk.settings import Secret


@click.command()
@options.BATCH
@click.option(
    "--port",
    default=8787,
    show_default=True,
    type=WholeNumber(0, 65535),
    help="Port on 127.0.0.1; 0 for any free port.",
)
@options.connection
@options.JSON
def listen(folder: Path, port: int, connection: options.Connection, as_json: bool) -> int:
    """Receive Codat's webhook events, and create partner connections as customers link.

    BATCH is a batch's folder, such as reports/customers. The command listens on 127.0.0.1 until Ctrl-C: put an HTTPS
    server or a tunnel in front of it. CODAT_WEBHOOK_SECRET (whsec_...) is the secret that signs the events. With
    --sandbox, the sandbox sends its events to the port, and no secret is needed.

    This needs the extra `listen`: pip install 'codat-bulk[listen]'.
    """
    from bulk.api import listen as start
    from bulk.batch import require_batch
    from bulk.cli.runner import run
    from bulk.cli.settings import batch_settings
    from bulk.cli.summary import print_summary
    from bulk.settings import webhook_secret
    from bulk.webhooks.receiver import verifier
    from bulk.webhooks.server import bound

    require_batch(folder)
    secret = _sandbox_secret() if connection.sandbox else webhook_secret()
    verifier(secret)  # report a wrong secret before anything is started
    if connection.sandbox and not port:
        with bound(0) as free:
            port = free.getsockname()[1]
    webhook_url = f"http://127.0.0.1:{port}/" if connection.sandbox else ""
    with batch_settings(folder, connection, webhook_url=webhook_url) as settings:
        result = run(
            lambda progress, interrupt: start(
                folder,
                port=port,
                secret=secret,
                settings=settings,
                ready=lambda address: echo(f"Listening at {address} for events of {folder}. Ctrl-C stops."),
                on_event=progress,
                interrupt=interrupt,
            )
        )
    print_summary(result, as_json=as_json)
    return result.exit_code


def _sandbox_secret() -> Secret:
    from bulk.sandbox.options import WEBHOOK_SECRET
    from bulk.settings import Secret

    return Secret(WEBHOOK_SECRET)
