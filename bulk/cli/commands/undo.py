"""`bulk undo BATCH`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from bulk.cli import options
from bulk.cli.console import echo, fit, print_result, table
from bulk.text import count

if TYPE_CHECKING:
    import polars as pl

    from bulk.results import UndoResult


@click.command()
@options.BATCH
@click.option("--yes", is_flag=True, help="Delete the companies that can be deleted. Codat cannot restore them.")
@options.ACCEPT_MISSING
@options.WAIT
@options.connection
@options.JSON
def undo(
    folder: Path, yes: bool, accept_missing: bool, wait: bool, connection: options.Connection, as_json: bool
) -> int:
    """List the companies that this batch created and nobody has linked.

    BATCH is a batch's folder, such as reports/customers. With --yes, the command deletes these companies for good. It
    never deletes a company that existed before the batch or that somebody has linked.
    """
    from bulk.api import undo as start
    from bulk.cli.runner import run
    from bulk.cli.settings import batch_settings
    from bulk.cli.summary import print_summary

    with batch_settings(folder, connection) as settings:
        result = run(
            lambda progress, interrupt: start(
                folder,
                settings=settings,
                yes=yes,
                accept_missing=accept_missing,
                wait=wait,
                on_event=progress,
                interrupt=interrupt,
            )
        )
    if not as_json:
        _print_companies(result)
    more = {
        "deleted": result.deleted,
        "deletable": result.deletable.to_dicts(),
        "left_alone": result.left_alone.to_dicts(),
        "not_created": result.taken_over,
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
    if left_alone.height:
        echo(f"{_companies(left_alone.height)} left alone: linked by somebody, or with a partner connection:")
        echo(_company_table(left_alone))
    if result.taken_over:
        echo(f"{_companies(result.taken_over)} left alone: not created by this batch.")
    if deletable.height and not result.deletes and result.stop is None:
        _print_command(result)
    print_result("")


def _description(result: UndoResult) -> str:
    if result.deletes:
        return "not deleted"
    return "that nobody has linked" if result.stop is None else "that nobody had linked when Codat was last asked"


def _print_command(result: UndoResult) -> None:
    from bulk.reports.summary import commands

    again = commands.on_batch("undo", result.figures, result.location, "--yes")
    echo(f"Nothing was deleted. To delete for good:\n    {again}")


def _companies(number: int) -> str:
    return count(number, "company", "companies")


def _company_table(companies: pl.DataFrame) -> str:
    columns = ("customer_id", "company_name", "connection_status", "company_id")
    rows = [tuple(fit(cell, 40) for cell in row) for row in companies.select(columns).iter_rows()]
    return table([("customer", "name", "connection", "company"), *rows])
