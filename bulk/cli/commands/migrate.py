"""`bulk migrate INPUT`."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bulk.cli import options

if TYPE_CHECKING:
    from bulk.engine.options import Threshold


@click.command()
@options.INPUT
@click.option("--reports", default=Path("reports"), type=click.Path(path_type=Path), help="Where batches are kept.")
@click.option("--batch", metavar="NAME", help="The batch's name. Default: the input file's name without ending.")
@options.mapping
@click.option("--limit", type=click.IntRange(1), help="Only the first so many customers.")
@click.option("--retry-failed", is_flag=True, help="Ask again for customers that failed.")
@click.option("--wait", is_flag=True, help="Sleep through an exhausted daily quota rather than stop.")
@click.option("--reserve", default=0, type=click.IntRange(0), help="Requests of the daily quota to leave unused.")
@click.option("--max-failures", metavar="N|N%", help="Stop when more customers than that have failed.")
@options.link_lifetime
@options.codat
@options.JSON
def migrate(
    path: Path,
    reports: Path,
    batch: str | None,
    pairs: dict[str, str],
    limit: int | None,
    retry_failed: bool,
    wait: bool,
    reserve: int,
    max_failures: str | None,
    link_lifetime: int | None,
    sandbox: bool,
    base_url: str | None,
    rate: int,
    concurrency: int,
    timeout: float,
    as_json: bool,
) -> int:
    """Create a company and an accounting connection for each customer of INPUT; write the reports.

    The same command again resumes: nothing is created twice, nothing is asked for that is known.
    """
    from bulk.api import Options
    from bulk.api import migrate as start
    from bulk.batch import stem
    from bulk.cli.runner import run
    from bulk.cli.summary import print_summary

    folder = reports / _name(batch if batch is not None else stem(path))
    share = _share(max_failures)
    _must_be_readable(path, pairs)
    with options.make_settings(
        folder, sandbox=sandbox, base_url=base_url, rate=rate, concurrency=concurrency, timeout=timeout
    ) as settings:
        chosen = Options(
            limit=limit,
            retry_failed=retry_failed,
            waits=wait,
            reserve=reserve,
            max_failures=share,
            link_lifetime=link_lifetime,
        )
        result = run(
            lambda progress, interrupt: start(
                path,
                reports=folder.parent,
                batch=folder.name,
                settings=settings,
                mapping=pairs,
                options=chosen,
                on_event=progress,
                interrupt=interrupt,
            )
        )
    print_summary(result, as_json=as_json, can_wait=True)
    return result.exit_code


def _must_be_readable(path: Path, pairs: dict[str, str]) -> None:
    """Find out what is wrong with the input before a folder is made or a sandbox started."""
    from bulk.input import open_input

    open_input(path, mapping=pairs)


def _name(batch: str) -> str:
    if not batch.strip() or batch in (".", "..") or re.search(r"[/\\\x00-\x1f]", batch):
        raise click.BadParameter(f"{batch!r} is no name for a folder.", param_hint="--batch")
    from bulk.batch import storable

    return storable(batch)


def _share(text: str | None) -> Threshold | None:
    from bulk.api import Threshold

    if text is None:
        return None
    found = re.fullmatch(r"(\d+(?:\.\d+)?)(%?)", text.strip())
    if not found or (not found[2] and "." in found[1]):
        raise click.BadParameter(
            f"{text!r} is neither a number of customers nor a share such as 5%.", param_hint="--max-failures"
        )
    if found[2] and float(found[1]) > 100:
        raise click.BadParameter(f"{text!r} is more than all of them.", param_hint="--max-failures")
    return Threshold(float(found[1]), is_percent=bool(found[2]))
