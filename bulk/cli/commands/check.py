"""`bulk check INPUT`."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bulk.cli import options
from bulk.cli.console import print_json, print_result
from bulk.cli.parameters import Percent, WholeNumber

if TYPE_CHECKING:
    from bulk.check_result import CheckResult
    from bulk.codat.account import Account
    from bulk.reading import Reading

MAX_DAYS = 3650


@click.command()
@options.INPUT
@options.mapping
@options.platform_names
@options.reading
@options.REPORTS
@click.option(
    "--batch",
    metavar="NAME",
    help="Also compare INPUT with this batch: its new, changed and gone customers, and the rows in conflict. The batch "
    "does not change.",
)
@click.option(
    "--online",
    is_flag=True,
    help="Also ask Codat about the key, its client, the quota and the enabled platforms, with at most four requests.",
)
@click.option(
    "--linked",
    default=0,
    show_default=True,
    type=WholeNumber(0),
    help="Forecast for a client with N linked companies. --online finds the number.",
)
@click.option(
    "--linking",
    default=10.0,
    type=Percent(),
    help="Percentage of the customers who are expected to link. Each linked company increases the daily quota. With 0, "
    "this forecast is left out.  [default: 10%]",
)
@click.option(
    "--within",
    default=7,
    show_default=True,
    type=WholeNumber(1, MAX_DAYS),
    metavar="DAYS",
    help="With --linking: maximum number of days from the email to the link.",
)
@click.option(
    "--output",
    metavar="FILE",
    type=options.PATH,
    help="Write every row with what would happen to it and why: a .csv, .parquet or .xlsx file.",
)
@options.connection
@options.JSON
def check(
    path: Path,
    mapping: dict[str, str],
    platform_names: dict[str, str],
    reading: Reading,
    reports: Path,
    batch: str | None,
    online: bool,
    linked: int,
    linking: float,
    within: int,
    output: Path | None,
    connection: options.Connection,
    as_json: bool,
) -> int:
    """Validate INPUT, and forecast the requests and the duration of a migration.

    INPUT is a text table (CSV, TSV), also compressed, a Parquet file or a workbook (.xlsx); - is standard input. The
    command shows each kind of problem with examples and, as far as a screen has room, the warnings and the names that
    are changed before they are sent. --output has every row. The command sends nothing.
    """
    from bulk.cli import check_json, check_text
    from bulk.cli.forecasts import Assumptions, forecast
    from bulk.cli.settings import batch_folder, repeated_options, require_valid
    from bulk.codat.forecast import Linking
    from bulk.input_check import check as read

    require_valid(connection)
    folder = batch_folder(reports, batch) if batch is not None else None
    result = read(
        path,
        mapping=mapping,
        platform_names=platform_names,
        reading=reading,
        rate=connection.rate,
        reports=reports,
        batch=batch,
        output=output,
    )
    account = _account(path, folder, connection) if online else None
    assumptions = Assumptions(linked, Linking(linking / 100, within))
    forecasts = forecast(result, account, assumptions)
    now = datetime.now(UTC)
    if as_json:
        print_json(check_json.content(result, account, forecasts, assumptions, now=now))
    else:
        repeat = partial(repeated_options, mapping, platform_names, reading, connection, reports=reports)
        content = check_text.text(
            result,
            account,
            forecasts,
            assumptions,
            now=now,
            next_options=[*repeat(folder=folder or _own_batch(result)), *_codat_of_batch(result, connection)],
            all_rows=check_text.all_rows(result, output, repeat(folder=folder)),
        )
        print_result(content)
    if account is not None and account.problem is not None:
        return 3 if account.problem.code in check_text.REFUSALS else 75
    return int(result.has_problems or bool(check_text.disabled_platforms(result, account)))


def _own_batch(result: CheckResult) -> Path | None:
    """Return the folder of the batch that the next command must name, or None.

    It is the one that wrote a correction. Standard input has no name, so the user must name a batch.
    """
    from bulk.batch import batch_of
    from bulk.standard_input import is_standard_input

    if is_standard_input(result.input):
        return options.DEFAULT_REPORTS / "NAME"
    return batch_of(result.input) if result.is_correction else None


def _codat_of_batch(result: CheckResult, connection: options.Connection) -> list[str]:
    """Return the options that select the Codat of the compared batch, unless the user has given such an option."""
    batch = result.batch
    if batch is None or connection.sandbox or connection.base_url is not None:
        return []
    from bulk.reports.summary.commands import options_of_codat

    return options_of_codat(batch.codat, batch.base_url, has_sandbox=(batch.folder / "sandbox").is_dir())


def _account(path: Path, folder: Path | None, connection: options.Connection) -> Account:
    """Return what Codat says about the account, or with --sandbox the sandbox of the batch."""
    import anyio

    from bulk.api import check_account
    from bulk.batch import stem
    from bulk.cli.settings import make_settings

    with make_settings(folder or options.DEFAULT_REPORTS / stem(path), connection) as settings:
        return anyio.run(check_account, settings)
