"""A batch's folder: its name, and its reports. No engine is loaded here, so that `bulk report` starts fast."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

from bulk import text
from bulk.errors import BulkError, JournalError
from bulk.journal import disk, facts
from bulk.journal.database import FILE, no_journal
from bulk.journal.lock import is_in_use
from bulk.model import Stop
from bulk.reading import NOTHING_REMEMBERED, Reading, Remembered, mapping_options
from bulk.reports.rows import Reader
from bulk.results import BatchResult

DEFAULT_REPORTS = Path("reports")
# From the outside in: customers.csv.gz.
INPUT_ENDINGS = (
    *(".gz", ".gzip", ".bz2", ".xz", ".zst", ".zip"),
    *(".csv", ".tsv", ".tab", ".psv", ".txt", ".dat", ".parquet", ".pq", ".xlsx", ".xlsm"),
)


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


def remembered(folder: Path) -> Remembered:
    """Return what the batch in this folder remembers about its inputs. The run reports an unusable journal."""
    try:
        with Reader(folder / FILE) as reader:
            return facts.remembered(reader.facts)
    except BulkError:
        return NOTHING_REMEMBERED


def batch_of(report: Path) -> Path:
    """Return the folder of the batch that wrote a report, or that of the batch NAME if the report is elsewhere."""
    folder = report.resolve().parent
    if not (folder / FILE).is_file():
        return DEFAULT_REPORTS / "NAME"
    return DEFAULT_REPORTS / folder.name if folder.parent == DEFAULT_REPORTS.resolve() else folder


def batch_options(folder: Path) -> list[str]:
    """Return the options that name a batch in a command."""
    reports = [] if folder.parent == DEFAULT_REPORTS else ["--reports", str(folder.parent)]
    return ["--batch", folder.name, *reports]


def input_options(mapping: Mapping[str, str], platform_names: Mapping[str, str], reading: Reading) -> list[str]:
    """Return the options with which a command reads an input: {field: column}, and {name: platformKey}."""
    names = [word for name, key in platform_names.items() for word in ("--platform-name", f"{name}={key}")]
    return [*mapping_options(mapping), *names, *reading.options()]


def storable(name: str) -> str:
    """Return the name as valid Unicode: a byte of a file name that is not UTF-8 becomes `%FF`."""
    return re.sub(r"[\ud800-\udfff]", lambda match: f"%{ord(match[0]) & 0xFF:02X}", name)


class JobEnd(NamedTuple):
    """The end of a run, and the number of customers that it moved to each state."""

    run: int = 0  # its number in the journal; 0: there was none
    stop: Stop | None = None  # the reason why it stopped early, or None
    advanced: Mapping[str, int] = MappingProxyType({})


NO_RUN = JobEnd()


def write_reports(folder: Path, end: JobEnd = NO_RUN, *, since: datetime | None = None) -> BatchResult:
    """Write the batch's reports and return them as a result. Raises BatchError, BatchInUseError, JournalError.

    This takes seconds for a big batch: in an event loop, call `job.write_reports_in_thread`.
    """
    from bulk.reports import write  # loads the workbook and page libraries, which a run does not need

    written = write.write_reports(folder, now=datetime.fromtimestamp(time.time(), UTC), since=since)
    advanced = dict(end.advanced)
    known = (folder, written.figures, written.location, end.stop, written.paths, advanced, end.run)
    return BatchResult(*known, written.wave)


def report(folder: str | Path, *, since: datetime | None = None) -> BatchResult:
    """Write the reports of a batch again from its journal; send nothing. Raises UsageError, JournalError.

    If the last run was killed, `stop` reports that the batch is not finished. With `since`, the reports also show the
    changes since this time (UTC if it has no time zone).
    """
    folder = require_batch(folder)
    disk.require_able(folder)
    result = write_reports(folder, since=in_utc(since) if since is not None else None)
    last_run = result.figures.last_run
    if last_run is None or last_run.has_ended or not was_killed(folder, last_run.number):
        return result
    reason = f"bulk {last_run.command}, started {text.time(last_run.started_at)}, did not end"
    return replace(result, stop=Stop(reason, JournalError.exit_code))


def was_killed(folder: Path, run: int) -> bool:
    """Return whether a run that has begun was killed. The lock is asked first, because a run ends before it unlocks."""
    if is_in_use(folder):
        return False
    with Reader(folder / FILE) as reader:
        return not reader.has_ended(run)


def in_utc(time: datetime) -> datetime:
    """Return a time that has a time zone: UTC if it had none."""
    return time if time.tzinfo is not None else time.replace(tzinfo=UTC)
