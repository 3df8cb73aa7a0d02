"""`bulk undo BATCH`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bulk.cli import options
from bulk.cli.console import echo, print_result, shown, table
from bulk.text import count

if TYPE_CHECKING:
    import polars as pl

    from bulk.results import UndoResult


@click.command()
@options.BATCH
@click.option("--yes", is_flag=True, help="Delete them. This cannot be undone in Codat.")
@options.codat
@options.JSON
def undo(folder: Path, yes: bool, as_json: bool, **where: Any) -> int:
    """List the companies that this batch created and nobody has linked; with --yes delete them, for good.

    A company that this batch took over, or that somebody has linked, is left alone.
    """
    from bulk.api import undo as start
    from bulk.cli.runner import run
    from bulk.cli.summary import print_summary

    with options.batch_settings(folder, **where) as settings:
        result = run(
            lambda progress, interrupt: start(
                folder, settings=settings, yes=yes, on_event=progress, interrupt=interrupt
            )
        )
    if not as_json:
        _tell(result)
        if not yes and result.deletable.height:
            from bulk.reports.summary import commands

            again = commands.on_batch("undo", result.figures, result.location, "--yes")
            echo(f"Nothing was deleted. To delete them for good: {again}")
    more = {
        "deleted": result.deleted,
        "deletable": result.deletable.to_dicts(),
        "left_alone": result.left_alone.to_dicts(),
    }
    print_summary(result, as_json=as_json, more=more)
    return result.exit_code


def _tell(result: UndoResult) -> None:
    left, alone = result.deletable, result.left_alone
    if result.deleted:
        print_result(f"{_companies(result.deleted)} deleted.")
    elif not left.height:
        print_result("Nothing to delete.")
    if left.height:
        print_result(f"{_companies(left.height)} {'not deleted' if result.deletes else 'that nobody has linked'}:")
        print_result(_lines(left))
    if alone.height:
        echo(f"{_companies(alone.height)} left alone, because somebody has linked them, or has a partner connection:")
        echo(_lines(alone))
    if result.taken_over:
        echo(f"{_companies(result.taken_over)} left alone, because this batch took them over and did not create them.")


def _companies(number: int) -> str:
    return count(number, "company", "companies")


def _lines(companies: pl.DataFrame) -> str:
    names = ("customer_id", "company_id", "company_name", "connection_status")
    rows = [tuple(shown(cell, 40) for cell in row) for row in companies.select(names).iter_rows()]
    return table([("customer", "company", "name", "connection"), *rows])
