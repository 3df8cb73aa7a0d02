"""`bulk follow-up BATCH`."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bulk.cli import options
from bulk.cli.console import echo
from bulk.cli.parameters import Duration, FutureTime
from bulk.text import count, moment

if TYPE_CHECKING:
    from bulk.results import BatchResult


@click.command("follow-up", epilog=f"{options.DURATION} {options.TIME}")
@options.BATCH
@click.option(
    "--watch",
    type=Duration(),
    help="Repeat at this interval, or less often when the quota is short, until no customer is pending.",
)
@click.option(
    "--until",
    type=FutureTime(),
    help="With --watch: stop at this time. It can also be a time of day (UTC) such as 18:00.",
)
@click.option(
    "--retry-failed", is_flag=True, help="Retry partner connections that have failed or were deleted in Codat."
)
@options.ACCEPT_MISSING
@options.WAIT
@options.connection
@options.JSON
def follow_up(
    folder: Path,
    watch: float | None,
    until: datetime | None,
    retry_failed: bool,
    accept_missing: bool,
    wait: bool,
    connection: options.Connection,
    as_json: bool,
) -> int:
    """Create the partner expense connections of customers who have authorized.

    BATCH is a batch's folder, such as reports/customers. The command reads Codat's company list, at 2,000 companies
    per request, and then sends one request for each customer who is newly linked.
    """
    from bulk.api import follow_up as start
    from bulk.cli.estimates import Pace
    from bulk.cli.runner import run
    from bulk.cli.settings import batch_settings
    from bulk.cli.summary import print_summary

    if until is not None:
        if watch is None:
            raise click.UsageError("--until needs --watch, which repeats the follow-up until then.")
        echo(end_of_watch(until, datetime.now(UTC)))
    with batch_settings(folder, connection) as settings:
        result = run(
            lambda progress, interrupt: start(
                folder,
                settings=settings,
                retry_failed=retry_failed,
                watch=watch,
                until=until,
                accept_missing=accept_missing,
                wait=wait,
                on_event=progress,
                interrupt=interrupt,
            ),
            Pace(connection.rate, connection.concurrency),
        )
    print_summary(result, as_json=as_json, can_wait=True, headline=_headline(result))
    return result.exit_code


def end_of_watch(until: datetime, now: datetime) -> str:
    """Return the message with the end of a watch. A time of day may refer to tomorrow."""
    day = " (tomorrow)" if until.date() == now.date() + timedelta(days=1) else ""
    return f"Watching until {moment(until.timestamp())}{day}"


def _headline(result: BatchResult) -> str:
    created, last_run = result.advanced.get("complete", 0), result.figures.last_run
    if created:
        return f"{count(created, 'partner connection')} created."
    if result.stop is not None:
        return ""
    # Customers who link again may already have a partner connection.
    linked = last_run.newly_linked if last_run is not None else 0
    return f"{count(linked, 'customer')} newly linked." if linked else "No customer is newly linked."
