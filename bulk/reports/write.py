"""Which reports a batch has, and what each is made of."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final, Protocol

import polars as pl

from bulk.journal.database import FILE
from bulk.platforms import platform_names
from bulk.reports.excel.workbook import Workbook
from bulk.reports.figures import Figures, read, rejections
from bulk.reports.html import Customers, page
from bulk.reports.publish import publish, staging, told
from bulk.reports.rows import Reader
from bulk.reports.summary.advice import BatchLocation
from bulk.reports.tables import CsvTable, ParquetTable

RESULTS_CSV: Final = "results.csv"
RESULTS_PARQUET: Final = "results.parquet"
LINKS: Final = "links.csv"
REJECTS: Final = "rejects.csv"
PARTNER: Final = "partner.csv"
DIFFERENCES: Final = "differences.csv"
VERIFY: Final = "verify.csv"
WORKBOOK: Final = "results.xlsx"
PAGE: Final = "report.html"
SUMMARY: Final = "summary.json"

_CHUNK_ROWS: Final = 1_000  # more is hardly faster, and costs memory


@dataclass(frozen=True, slots=True)
class Written:
    """The reports that were written, and what they say."""

    paths: tuple[Path, ...]
    figures: Figures
    place: BatchLocation


class Table(Protocol):
    """What takes the rows of a report, a frame after the other, all with the same columns."""

    def write(self, frame: pl.DataFrame) -> None:
        """Add the frame's rows."""


def write_reports(folder: Path, *, now: datetime, since: datetime | None = None) -> Written:
    """Write the reports of the batch in this folder from its journal, which may be in use at the same time.

    All of them say what the journal said at one moment. `since`: the results also say what has changed after that.
    Raises BatchInUse, BatchUnusable or JournalUnwritable; the old reports are then still there.
    """
    with staging(folder) as stage, Reader(folder / FILE) as reader:
        figures = read(reader, at=now, since=since)
        customers = Customers()
        with Workbook(stage / WORKBOOK, now=now) as book:
            with CsvTable(stage / RESULTS_CSV) as csv, ParquetTable(stage / RESULTS_PARQUET) as parquet:
                _write(reader.results(_CHUNK_ROWS, since=since), csv, parquet, book.sheet("Results"), customers)
            links = (frame.with_columns(platform_names(pl.col("platform"))) for frame in reader.links(now, _CHUNK_ROWS))
            for name, sheet, frames in (
                (LINKS, "Links", links),
                (REJECTS, "Rejects", reader.rejects(_CHUNK_ROWS)),
                (PARTNER, "Partner", reader.partners(_CHUNK_ROWS)),
            ):
                with CsvTable(stage / name) as csv:
                    _write(frames, csv, book.sheet(sheet))
            differ = _write_csv(stage / DIFFERENCES, reader.differences(_CHUNK_ROWS)) > 0
            findings = reader.findings(_CHUNK_ROWS)
            if findings is not None:
                _write_csv(stage / VERIFY, findings)
            # The folder may be given as `.`, which is no name for a command.
            named = folder if folder.name not in ("", "..") else folder.resolve()
            place = BatchLocation(named, has_sandbox=(folder / "sandbox").is_dir(), has_differences=differ)
            book.summary(figures, place)
        with told(stage / PAGE):
            (stage / PAGE).write_text(page(figures, customers, rejections(reader), place), encoding="utf-8")
        with told(stage / SUMMARY):
            (stage / SUMMARY).write_text(figures.summary.to_json() + "\n", encoding="utf-8")
        # The summary goes last: who waits for it finds all the others in place.
        there = {DIFFERENCES: differ, VERIFY: findings is not None}
        always = [RESULTS_CSV, RESULTS_PARQUET, LINKS, REJECTS, PARTNER, WORKBOOK, PAGE]
        names = [*always, *(name for name, is_there in there.items() if is_there), SUMMARY]
        absent = [name for name, is_there in there.items() if not is_there]
        return Written(publish(stage, folder, names, absent=absent), figures, place)


def _write(frames: Iterable[pl.DataFrame], *tables: Table) -> int:
    rows = 0
    for frame in frames:
        for table in tables:
            table.write(frame)
        rows += frame.height
    return rows


def _write_csv(path: Path, frames: Iterable[pl.DataFrame]) -> int:
    with CsvTable(path) as csv:
        return _write(frames, csv)
