"""Options that several commands share, and how they become settings."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from bulk.settings import Settings

Command = TypeVar("Command", bound=Callable[..., Any])

INPUT = click.argument("path", metavar="INPUT", type=click.Path(path_type=Path))
BATCH = click.argument("folder", metavar="BATCH", type=click.Path(path_type=Path))
JSON = click.option("--json", "as_json", is_flag=True, help="Print the summary as JSON.")


def mapping(command: Command) -> Command:
    """Add --map."""
    return click.option(
        "--map",
        "pairs",
        metavar="FIELD=COLUMN",
        multiple=True,
        callback=_mapping,
        help="Read a field from this column, e.g. --map customer_id='Account No'. Repeatable.",
    )(command)


def codat(command: Command) -> Command:
    """Add what every command takes that talks to Codat."""
    for option in reversed(
        [
            click.option("--sandbox", is_flag=True, help="Use a stand-in for Codat on this machine."),
            click.option("--base-url", metavar="URL", help="Where Codat is. Default: $CODAT_BASE_URL or Codat itself."),
            click.option("--rate", default=1000, show_default=True, type=click.IntRange(1), help="Requests a minute."),
            click.option(
                "--concurrency", default=10, show_default=True, type=click.IntRange(1, 500), help="In flight."
            ),
            click.option(
                "--timeout", default=30.0, show_default=True, type=float, help="Seconds to wait for an answer."
            ),
        ]
    ):
        command = option(command)
    return command


class Duration(click.ParamType[float]):
    """A length of time: seconds, or a number with s, m, h or d behind it."""

    name = "duration"

    def __init__(self, least: float = 1.0) -> None:
        """Take lengths from so many seconds on."""
        self._least = least

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Give seconds."""
        if isinstance(value, float):
            return value
        found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([smhd]?)", str(value).strip().lower())
        seconds = float(found[1]) * {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}[found[2]] if found else -1.0
        if not self._least <= seconds <= 3650 * 86400:
            some = f"from {self._least:g} seconds to 3650 days" if found else "such as 3600 (seconds), 90m, 24h or 2d"
            self.fail(f"{value!r} is no length of time {some}.", param, ctx)
        return seconds


class Percent(click.ParamType[float]):
    """A share such as 10%; the sign may be left out."""

    name = "percent"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Give the number before the sign."""
        if isinstance(value, float):
            return value
        found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*%?", str(value).strip())
        if not found or float(found[1]) > 100:
            self.fail(f"{value!r} is no share such as 10%, from 0% to 100%.", param, ctx)
        return float(found[1])


class FutureMoment(click.ParamType[datetime]):
    """A time of day, the next one, or a moment that is not over yet; UTC unless it says otherwise."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        """Give the moment."""
        if isinstance(value, datetime):
            return value
        text, now = str(value).strip(), datetime.now(UTC)
        try:
            if re.fullmatch(r"\d\d?:\d\d", text):
                hour, minute = map(int, text.split(":"))
                today = now.replace(hour=hour, minute=minute, second=0, microsecond=0)
                return today if today > now else today + timedelta(days=1)
            moment = _moment(text)
        except ValueError:
            self.fail(f"{text!r} is no time: give such as 18:00 or 2026-11-30T18:00Z, in UTC.", param, ctx)
        if moment <= now:
            self.fail(f"{text!r} is over already; times are in UTC.", param, ctx)
        return moment


class PastMoment(click.ParamType[datetime]):
    """A moment that is over, or a length of time: so long ago. UTC unless it says otherwise."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        """Give the moment."""
        if isinstance(value, datetime):
            return value
        text, now = str(value).strip(), datetime.now(UTC)
        if re.fullmatch(r"\d+(?:\.\d+)?\s*[smhd]", text.lower()):
            return now - timedelta(seconds=Duration().convert(text, param, ctx))
        try:
            moment = _moment(text)
        except ValueError:
            self.fail(f"{text!r} is no time: give such as 7d, 2026-11-19 or 2026-11-19T10:00Z, in UTC.", param, ctx)
        if moment > now:
            self.fail(f"{text!r} is not over yet; times are in UTC.", param, ctx)
        return moment


def _moment(text: str) -> datetime:
    """Read a moment, in UTC where it does not say otherwise. Raises ValueError."""
    moment = datetime.fromisoformat(text)
    try:
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except OverflowError as error:
        raise ValueError("beyond the calendar") from error


def link_lifetime(command: Command) -> Command:
    """Add --link-lifetime, in whole seconds."""
    return click.option(
        "--link-lifetime",
        type=Duration(),
        metavar="TIME",
        callback=lambda _, __, seconds: None if seconds is None else round(seconds),
        help="How long a linkUrl is good, e.g. 1h; the batch remembers it.  [default: 24h]",
    )(command)


@contextmanager
def batch_settings(folder: Path, **given: Any) -> Iterator[Settings]:
    """Give the settings for a run on a batch that is there already."""
    from bulk.batch import require_batch

    require_batch(folder)
    with make_settings(folder, **given) as settings:
        yield settings


@contextmanager
def make_settings(
    folder: Path, *, sandbox: bool, base_url: str | None, rate: int, concurrency: int, timeout: float, events: str = ""
) -> Iterator[Settings]:
    """Give the settings for a run; with --sandbox, those of a stand-in whose state is in the batch's folder.

    `events`: the address to which the stand-in sends its webhook events.
    """
    from bulk.settings import Settings

    if not sandbox:
        yield Settings.make(base_url=base_url, rate=rate, concurrency=concurrency, timeout=timeout)
        return
    if base_url is not None:
        raise click.UsageError("--sandbox and --base-url name two different places: give one of them.")
    from bulk.cli.sandbox import sandbox as start_sandbox

    # Without an address first: what is wrong with the others is said before a sandbox is started.
    settings = Settings.make(api_key="none", rate=rate, concurrency=concurrency, timeout=timeout, environ={})
    with start_sandbox(folder, events) as (url, key):
        of_sandbox = Settings.make(api_key=key, base_url=url, environ={})
        yield replace(settings, authorization=of_sandbox.authorization, base_url=of_sandbox.base_url)


def again(pairs: dict[str, str], *, sandbox: bool, base_url: str | None) -> list[str]:
    """Give the options that the next command on the same customers needs as well."""
    repeated = [part for field, column in pairs.items() for part in ("--map", f"{field}={column}")]
    repeated += ["--base-url", base_url] if base_url is not None else []
    return repeated + ["--sandbox"] * sandbox


def _mapping(_: click.Context, __: click.Parameter, pairs: tuple[str, ...]) -> dict[str, str]:
    for pair in pairs:
        if "=" not in pair:
            raise click.BadParameter(f"{pair!r} is not FIELD=COLUMN, e.g. customer_id='Account No'.")
    return dict(pair.split("=", 1) for pair in pairs)
