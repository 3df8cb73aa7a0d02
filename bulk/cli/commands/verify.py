"""`bulk verify BATCH`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from bulk.cli import options
from bulk.cli.console import print_result, shown, table
from bulk.text import count

MAX_LINES = 1000


@click.command()
@options.BATCH
@click.option("--adopt", is_flag=True, help="Take over into the journal what Codat has and the journal lacks.")
@options.codat
@options.JSON
def verify(folder: Path, adopt: bool, as_json: bool, **where: Any) -> int:
    """Prove that each customer created has one company and one accounting connection in Codat.

    Reads Codat's company list once, a page for 2,000 companies. Changes nothing in Codat. Lists what is missing, extra
    or unknown, also in verify.csv; exit code 1 if there is anything.
    """
    from bulk.api import verify as start
    from bulk.cli.runner import run
    from bulk.cli.summary import print_summary

    with options.batch_settings(folder, **where) as settings:
        result = run(
            lambda progress, interrupt: start(
                folder, settings=settings, adopt=adopt, on_event=progress, interrupt=interrupt
            )
        )
    rows = list(result.findings.iter_rows(named=True))
    if not as_json and result.stop is None:
        if rows:
            print_result(f"{count(len(rows), 'finding')}:")
            lines = [("finding", "customer", "company", "connection", "adopted", "")]
            lines += [
                (
                    row["finding"],
                    shown(row["customer_id"], 24),
                    shown(row["company_id"]),
                    shown(row["connection_id"]),
                    row["adopted"],
                    shown(row["detail"], 200),
                )
                for row in rows[:MAX_LINES]
            ]
            print_result(table(lines))
            if len(rows) > MAX_LINES:
                print_result(f"  ... and {len(rows) - MAX_LINES:,} more: see verify.csv")
        else:
            print_result(
                "Codat has what the journal says: one company and one accounting connection each, nothing besides."
            )
    print_summary(result, as_json=as_json, more={"findings": rows})
    return result.exit_code
