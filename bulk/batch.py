"""A batch's folder: which one it is, a job done on it under its lock, and its reports written."""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import ExitStack, asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

import anyio

from bulk import __version__
from bulk.engine.events import Advanced, Event, Hook
from bulk.engine.run import Job, Options, Run
from bulk.errors import BatchError, BatchInUseError
from bulk.journal.database import FILE, require_there
from bulk.journal.lock import only_run
from bulk.model import Stop
from bulk.results import BatchResult
from bulk.settings import Settings

PATIENCE = 5.0  # seconds for which another run is waited for: one of `listen` takes no longer, if all is well
LOCK_POLL_SECONDS = 0.2  # seconds


def require_batch(folder: str | Path) -> Path:
    """Give the folder of a batch that is there. Raises BatchUnusable, with what to do."""
    path = Path(folder)
    if not (path / FILE).is_file():
        raise BatchError(f"{path} holds no journal: give the folder of a batch, or migrate its input first.")
    return path


def stem(path: Path) -> str:
    """Give the name that a batch gets from its input file: `customers` for `customers.csv.gz`."""
    name = path.name
    for ending in (".gz", ".csv", ".tsv", ".txt", ".parquet"):
        name = name[: -len(ending)] if name.lower().endswith(ending) else name
    return storable(name or path.name)


def storable(name: str) -> str:
    """Give a name that is text through and through: a byte that is none becomes `%FF`."""
    return re.sub(r"[\ud800-\udfff]", lambda found: f"%{ord(found[0]) & 0xFF:02X}", name)


class Ran(NamedTuple):
    """A run that has ended: why it stopped, if it did, and how far it brought how many customers."""

    stop: Stop | None
    advanced: Counter[str]


async def run_job(
    folder: Path,
    job: Job,
    settings: Settings | None,
    on_event: Hook,
    interrupt: anyio.Event | None,
    options: Options | None = None,
    *,
    patience: float = PATIENCE,
) -> Ran:
    """Do a job on the batch of this folder. Raises what `Run.do` raises.

    Raises BatchInUse if another run is at work on it for longer than `patience`, in seconds; JournalGone where somebody
    has taken the journal away meanwhile.
    """
    settings = settings or Settings.make()
    advanced: Counter[str] = Counter()

    def hook(event: Event) -> None:
        if isinstance(event, Advanced) and not event.is_left:
            advanced[event.state] += 1
        on_event(event)

    async with batch_lock(folder, patience):
        run = Run(folder, settings, options or Options(), version=__version__, hook=hook)
        ran = Ran(await run.do(job, interrupt or anyio.Event()), advanced)
    require_there(folder / FILE)  # where it is not, reports would be made of nothing
    return ran


@asynccontextmanager
async def batch_lock(folder: Path, patience: float = PATIENCE) -> AsyncIterator[None]:
    """Hold the batch's folder, after waiting so many seconds for another run. Raises BatchInUse, WrongUsage."""
    until = anyio.current_time() + patience
    with ExitStack() as stack:
        while True:
            try:
                stack.enter_context(only_run(folder))
                break
            except BatchInUseError:
                if anyio.current_time() >= until:
                    raise
            await anyio.sleep(LOCK_POLL_SECONDS)
        yield


def write_reports(
    folder: Path,
    stop: Stop | None,
    advanced: Mapping[str, int] = MappingProxyType({}),
    *,
    since: datetime | None = None,
) -> BatchResult:
    """Write the reports of a batch. Raises BatchUnusable, BatchInUse, JournalUnwritable."""
    from bulk import reports  # what pages and workbooks are made with: no run waits for that to load

    written = reports.write_reports(folder, now=datetime.fromtimestamp(time.time(), UTC), since=since)
    return BatchResult(folder, written.figures, written.place, stop, written.paths, dict(advanced))
