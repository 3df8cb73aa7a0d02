"""`bulk unlink BATCH`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bulk.cli import options, signals
from bulk.cli.console import echo, fit, print_result
from bulk.cli.named_customers import named_customers, print_others, read
from bulk.text import count

if TYPE_CHECKING:
    from bulk.results import UnlinkResult

MAX_NAMED = 5  # customers in the question


@click.command()
@options.BATCH
@named_customers("Unlink")
@click.option("--yes", is_flag=True, help="Do not ask for confirmation. Without a terminal, the command never asks.")
@options.ACCEPT_MISSING
@options.WAIT
@options.connection
@options.JSON
def unlink(
    folder: Path,
    customers: tuple[str, ...],
    path: Path | None,
    yes: bool,
    accept_missing: bool,
    wait: bool,
    connection: options.Connection,
    as_json: bool,
) -> int:
    """Deauthorize the accounting connections of some customers.

    BATCH is a batch's folder, such as reports/customers. Only a connection with the status Linked can be unlinked.
    """
    from bulk.api import unlink as start
    from bulk.batch import require_batch
    from bulk.cli.estimates import Pace
    from bulk.cli.runner import run
    from bulk.cli.settings import batch_settings
    from bulk.cli.summary import print_summary

    require_batch(folder)
    customer_ids = read(customers, path)
    if not customer_ids:
        raise click.UsageError("No customers. Name them with --customer ID, or with --file FILE.")
    if not yes and not _is_confirmed(folder, customer_ids):
        echo("Nothing was sent. No customer was unlinked.")
        return 0
    with batch_settings(folder, connection) as settings:
        result = run(
            lambda progress, interrupt: start(
                folder,
                customer_ids,
                settings=settings,
                accept_missing=accept_missing,
                wait=wait,
                on_event=progress,
                interrupt=interrupt,
            ),
            Pace(connection.rate, connection.concurrency),
        )
    if not as_json:
        _print_customers(result)
    more = {"unlinked": list(result.unlinked), "not_unlinked": dict(result.others)}
    print_summary(result, as_json=as_json, can_wait=True, more=more)
    return result.exit_code


def _is_confirmed(folder: Path, customer_ids: Sequence[str]) -> bool:
    """Return the answer to the request for confirmation. Without a terminal on standard input, return True at once."""
    if sys.stdin is None or not sys.stdin.isatty():
        return True
    named = ", ".join(fit(each) for each in customer_ids[:MAX_NAMED])
    named += ", ..." if len(customer_ids) > MAX_NAMED else ""
    signals.interrupt_system_calls()
    question = f"Unlink {count(len(customer_ids), 'customer')} ({named}) of batch {fit(folder.name)}?"
    try:
        return click.confirm(question, err=True)
    except click.Abort:
        echo("")  # end the line of the question
        raise


def unlinked(result: UnlinkResult) -> str:
    """Return a sentence about the customers that this run has unlinked, and those that were unlinked before."""
    now = result.advanced.get("unlinked", 0)
    before = max(len(result.unlinked) - now, 0)
    were = "was" if before == 1 else "were"
    if not before:
        return f"{count(now, 'customer')} unlinked."
    if not now:
        return f"{count(before, 'customer')} {were} unlinked already."
    return f"{count(now, 'customer')} unlinked, {before:,} {were} unlinked already."


def _print_customers(result: UnlinkResult) -> None:
    print_result(unlinked(result))
    print_others("Not unlinked:", result.others)
    print_result("")
