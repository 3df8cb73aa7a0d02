"""The options that several commands share."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import click
from click.shell_completion import CompletionItem

from bulk.cli.parameters import Duration, Seconds, WholeNumber
from bulk.reading import MAX_ROWS, Reading

Command = TypeVar("Command", bound=Callable[..., Any])

PATH = click.Path(path_type=Path)
DEFAULT_REPORTS = Path("reports")
MAX_RATE = 1_000_000  # requests per minute
MAX_CONCURRENCY = 500

DURATION = "DURATION is a number of seconds, or a number with a unit: 90s, 90m, 24h or 2d."
TIME = "TIME is a date and time such as 2026-11-30T18:00Z, in UTC unless it has another offset."


def complete_folder(_: click.Context, __: click.Parameter, incomplete: str) -> list[CompletionItem[str]]:
    """Make the shell complete the name of a folder."""
    return [CompletionItem(incomplete, type="dir")]


INPUT = click.argument("path", metavar="INPUT", type=PATH)
BATCH = click.argument("folder", metavar="BATCH", type=PATH, shell_complete=complete_folder)
REPORTS = click.option(
    "--reports",
    metavar="FOLDER",
    default=DEFAULT_REPORTS,
    show_default=True,
    type=PATH,
    shell_complete=complete_folder,
    help="Folder that contains the batches.",
)
JSON = click.option(
    "--json",
    "as_json",
    is_flag=True,
    help="Print the summary as JSON to standard output. Messages go to standard error.",
)


WAIT = click.option(
    "--wait",
    is_flag=True,
    help="Instead of stopping, sleep until the daily quota is reset, and until another run on this machine that sends "
    "for the same Codat client has ended.",
)
ACCEPT_MISSING = click.option(
    "--accept-missing",
    is_flag=True,
    help="Continue although Codat's company list lacks many of the batch's companies. Without this option, the command "
    "stops, because it may be the list of another account.",
)


@dataclass(frozen=True, slots=True)
class Connection:
    """The options of every command that talks to Codat."""

    sandbox: bool
    base_url: str | None
    rate: int
    concurrency: int
    timeout: float


def connection(command: Command) -> Callable[..., Any]:
    """Add the options of every command that talks to Codat. The command receives them as one `connection`."""

    @functools.wraps(command)
    def collect(
        *, sandbox: bool, base_url: str | None, rate: int, concurrency: int, timeout: float, **others: Any
    ) -> Any:
        return command(connection=Connection(sandbox, base_url, rate, concurrency, timeout), **others)

    for add in reversed(_CONNECTION):
        collect = add(collect)
    return collect


_CONNECTION = (
    click.option(
        "--sandbox",
        is_flag=True,
        help="Use a sandbox on this machine instead of Codat, with its state in the batch's folder. Later commands on "
        "the same batch need this option too.",
    ),
    click.option(
        "--base-url",
        metavar="URL",
        help="Codat's address. http:// is possible only for this machine.  "
        "[default: $CODAT_BASE_URL or https://api.codat.io]",
    ),
    click.option(
        "--rate",
        type=WholeNumber(1, MAX_RATE),
        default=1000,
        show_default=True,
        help="Maximum number of requests per minute.",
    ),
    click.option(
        "--concurrency",
        type=WholeNumber(1, MAX_CONCURRENCY),
        default=10,
        show_default=True,
        help="Maximum number of concurrent requests. The full rate needs about 17 for each second of latency.",
    ),
    click.option(
        "--timeout", type=Seconds(), default=30, show_default=True, help="Time to wait for a response, in seconds."
    ),
)


def mapping(command: Command) -> Command:
    """Add --map."""
    return click.option(
        "--map",
        "mapping",
        metavar="FIELD=COLUMN",
        multiple=True,
        callback=_read_mapping,
        help="Read FIELD from COLUMN, e.g. --map customer_id='Account No'. FIELD is customer_id, company_name, "
        "platform, email or description. A batch remembers it. Repeatable.",
    )(command)


def _read_mapping(_: click.Context, __: click.Parameter, pairs: tuple[str, ...]) -> dict[str, str]:
    """Return {field: column}. A field with two columns is an error, because one of them would be ignored."""
    columns: dict[str, str] = {}
    for pair in pairs:
        field, sign, column = pair.partition("=")
        if not sign:
            raise click.BadParameter(f"{pair!r} is not FIELD=COLUMN, e.g. customer_id='Account No'.")
        if field in columns:
            both = f"{field}={columns[field]} and {pair}"
            raise click.BadParameter(f"{field} is mapped twice: {both}. Give one of them.")
        columns[field] = column
    return columns


def platform_names(command: Command) -> Command:
    """Add --platform-name."""
    return click.option(
        "--platform-name",
        "platform_names",
        metavar="NAME=KEY",
        multiple=True,
        callback=_read_platform_names,
        help="Read the platform NAME in INPUT as the platformKey KEY, e.g. --platform-name 'Sage 50'=knfz. "
        "A batch remembers it. Repeatable.",
    )(command)


def _read_platform_names(_: click.Context, __: click.Parameter, pairs: tuple[str, ...]) -> dict[str, str]:
    """Return {name: platformKey}. The last sign separates them, because a name may contain one."""
    names: dict[str, str] = {}
    for pair in pairs:
        name, sign, key = pair.rpartition("=")
        if not sign or not name.strip() or not key.strip():
            raise click.BadParameter(f"{pair!r} is not NAME=KEY, e.g. 'Sage 50'=knfz.")
        if names.setdefault(name, key) != key:
            raise click.BadParameter(f"{name!r} has two keys, {names[name]} and {key}. Give one of them.")
    return names


def reading(command: Command) -> Callable[..., Any]:
    """Add --sheet, --encoding, --skip-rows, --comment and --set. The command receives them as one `reading`."""

    @functools.wraps(command)
    def collect(
        *,
        encoding: str | None,
        skip_rows: int | None,
        comment: str | None,
        constants: dict[str, str],
        sheet: str | None,
        **others: Any,
    ) -> Any:
        return command(reading=Reading(encoding, skip_rows, comment, constants, sheet), **others)

    for add in reversed(_READING):
        collect = add(collect)
    return collect


def _read_constants(_: click.Context, __: click.Parameter, pairs: tuple[str, ...]) -> dict[str, str]:
    """Return {field: value}. The first sign separates them, because a value may contain one."""
    constants: dict[str, str] = {}
    for pair in pairs:
        field, sign, value = pair.partition("=")
        if not sign or not value.strip():
            raise click.BadParameter(f"{pair!r} is not FIELD=VALUE, e.g. platform=Xero.")
        if constants.setdefault(field, value) != value:
            raise click.BadParameter(f"{field} has two values, {constants[field]} and {value}. Give one of them.")
    return constants


_READING = (
    click.option(
        "--sheet",
        metavar="NAME",
        help="Read this sheet of the workbook INPUT. A batch remembers it.  [default: the only one that is visible and "
        "has rows]",
    ),
    click.option(
        "--encoding",
        metavar="NAME",
        help="Read the text table INPUT in this encoding, e.g. mac_roman, cp850 or shift_jis. A byte order mark counts "
        "more. A batch remembers it.  [default: detected]",
    ),
    click.option(
        "--skip-rows",
        metavar="N",
        type=WholeNumber(0, MAX_ROWS),
        help="Leave out the first N lines or rows of INPUT, before its header. A batch remembers it.",
    ),
    click.option(
        "--comment",
        metavar="PREFIX",
        help="Leave out rows of INPUT that begin with PREFIX, e.g. --comment '#'. A batch remembers it.",
    ),
    click.option(
        "--set",
        "constants",
        metavar="FIELD=VALUE",
        multiple=True,
        callback=_read_constants,
        help="Use VALUE for FIELD in all rows, e.g. --set platform=Xero. FIELD is company_name, platform, email or "
        "description. A batch remembers it. Repeatable.",
    ),
)


def link_lifetime(command: Command) -> Command:
    """Add --link-lifetime, in whole seconds."""
    return click.option(
        "--link-lifetime",
        type=Duration(),
        callback=lambda _, __, seconds: None if seconds is None else round(seconds),
        help="Lifetime of a linkUrl. Some of Codat's pages say 24 hours, others one hour. The batch remembers it, and "
        "links.csv lists a linkUrl until then.  [default: 24h]",
    )(command)
