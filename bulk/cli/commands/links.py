"""`bulk links BATCH`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bulk.cli import options
from bulk.text import count

if TYPE_CHECKING:
    from bulk.results import LinksResult


@click.command()
@options.BATCH
@click.option("--limit", type=click.IntRange(1), help="Renew only so many, those first whose link is oldest.")
@click.option(
    "--margin",
    type=options.Duration(least=0),
    metavar="TIME",
    help="Renew what is no longer good so long from now.  [default: 2h, at most half the lifetime]",
)
@options.link_lifetime
@options.codat
@options.JSON
def links(
    folder: Path, limit: int | None, margin: float | None, link_lifetime: int | None, as_json: bool, **where: Any
) -> int:
    """Renew the linkUrls that have expired or soon will, of customers who have not authorized.

    One request for each renewed link, none for one that is still good.
    """
    from bulk.api import links as start
    from bulk.cli.runner import run
    from bulk.cli.summary import print_summary

    with options.batch_settings(folder, **where) as settings:
        result = run(
            lambda progress, interrupt: start(
                folder,
                settings=settings,
                margin=margin,
                limit=limit,
                link_lifetime=link_lifetime,
                on_event=progress,
                interrupt=interrupt,
            )
        )
    print_summary(result, as_json=as_json, did=_did(result), more={"renewed": result.renewed})
    return result.exit_code


def _did(result: LinksResult) -> str:
    """Say what became of the links that were not good any more."""
    renewed, links = result.renewed, result.figures.links
    others = sum(result.advanced.get(state, 0) for state in ("linked", "complete", "unlinked"))
    if not result.advanced and not links.stale:
        return "All linkUrls are still good." if links.usable else "Nobody waits for a linkUrl."
    parts = [f"{count(renewed, 'linkUrl')} renewed"]
    if others:
        parts.append(f"{count(others, 'customer')} found to have authorized meanwhile")
    if links.stale:
        parts.append(f"{count(links.stale, 'linkUrl')} still to be renewed")
    return ", ".join(parts) + "."
