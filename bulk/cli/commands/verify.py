"""`bulk verify BATCH`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from bulk.cli import options
from bulk.cli.console import fit, print_result, table
from bulk.text import count

if TYPE_CHECKING:
    from bulk.results import VerifyResult

MAX_LINES = 1000


@click.command()
@options.BATCH
@click.option("--adopt", is_flag=True, help="Add companies and connections that only Codat has to the journal.")
@options.ACCEPT_MISSING
@options.WAIT
@options.connection
@options.JSON
def verify(
    folder: Path, adopt: bool, accept_missing: bool, wait: bool, connection: options.Connection, as_json: bool
) -> int:
    """Compare Codat with the journal: one company and one connection per customer.

    BATCH is a batch's folder, such as reports/customers. The command reads Codat's company list, at 2,000 companies
    per request, and changes nothing in Codat. It lists everything missing, extra or unknown, and writes the list to
    verify.csv. Exit code 1: something was found.
    """
    from bulk.api import verify as start
    from bulk.cli.estimates import Pace
    from bulk.cli.runner import run
    from bulk.cli.settings import batch_settings
    from bulk.cli.summary import print_summary

    with batch_settings(folder, connection) as settings:
        result = run(
            lambda progress, interrupt: start(
                folder,
                settings=settings,
                adopt=adopt,
                accept_missing=accept_missing,
                wait=wait,
                on_event=progress,
                interrupt=interrupt,
            ),
            Pace(connection.rate, connection.concurrency),
        )
    if not as_json and result.stop is None:
        print_result(_findings(result) + "\n")
    print_summary(result, as_json=as_json, can_wait=True, more={"findings": result.findings.to_dicts()})
    return result.exit_code


def _findings(result: VerifyResult) -> str:
    findings = result.findings
    if not findings.height:
        return "Codat matches the journal: one company and one connection for each customer."
    rows = [
        (
            row["finding"],
            fit(row["customer_id"], 24),
            fit(row["company_id"]),
            fit(row["connection_id"]),
            row["adopted"],
            fit(row["detail"], 200),
        )
        for row in findings.head(MAX_LINES).iter_rows(named=True)
    ]
    text = f"{count(findings.height, 'finding')}:\n"
    text += table([("finding", "customer", "company", "connection", "adopted", "detail"), *rows])
    rest = findings.height - MAX_LINES
    return f"{text}\n  ... and {rest:,} more in verify.csv" if rest > 0 else text
