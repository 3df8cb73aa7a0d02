"""`bulk report BATCH`."""

from __future__ import annotations

from pathlib import Path

import click

from bulk.cli import options


@click.command()
@options.BATCH
@options.JSON
def report(folder: Path, as_json: bool) -> int:
    """Write the reports of BATCH (a batch's folder) again from its journal. Sends nothing."""
    from bulk.api import report as write
    from bulk.cli.outcome import tell
    from bulk.journal.store import usable

    with usable(folder):
        result = write(folder)
    tell(result, as_json=as_json, again=["--sandbox"] if (folder / "sandbox").is_dir() else [])
    return result.exit_code
