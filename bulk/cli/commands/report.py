"""`bulk report BATCH`."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import click

from bulk.cli import options
from bulk.cli.parameters import PastTime
from bulk.text import timestamp


@click.command(epilog=options.TIME)
@options.BATCH
@click.option(
    "--since",
    type=PastTime(),
    help="Mark what has changed since this time, in the column change of the results and on the page. It can also "
    "be a date such as 2026-11-19, or 7d for seven days ago.",
)
@options.JSON
def report(folder: Path, since: datetime | None, as_json: bool) -> int:
    """Write the reports of a batch again.

    BATCH is a batch's folder, such as reports/customers. The reports are written from its journal. The command sends
    nothing.
    """
    from bulk.batch import report as write
    from bulk.cli.summary import print_summary
    from bulk.journal.error_translator import wrap_errors
    from bulk.reports.summary.funnel import changes

    with wrap_errors(folder, nothing_sent=True):
        result = write(folder, since=since)
    more = {"since": timestamp(since), "changes": dict(changes(result.figures))} if since is not None else {}
    print_summary(result, as_json=as_json, more=more)
    return result.exit_code
