"""`bulk undo BATCH`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bulk.cli import options
from bulk.cli.console import echo, fit, print_result, table
from bulk.cli.named_customers import as_options, named_customers, print_others, read
from bulk.text import count

if TYPE_CHECKING:
    import polars as pl

    from bulk.results import UndoResult


@click.command()
@options.BATCH
@named_customers("List or delete the company of")
@click.option("--yes", is_flag=True, help="Delete the companies that can be deleted. Codat cannot restore them.")
@options.ACCEPT_MISSING
@options.WAIT
@options.connection
@options.JSON
def undo(
    folder: Path,
    customers: tuple[str, ...],
    path: Path | None,
    yes: bool,
    accept_missing: bool,
    wait: bool,
    connection: options.Connection,
    as_json: bool,
) -> int:
    """List the companies that this batch created and nobody has linked.

    BATCH is a batch's folder, such as reports/customers. With --yes, the command deletes these companies for good. It
    never deletes a company that existed before the batch or that somebody has linked. `bulk migrate` does not create a
    deleted company again, unless you add --again.
    """
    from bulk.api import undo as start
    from bulk.batch import require_batch
    from bulk.cli.estimates import Pace
    from bulk.cli.runner import run
    from bulk.cli.settings import batch_settings
    from bulk.cli.summary import print_summary

    require_batch(folder)
    customer_ids = read(customers, path)
    if path is not None and not customer_ids:
        raise click.UsageError(f"{path} has no customers.")
    with batch_settings(folder, connection) as settings:
        result = run(
            lambda progress, interrupt: start(
                folder,
                customer_ids or None,
                settings=settings,
                yes=yes,
                accept_missing=accept_missing,
                wait=wait,
                on_event=progress,
                interrupt=interrupt,
            ),
            Pace(connection.rate, connection.concurrency),
        )
    if not as_json:
        _print_companies(result)
        if result.deletable.height and not result.deletes and result.stop is None:
            _print_command(result, as_options(customers, path))
        print_result("")
    more = {
        "deleted": result.deleted,
        "deletable": result.deletable.to_dicts(),
        "left_alone": result.left_alone.to_dicts(),
        "not_created": result.taken_over,
        "others": dict(result.others),
    }
    print_summary(result, as_json=as_json, can_wait=True, more=more)
    return result.exit_code


def _print_companies(result: UndoResult) -> None:
    deletable, left_alone = result.deletable, result.left_alone
    if result.deleted:
        print_result(f"{_companies(result.deleted)} deleted.")
    elif not deletable.height:
        print_result("No companies to delete.")
    if deletable.height:
        print_result(f"{_companies(deletable.height)} {_description(result)}:")
        print_result(_company_table(deletable))
    print_others("Left alone:", result.others)
    if left_alone.height and not result.others:
        echo(f"{_companies(left_alone.height)} left alone: linked by somebody, or with a partner connection:")
        echo(_company_table(left_alone))
    if result.taken_over:
        echo(f"{_companies(result.taken_over)} left alone: not created by this batch.")


def _description(result: UndoResult) -> str:
    if result.deletes:
        return "not deleted"
    return "that nobody has linked" if result.stop is None else "that nobody had linked when Codat was last asked"


def _print_command(result: UndoResult, named: Sequence[str]) -> None:
    from bulk.reports.summary import commands

    again = commands.on_batch("undo", result.figures, result.location, *named, "--yes")
    echo(f"Nothing was deleted. To delete for good:\n    {again}")


def _companies(number: int) -> str:
    return count(number, "company", "companies")


def _company_table(companies: pl.DataFrame) -> str:
    columns = ("customer_id", "company_name", "connection_status", "company_id")
    rows = [tuple(fit(cell, 40) for cell in row) for row in companies.select(columns).iter_rows()]
    return table([("customer", "name", "connection", "company"), *rows])
