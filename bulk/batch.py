"""A batch's folder: its name, its lock for one job at a time, and the reports after each job."""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import ExitStack, asynccontextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

import anyio
import anyio.to_thread

from bulk import __version__
from bulk.engine.events import Advanced, Event, Hook
from bulk.engine.options import Options
from bulk.engine.run import Command, Run
from bulk.errors import BatchInUseError
from bulk.journal.database import FILE, no_journal, require_there
from bulk.journal.lock import is_in_use, only_run
from bulk.model import Stop
from bulk.reports.rows import Reader
from bulk.results import BatchResult
from bulk.settings import Settings

LOCK_WAIT_SECONDS = 5.0  # long enough for a round of `listen`, which holds the lock only for a moment
LOCK_POLL_SECONDS = 0.2
INPUT_ENDINGS = (".gz", ".csv", ".tsv", ".txt", ".parquet")  # from the outside in: customers.csv.gz


def require_batch(folder: str | Path) -> Path:
    """Return the folder of a batch as a path. Raises BatchError if it does not contain a journal.

    An empty file is no journal: something has emptied it, and its customers are in Codat.
    """
    path = Path(folder)
    journal = path / FILE
    if not journal.is_file() or journal.stat().st_size == 0:
        raise no_journal(path)
    return path


def stem(path: Path) -> str:
    """Return the name of the batch for an input file: `customers` for `customers.csv.gz`."""
    name = path.name
    for ending in INPUT_ENDINGS:
        name = name[: -len(ending)] if name.lower().endswith(ending) else name
    return storable(name or path.name)


def storable(name: str) -> str:
    """Return the name as valid Unicode: a byte of a file name that is not UTF-8 becomes `%FF`."""
    return re.sub(r"[\ud800-\udfff]", lambda match: f"%{ord(match[0]) & 0xFF:02X}", name)


class JobEnd(NamedTuple):
    """The end of a run, and the number of customers that it moved to each state."""

    run: int = 0  # its number in the journal; 0: there was none
    stop: Stop | None = None  # the reason why it stopped early, or None
    advanced: Mapping[str, int] = MappingProxyType({})


NO_RUN = JobEnd()


async def run_job(
    folder: Path,
    command: Command,
    settings: Settings | None,
    on_event: Hook,
    interrupt: anyio.Event | None,
    options: Options | None = None,
    *,
    lock_wait: float = LOCK_WAIT_SECONDS,
) -> JobEnd:
    """Run a command on the batch in this folder, under its lock.

    Raises BatchInUseError if another run holds the lock for more than `lock_wait` seconds, JournalGoneError if the
    journal was moved or deleted in the meantime, and the errors of `Run.do`.
    """
    settings = settings or Settings.make()
    advanced: Counter[str] = Counter()

    def hook(event: Event) -> None:
        if isinstance(event, Advanced) and not event.is_left:
            advanced[event.state] += 1
        on_event(event)

    async with batch_lock(folder, lock_wait):
        run = Run(folder, settings, options or Options(), version=__version__, hook=hook)
        end = await run.do(command, interrupt or anyio.Event())
    require_there(folder / FILE)  # without a journal, the reports would be empty
    return JobEnd(end.run, end.stop, advanced)


@asynccontextmanager
async def batch_lock(folder: Path, wait: float = LOCK_WAIT_SECONDS) -> AsyncIterator[None]:
    """Hold the lock of the batch's folder; wait up to `wait` seconds for it. Raises BatchInUseError, UsageError."""
    until = anyio.current_time() + wait
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


def was_killed(folder: Path, run: int) -> bool:
    """Return whether a run that has begun was killed. The lock is asked first, because a run ends before it unlocks."""
    if is_in_use(folder):
        return False
    with Reader(folder / FILE) as reader:
        return not reader.has_ended(run)


def write_reports(folder: Path, end: JobEnd = NO_RUN, *, since: datetime | None = None) -> BatchResult:
    """Write the batch's reports and return them as a result. Raises BatchError, BatchInUseError, JournalError.

    This takes seconds for a big batch: in an event loop, call `write_reports_in_thread`.
    """
    from bulk.reports import write  # loads the workbook and page libraries, which a run does not need

    written = write.write_reports(folder, now=datetime.fromtimestamp(time.time(), UTC), since=since)
    advanced = dict(end.advanced)
    return BatchResult(folder, written.figures, written.location, end.stop, written.paths, advanced, end.run)


async def write_reports_in_thread(folder: Path, end: JobEnd) -> BatchResult:
    """Write the batch's reports in a worker thread, so that the event loop is not blocked."""
    return await anyio.to_thread.run_sync(partial(write_reports, folder, end))


async def run_and_report(
    folder: Path,
    command: Command,
    settings: Settings | None,
    on_event: Hook,
    interrupt: anyio.Event | None,
    options: Options | None = None,
) -> BatchResult:
    """Run a command and write the reports. Raises the errors of `run_job` and `write_reports`."""
    end = await run_job(folder, command, settings, on_event, interrupt, options)
    return await write_reports_in_thread(folder, end)
