"""bulk as a library: migrate and report, with typed results. Nothing here prints; progress comes as events."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import anyio
import polars as pl
from anyio.from_thread import start_blocking_portal

from bulk import __version__
from bulk.checking import CheckResult, Cost, check
from bulk.codat.online import Account, ask
from bulk.codat.pace import Hold
from bulk.engine.events import Advanced, Ended, Enrolled, Event, Hook, Started, Swept, Warned, nobody
from bulk.engine.run import Options, Run, Share
from bulk.journal.lock import only_run
from bulk.journal.reading import LinkFigures, Reader, Summary
from bulk.journal.store import FILE
from bulk.model import State, Stop
from bulk.reporting import write_reports
from bulk.rows import open_input
from bulk.settings import Settings


@dataclass(frozen=True)
class BatchResult:
    """A batch after a run or a report: the summary, why the run stopped if it did, and the reports as frames."""

    folder: Path
    summary: Summary
    stop: Stop | None
    paths: tuple[Path, ...]

    @property
    def exit_code(self) -> int:
        """Give the exit code of the command that does the same."""
        if self.stop is not None:
            return self.stop.exit_code
        return 1 if self.summary.customers["rejected"] or self.summary.customers["failed"] else 0

    @cached_property
    def link_figures(self) -> LinkFigures:
        """How many linkUrls are good now, how many no longer, and when the next one expires."""
        with Reader(self.folder / FILE) as reader:
            return reader.link_figures(datetime.now(UTC))

    @cached_property
    def results(self) -> pl.DataFrame:
        """One row for each row of the input, in its order; then customers gone from it whom Codat has."""
        return pl.read_parquet(self.folder / "results.parquet")

    @cached_property
    def links(self) -> pl.DataFrame:
        """Who to email now, soonest to expire last."""
        with Reader(self.folder / FILE) as reader:
            return pl.concat(reader.links(datetime.now(UTC)), how="vertical")

    @cached_property
    def rejects(self) -> pl.DataFrame:
        """The rows that were not accepted, with the input's own columns and the reasons."""
        with Reader(self.folder / FILE) as reader:
            return pl.concat(reader.rejects(), how="vertical")


async def look_online(settings: Settings) -> Account:
    """Ask Codat in at most three requests: is the key good, what is left of the quota, which platforms are enabled."""
    return await ask(settings)


async def migrate(
    path: str | Path,
    *,
    reports: str | Path = "reports",
    batch: str | None = None,
    settings: Settings | None = None,
    mapping: Mapping[str, str] | None = None,
    options: Options | None = None,
    on_event: Hook = nobody,
    interrupt: anyio.Event | None = None,
) -> BatchResult:
    """Create a company and an accounting connection for each customer of the file, once; write the batch's reports.

    The same call again resumes. Raises WrongUsage for what can be told beforehand (nothing was sent then), and
    JournalUnwritable when the disk fails; whatever else happens is in the result.
    """
    source = open_input(Path(path), mapping=mapping or {})
    folder = Path(reports) / storable(batch or stem(Path(path)))
    settings = settings or Settings.make()
    with only_run(folder):
        run = Run(folder, settings, options or Options(), version=__version__, hook=on_event)
        stop = await run.migrate(source, interrupt or anyio.Event())
        return _reported(folder, stop)


def migrate_blocking(path: str | Path, **options: Any) -> BatchResult:
    """Do what `migrate` does and wait for it; works in a notebook too, whose own loop is running already."""
    with start_blocking_portal() as portal:
        return portal.call(partial(migrate, path, **options))


def report(folder: str | Path) -> BatchResult:
    """Write the reports of a batch again from its journal; send nothing. Raises BatchUnusable, JournalUnwritable."""
    return _reported(Path(folder), None)


def stem(path: Path) -> str:
    """Give the name that a batch gets from its input file: `customers` for `customers.csv.gz`."""
    name = path.name
    for ending in (".gz", ".csv", ".tsv", ".txt", ".parquet"):
        name = name[: -len(ending)] if name.lower().endswith(ending) else name
    return storable(name or path.name)


def storable(name: str) -> str:
    """Give a name that is text through and through: a byte that is none becomes `%FF`."""
    return re.sub(r"[\ud800-\udfff]", lambda found: f"%{ord(found[0]) & 0xFF:02X}", name)


def _reported(folder: Path, stop: Stop | None) -> BatchResult:
    written = write_reports(folder, now=datetime.fromtimestamp(time.time(), UTC))
    return BatchResult(folder, written.summary, stop, written.paths)


__all__ = [
    "Advanced",
    "BatchResult",
    "CheckResult",
    "Cost",
    "Ended",
    "Enrolled",
    "Event",
    "Hold",
    "Options",
    "Share",
    "Started",
    "State",
    "Stop",
    "Swept",
    "Warned",
    "check",
    "look_online",
    "migrate",
    "migrate_blocking",
    "report",
]
