"""`bulk links BATCH`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from bulk.cli import options
from bulk.cli.parameters import Duration, WholeNumber
from bulk.text import count

if TYPE_CHECKING:
    from bulk.results import LinksResult


@click.command(epilog=options.DURATION)
@options.BATCH
@click.option("--limit", type=WholeNumber(), help="Renew at most N linkUrls, the oldest first.")
@click.option(
    "--margin",
    type=Duration(minimum=0),
    help="Renew linkUrls that expire within this time; 0 for only those that have expired.  "
    "[default: 2h, at most half the lifetime]",
)
@options.link_lifetime
@options.WAIT
@options.connection
@options.JSON
def links(
    folder: Path,
    limit: int | None,
    margin: float | None,
    link_lifetime: int | None,
    wait: bool,
    connection: options.Connection,
    as_json: bool,
) -> int:
    """Renew the linkUrls that have expired or will soon expire.

    BATCH is a batch's folder, such as reports/customers. Only customers who have not authorized get a new linkUrl.
    The command sends one request for each of them. A valid linkUrl does not change.
    """
    from bulk.api import links as start
    from bulk.cli.estimates import Pace
    from bulk.cli.runner import run
    from bulk.cli.settings import batch_settings
    from bulk.cli.summary import print_summary

    with batch_settings(folder, connection) as settings:
        result = run(
            lambda progress, interrupt: start(
                folder,
                settings=settings,
                margin=margin,
                limit=limit,
                link_lifetime=link_lifetime,
                wait=wait,
                on_event=progress,
                interrupt=interrupt,
            ),
            Pace(connection.rate, connection.concurrency),
        )
    print_summary(result, as_json=as_json, can_wait=True, headline=_headline(result), more={"renewed": result.renewed})
    return result.exit_code


def _headline(result: LinksResult) -> str:
    """Return a sentence about the linkUrls that the run has renewed, and those that are left."""
    links = result.figures.links
    authorized = sum(result.advanced.get(state, 0) for state in ("linked", "complete", "unlinked"))
    if links.unlimited and links.unlimited == links.usable and not links.stale and not result.advanced:
        return "No linkUrls need renewing: without one-time passwords, they never expire."
    if not result.advanced and not links.stale:
        return "No linkUrls need renewing: all are valid." if links.usable else "No linkUrls need renewing."
    parts = [f"{count(result.renewed, 'linkUrl')} renewed"]
    if authorized:
        parts.append(f"{count(authorized, 'customer')} found to have authorized")
    if links.stale:
        parts.append(f"{links.stale:,} left to renew")
    return ", ".join(parts) + "."
