"""`bulk check INPUT`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from bulk.cli import options
from bulk.cli.console import print_json, print_result
from bulk.cli.parameters import Percent, WholeNumber

if TYPE_CHECKING:
    from bulk.codat.account import Account

MAX_DAYS = 3650


@click.command()
@options.INPUT
@options.mapping
@options.platform_names
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
@options.connection
@options.JSON
def check(
    path: Path,
    mapping: dict[str, str],
    platform_names: dict[str, str],
    online: bool,
    linked: int,
    linking: float,
    within: int,
    connection: options.Connection,
    as_json: bool,
) -> int:
    """Validate INPUT, and forecast the requests and the duration of a migration.

    INPUT is a .csv, .csv.gz, .tsv or .parquet file. The command lists every problem of every row with its remedy, and
    each name that is changed before it is sent. It sends nothing.
    """
    from bulk.cli import check_json, check_text
    from bulk.cli.forecasts import Assumptions, forecast
    from bulk.cli.settings import repeated_options, require_valid
    from bulk.codat.forecast import Linking
    from bulk.input_check import check as read

    require_valid(connection)
    result = read(path, mapping=mapping, platform_names=platform_names, rate=connection.rate)
    account = _account(path, connection) if online else None
    assumptions = Assumptions(linked, Linking(linking / 100, within))
    forecasts = forecast(result, account, assumptions)
    if as_json:
        print_json(check_json.content(result, account, forecasts, assumptions))
    else:
        again = repeated_options(mapping, platform_names, connection)
        print_result(check_text.text(result, account, forecasts, assumptions, next_options=again))
    if account is not None and account.problem is not None:
        return 3 if account.problem.code in check_text.REFUSALS else 75
    return 1 if result.rejected or check_text.disabled_platforms(result, account) else 0


def _account(path: Path, connection: options.Connection) -> Account:
    """Return what Codat, or with --sandbox the sandbox of this input's batch, says about the account."""
    import anyio

    from bulk.api import check_account
    from bulk.batch import stem
    from bulk.cli.settings import make_settings

    with make_settings(Path("reports") / stem(path), connection) as settings:
        return anyio.run(check_account, settings)
