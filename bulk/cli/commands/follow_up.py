"""`bulk follow-up BATCH`."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import click

from bulk.cli import options
from bulk.text import count


@click.command("follow-up")
@options.BATCH
@click.option(
    "--watch", type=options.Duration(), metavar="SECONDS", help="Go on asking, until nobody is left to wait for."
)
@click.option("--until", type=options.FutureMoment(), metavar="TIME", help="With --watch: stop then, e.g. 18:00 (UTC).")
@click.option("--retry-failed", is_flag=True, help="Ask again for partner connections that Codat refused, or lost.")
@options.codat
@options.JSON
def follow_up(
    folder: Path, watch: float | None, until: datetime | None, retry_failed: bool, as_json: bool, **where: Any
) -> int:
    """Learn who has authorized and create the partner expense connection for each of those.

    Asks a page of Codat's company list for up to 2,000 customers, and then once for each who is newly linked.
    """
    from bulk.api import follow_up as start
    from bulk.cli.runner import run
    from bulk.cli.summary import print_summary

    if until is not None and watch is None:
        raise click.UsageError("--until says when --watch ends: give both.")
    with options.batch_settings(folder, **where) as settings:
        result = run(
            lambda progress, interrupt: start(
                folder,
                settings=settings,
                retry_failed=retry_failed,
                watch=watch,
                until=until,
                on_event=progress,
                interrupt=interrupt,
            )
        )
    made, last = result.advanced.get("complete", 0), result.figures.last_run
    did = f"{count(made, 'partner connection')} created."
    if not made:  # who has linked again may have one already
        linked = last.newly_linked if last is not None else 0
        did = f"{count(linked, 'customer')} newly linked." if linked else "Nobody is newly linked."
    print_summary(result, as_json=as_json, did="" if result.stop and not made else did)
    return result.exit_code
