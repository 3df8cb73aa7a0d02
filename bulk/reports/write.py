"""Writes all reports of a batch."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final, Protocol

import polars as pl

from bulk.journal.database import FILE
from bulk.reports.csv import CsvTable
from bulk.reports.excel.sheets import KINDS
from bulk.reports.excel.workbook import Workbook
from bulk.reports.figures import Figures, Wave
from bulk.reports.figures_reader import conflict_rows, read_figures, rejected_rows
from bulk.reports.html import Customers, page
from bulk.reports.parquet import ParquetTable
from bulk.reports.publish import publish, staging, wrap_errors
from bulk.reports.rows import Reader, partners
from bulk.reports.summary.commands import BatchLocation
from bulk.reports.wave_files import WaveFiles, close_wave, existing, mark_written
from bulk.text import timestamp

RESULTS_CSV: Final = "results.csv"
RESULTS_PARQUET: Final = "results.parquet"
LINKS: Final = "links.csv"
REJECTS: Final = "rejects.csv"
CONFLICTS: Final = "conflicts.csv"
PARTNER: Final = "partner.csv"
DIFFERENCES: Final = "differences.csv"  # only if there are any
VERIFY: Final = "verify.csv"  # only after a verify
WORKBOOK: Final = "results.xlsx"
PAGE: Final = "report.html"
SUMMARY: Final = "summary.json"

_ALWAYS: Final = (RESULTS_CSV, RESULTS_PARQUET, LINKS, REJECTS, CONFLICTS, PARTNER, WORKBOOK, PAGE)
_CHUNK_ROWS: Final = 2_000  # twice as many take a tenth less time, but half as much memory again


@dataclass(frozen=True, slots=True)
class Written:
    """The reports that were written, and their content."""

    paths: tuple[Path, ...]
    figures: Figures
    location: BatchLocation
    wave: Wave | None  # the new one; None: no linkUrl was issued since the last report


class Table(Protocol):
    """A report that takes its rows frame by frame, all with the same columns."""

    def write(self, frame: pl.DataFrame) -> None:
        """Append the frame's rows."""


def write_reports(folder: Path, *, now: datetime, since: datetime | None = None) -> Written:
    """Write the reports of the batch in this folder from its journal, which other commands may use at the same time.

    All reports show the journal at one moment. The linkUrls issued since the last report become a wave. With `since`,
    the results also show the changes since that time. Raises BatchInUseError, BatchError or JournalError; then the
    previous reports are still there.
    """
    with staging(folder) as stage:
        new_wave = close_wave(folder / FILE, timestamp(now))
        written = _write_reports(folder, stage, new_wave, now=now, since=since)
        if new_wave is not None:
            mark_written(folder / FILE, new_wave)
        return written


def _write_reports(
    folder: Path, stage: Path, new_wave: int | None, *, now: datetime, since: datetime | None
) -> Written:
    with Reader(folder / FILE) as reader:
        figures = read_figures(reader, at=now, since=since)
        customers = Customers()
        with Workbook(stage / WORKBOOK) as book:
            sheets = {name: book.sheet(name) for name in KINDS}
            _write_results(stage, reader.results(_CHUNK_ROWS, since=since), sheets, customers)
            with WaveFiles(stage, {wave.number for wave in figures.waves}) as waves:
                _write_csv(stage / LINKS, reader.links(now, _CHUNK_ROWS), sheets["Links"], waves)
            _write_csv(stage / REJECTS, reader.rejects(_CHUNK_ROWS), sheets["Rejects"])
            _write_csv(stage / CONFLICTS, reader.conflicts(_CHUNK_ROWS), sheets["Conflicts"])
            optional = _write_optional(stage, reader, figures)
            location = _location(folder)
            book.summary(figures, location)
        _write_text(stage / PAGE, page(figures, customers, rejected_rows(reader), conflict_rows(reader), location))
        _write_text(stage / SUMMARY, figures.summary.to_json() + "\n")
        # The summary is last, so that a program that waits for it finds all the other reports in place.
        names = [*_ALWAYS, *waves.names, *optional, SUMMARY]
        absent = {DIFFERENCES, VERIFY, *existing(folder)}.difference(names)
        paths = publish(stage, folder, names, absent=sorted(absent))
        return Written(paths, figures, location, _numbered(figures, new_wave))


def _write_results(
    stage: Path, frames: Iterable[pl.DataFrame], sheets: Mapping[str, Table], customers: Customers
) -> None:
    """Read the results once, and write them to each report that has them or a part of them."""
    with (
        CsvTable(stage / RESULTS_CSV) as csv,
        ParquetTable(stage / RESULTS_PARQUET) as parquet,
        CsvTable(stage / PARTNER) as partner_csv,
    ):
        for frame in frames:
            _write(frame, csv, parquet, sheets["Results"], customers)
            _write(partners(frame), partner_csv, sheets["Partner"])


def _write_optional(stage: Path, reader: Reader, figures: Figures) -> list[str]:
    """Write the reports that not every batch has; return their names."""
    names = []
    if figures.has_differences:
        _write_csv(stage / DIFFERENCES, reader.differences(_CHUNK_ROWS))
        names.append(DIFFERENCES)
    findings = reader.findings(_CHUNK_ROWS)
    if findings is not None:
        _write_csv(stage / VERIFY, findings)
        names.append(VERIFY)
    return names


def _numbered(figures: Figures, number: int | None) -> Wave | None:
    return next((wave for wave in figures.waves if wave.number == number), None)


def _location(folder: Path) -> BatchLocation:
    # The folder `.` has no name to use in a command.
    named = folder if folder.name not in ("", "..") else folder.resolve()
    return BatchLocation(named, has_sandbox=(folder / "sandbox").is_dir())


def _write_csv(path: Path, frames: Iterable[pl.DataFrame], *others: Table) -> None:
    with CsvTable(path) as csv:
        for frame in frames:
            _write(frame, csv, *others)


def _write(frame: pl.DataFrame, *tables: Table) -> None:
    for table in tables:
        table.write(frame)


def _write_text(path: Path, text: str) -> None:
    with wrap_errors(path):
        path.write_text(text, encoding="utf-8")
