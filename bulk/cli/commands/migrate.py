"""`bulk migrate INPUT`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from bulk.cli import options
from bulk.cli.parameters import RememberedThreshold, RowThreshold, WholeNumber

if TYPE_CHECKING:
    from bulk.model import Threshold
    from bulk.reading import Reading


def _read_products(_: click.Context, __: click.Parameter, products: tuple[str, ...]) -> tuple[str, ...]:
    """Return the products without spaces around them, each once."""
    stripped = tuple(dict.fromkeys(each.strip() for each in products))
    if not all(stripped):
        raise click.BadParameter("the identifier of a product cannot be empty.")
    return stripped


@click.command(epilog=options.DURATION)
@options.INPUT
@options.REPORTS
@click.option("--batch", metavar="NAME", help="Name of the batch.  [default: the name of INPUT without its extension]")
@options.mapping
@options.platform_names
@options.reading
@click.option("--limit", type=WholeNumber(), help="Migrate only the first N customers of INPUT.")
@click.option(
    "--retry-failed", is_flag=True, help="Retry customers that have failed, and create again what was deleted in Codat."
)
@click.option("--again", is_flag=True, help="Create the companies again that bulk undo has deleted.")
@options.WAIT
@click.option(
    "--reserve",
    default=0,
    show_default=True,
    type=WholeNumber(0),
    help="Leave N requests of the daily quota unused.",
)
@click.option(
    "--max-failures",
    type=RowThreshold(),
    help="Stop when more than N customers, or N% of all customers, have failed in this run.",
)
@click.option(
    "--max-rejected",
    type=RememberedThreshold(),
    metavar="N|N%|none",
    help="Accept up to N rejected rows, or N% of all rows: they do not cause exit code 1. If there are more, nothing "
    "is sent. The batch remembers it; none removes it.",
)
@click.option(
    "--source",
    metavar="NAME",
    help="Name of the system that the identifiers come from, if several systems use the same ones. It becomes a part "
    "of each customer's tag in Codat.",
)
@click.option(
    "--accept",
    metavar="ID",
    multiple=True,
    help="Accept the conflict of this customer, which conflicts.csv describes. Repeatable.",
)
@click.option(
    "--accept-file",
    metavar="FILE",
    type=options.PATH,
    help="Accept the conflicts of the customers in FILE: a copy of conflicts.csv without the rows that are wrong.",
)
@click.option(
    "--product",
    "products",
    metavar="ID",
    multiple=True,
    callback=_read_products,
    help="Assign this product, such as expenses, to each new company. Needed if your Codat client has no default "
    "products. The batch remembers it. Repeatable.",
)
@options.link_lifetime
@options.ACCEPT_MISSING
@options.connection
@options.JSON
def migrate(
    path: Path,
    reports: Path,
    batch: str | None,
    mapping: dict[str, str],
    platform_names: dict[str, str],
    reading: Reading,
    limit: int | None,
    retry_failed: bool,
    again: bool,
    wait: bool,
    reserve: int,
    max_failures: Threshold | None,
    max_rejected: Threshold | Literal["none"] | None,
    source: str | None,
    accept: tuple[str, ...],
    accept_file: Path | None,
    products: tuple[str, ...],
    link_lifetime: int | None,
    accept_missing: bool,
    connection: options.Connection,
    as_json: bool,
) -> int:
    """Create a company and an accounting connection for each customer in INPUT.

    INPUT is a text table (CSV, TSV), also compressed, a Parquet file or a workbook (.xlsx); - is standard input, and
    needs --batch. The reports are in FOLDER/NAME. Each customer gets a linkUrl; the file waves/N.csv there has those of
    this run.

    Run the same command again to resume, or after you have changed INPUT. It creates nothing twice.
    """
    from bulk import standard_input
    from bulk.api import Options, open_for_batch, require_batch_name
    from bulk.api import migrate as start
    from bulk.batch import stem
    from bulk.cli.estimates import Pace
    from bulk.cli.runner import run
    from bulk.cli.settings import batch_folder, codat_options, make_settings
    from bulk.cli.summary import print_summary
    from bulk.input import read_ids

    standard_input.require_batch(path, batch)
    folder = batch_folder(reports, batch if batch is not None else stem(path))
    with standard_input.spooled(path) as file:
        # Report an unusable input before a folder or a sandbox is created.
        opened = open_for_batch(file, folder, mapping=mapping, platform_names=platform_names, reading=reading)
        if batch is None:
            require_batch_name(opened, codat_options(connection))
        from_file = read_ids(accept_file, column=opened.mapping.get("customer_id")) if accept_file is not None else ()
        with make_settings(folder, connection) as settings:
            selected = Options(
                limit=limit,
                retry_failed=retry_failed,
                again=again,
                waits=wait,
                reserve=reserve,
                max_failures=max_failures,
                max_rejected=max_rejected,
                products=products,
                link_lifetime=link_lifetime,
                accept_missing=accept_missing,
                source=source,
                accepts=frozenset((*accept, *from_file)),
                adds_files=batch is not None,
            )
            result = run(
                lambda progress, interrupt: start(
                    file,
                    reports=folder.parent,
                    batch=folder.name,
                    settings=settings,
                    mapping=mapping,
                    platform_names=platform_names,
                    reading=reading,
                    options=selected,
                    on_event=progress,
                    interrupt=interrupt,
                ),
                Pace(connection.rate, connection.concurrency, reserve),
            )
    print_summary(result, as_json=as_json, can_wait=True)
    return result.exit_code
