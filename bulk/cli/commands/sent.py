"""`bulk sent BATCH`."""

from __future__ import annotations

from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from bulk.cli import options
from bulk.cli.console import echo, print_result
from bulk.cli.named_customers import print_others
from bulk.cli.parameters import WholeNumber
from bulk.text import count

if TYPE_CHECKING:
    from bulk.results import SentResult

MAX_SHOWN: Final = 20  # customers that were not recorded


@click.command()
@options.BATCH
@click.option("--wave", type=WholeNumber(), help="The customers of wave N who have an address were emailed.")
@click.option(
    "--file",
    "path",
    type=options.PATH,
    metavar="FILE",
    help="The customers in the column customer_id of this file were emailed.",
)
@options.JSON
def sent(folder: Path, wave: int | None, path: Path | None, as_json: bool) -> int:
    """Record who was emailed, with the time of this command.

    BATCH is a batch's folder, such as reports/customers. The command sends nothing, neither to customers nor to Codat.
    A customer that was recorded before keeps its time. The reports show for each wave how many customers were emailed,
    and how many have linked since.
    """
    from bulk.batch import require_batch
    from bulk.cli.summary import print_summary
    from bulk.email_record import sent as record
    from bulk.input import read_ids

    if (wave is None) == (path is None):
        raise click.UsageError("Name the customers that were emailed with --wave N or with --file FILE.")
    require_batch(folder)
    result = record(folder, read_ids(path) if path is not None else None, wave=wave)
    if not as_json:
        _print_customers(result)
    more = {"emailed": result.emailed, "emailed_before": result.before, "not_emailed": dict(result.others)}
    print_summary(result, as_json=as_json, more=more)
    return result.exit_code


def _print_customers(result: SentResult) -> None:
    known = f", {result.before:,} recorded before" if result.before else ""
    left_out = f", {len(result.others):,} left out" if result.others else ""
    print_result(f"{count(result.emailed, 'customer')} recorded as emailed{known}{left_out}.")
    print_others("Not recorded:", dict(islice(result.others.items(), MAX_SHOWN)))
    if (more := len(result.others) - MAX_SHOWN) > 0:
        echo(f"and {count(more, 'other')}: --json lists all")
    print_result("")
