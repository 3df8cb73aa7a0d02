"""`bulk follow-up BATCH`."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import click

from bulk.cli import options
from bulk.cli.words import count


class Moment(click.ParamType[datetime]):
    """A time of day or a moment, UTC unless it says otherwise."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        """Give the moment; of a time of day, the next one."""
        if isinstance(value, datetime):
            return value
        text = str(value).strip()
        now = datetime.now(UTC)
        try:
            if re.fullmatch(r"\d\d?:\d\d", text):
                hour, minute = map(int, text.split(":"))
                today = now.replace(hour=hour, minute=minute, second=0, microsecond=0)
                return today if today > now else today + timedelta(days=1)
            moment = datetime.fromisoformat(text)
        except ValueError:
            self.fail(f"{text!r} is no time: give such as 18:00 or 2026-11-30T18:00Z, in UTC.", param, ctx)
        moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        if moment <= now:
            self.fail(f"{text!r} is over already; times are in UTC.", param, ctx)
        return moment


@click.command("follow-up")
@options.BATCH
@click.option(
    "--watch", type=options.Duration(), metavar="SECONDS", help="Go on asking, until nobody is left to wait for."
)
@click.option("--until", type=Moment(), metavar="TIME", help="With --watch: stop then, e.g. 18:00 (UTC).")
@click.option("--retry-failed", is_flag=True, help="Ask again for partner connections that Codat refused, or lost.")
@options.codat
@options.JSON
def follow_up(
    folder: Path, watch: float | None, until: datetime | None, retry_failed: bool, as_json: bool, **where: Any
) -> int:
    """Learn who has authorized and create the partner expense connection for each of those.

    Asks a page of Codat's company list for up to 2,000 customers, and then once for each who is newly linked.
    """
    from bulk.api import follow_up as start
    from bulk.cli.outcome import tell
    from bulk.cli.running import run

    if until is not None and watch is None:
        raise click.UsageError("--until says when --watch ends: give both.")
    with options.settings_of(folder, **where) as settings:
        result = run(
            lambda progress, interrupt: start(
                folder,
                settings=settings,
                retry_failed=retry_failed,
                watch=watch,
                until=until,
                on_event=progress,
                interrupt=interrupt,
            )
        )
    made = result.advanced.get("complete", 0)
    did = f"{count(made, 'partner connection')} created." if made else "Nobody is newly linked."
    tell(result, as_json=as_json, again=options.where(**where), did="" if result.stop and not made else did)
    return result.exit_code
