"""`bulk unlink BATCH`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bulk.cli import options, signals
from bulk.cli.console import echo, print_result, shown, table
from bulk.text import count

if TYPE_CHECKING:
    from bulk.results import UnlinkResult


@click.command()
@options.BATCH
@click.option("--customer", "named", metavar="ID", multiple=True, help="A customer_id. Repeatable.")
@click.option(
    "--file",
    "path",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="A CSV or Parquet file with a column customer_id.",
)
@click.option("--yes", is_flag=True, help="Do not ask for confirmation on a terminal.")
@options.codat
@options.JSON
def unlink(folder: Path, named: tuple[str, ...], path: Path | None, yes: bool, as_json: bool, **where: Any) -> int:
    """Deauthorize the accounting connections of these customers, where they are Linked."""
    from bulk.api import unlink as start
    from bulk.batch import require_batch
    from bulk.cli.runner import run
    from bulk.cli.summary import print_summary

    require_batch(folder)
    customers = list(dict.fromkeys([*named, *(_in_file(path) if path is not None else [])]))
    if not all(each.strip() for each in named):
        raise click.BadParameter("a customer_id is not empty.", param_hint="--customer")
    if not customers:
        raise click.UsageError("Name the customers: --customer ID, or --file FILE with a column customer_id.")
    if not yes and sys.stdin is not None and sys.stdin.isatty():
        some = ", ".join(shown(each) for each in customers[:5]) + (", ..." if len(customers) > 5 else "")
        question = f"Unlink {count(len(customers), 'customer')} ({some}) of {shown(folder.name)}?"
        signals.may_interrupt()
        if not click.confirm(question, err=True):
            echo("Nothing was unlinked.")
            return 130
    with options.batch_settings(folder, **where) as settings:
        result = run(
            lambda progress, interrupt: start(
                folder, customers, settings=settings, on_event=progress, interrupt=interrupt
            )
        )
    more = {"unlinked": list(result.unlinked), "not_unlinked": dict(result.others)}
    if not as_json:
        _tell(result)
    print_summary(result, as_json=as_json, more=more)
    return result.exit_code


def _in_file(path: Path) -> list[str]:
    from bulk.input import read_ids

    return read_ids(path)


def _tell(result: UnlinkResult) -> None:
    print_result(f"{count(len(result.unlinked), 'customer')} not linked any more.")
    if result.others:
        echo("Not unlinked:")
        echo(table([(shown(customer), shown(why, 200)) for customer, why in result.others.items()]))
