"""Which reports a batch has, and what each is made of."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

import polars as pl

from bulk.journal.reading import Reader, Summary
from bulk.journal.store import FILE
from bulk.reporting.platforms import platform_names
from bulk.reporting.staging import publish, staging, told
from bulk.reporting.tables import CsvTable, ParquetTable

RESULTS_CSV: Final = "results.csv"
RESULTS_PARQUET: Final = "results.parquet"
LINKS: Final = "links.csv"
REJECTS: Final = "rejects.csv"
PARTNER: Final = "partner.csv"
DIFFERENCES: Final = "differences.csv"
VERIFY: Final = "verify.csv"
SUMMARY: Final = "summary.json"

_CHUNK_ROWS: Final = 1_000  # more is hardly faster, and costs memory


@dataclass(frozen=True, slots=True)
class Written:
    """The reports that were written, and what they add up to."""

    paths: tuple[Path, ...]
    summary: Summary


def write_reports(folder: Path, *, now: datetime) -> Written:
    """Write the reports of the batch in this folder from its journal, which may be in use at the same time.

    All of them say what the journal said at one moment. Raises BatchInUse, BatchUnusable or JournalUnwritable; the
    old reports are then still there.
    """
    with staging(folder) as stage, Reader(folder / FILE) as reader:
        _write_results(stage, reader.results(_CHUNK_ROWS))
        links = (frame.with_columns(platform_names(pl.col("platform"))) for frame in reader.links(now, _CHUNK_ROWS))
        _write_csv(stage / LINKS, links)
        _write_csv(stage / REJECTS, reader.rejects(_CHUNK_ROWS))
        _write_csv(stage / PARTNER, reader.partners(_CHUNK_ROWS))
        differ = _write_csv(stage / DIFFERENCES, reader.differences(_CHUNK_ROWS)) > 0
        findings = reader.findings(_CHUNK_ROWS)
        if findings is not None:
            _write_csv(stage / VERIFY, findings)
        summary = reader.summary()
        with told(stage / SUMMARY):
            (stage / SUMMARY).write_text(summary.to_json() + "\n", encoding="utf-8")
        # The summary goes last: who waits for it finds all the others in place.
        there = {DIFFERENCES: differ, VERIFY: findings is not None}
        always = [RESULTS_CSV, RESULTS_PARQUET, LINKS, REJECTS, PARTNER]
        names = [*always, *(name for name, is_there in there.items() if is_there), SUMMARY]
        absent = [name for name, is_there in there.items() if not is_there]
        return Written(publish(stage, folder, names, absent=absent), summary)


def _write_results(stage: Path, frames: Iterable[pl.DataFrame]) -> None:
    with CsvTable(stage / RESULTS_CSV) as csv, ParquetTable(stage / RESULTS_PARQUET) as parquet:
        for frame in frames:
            csv.write(frame)
            parquet.write(frame)


def _write_csv(path: Path, frames: Iterable[pl.DataFrame]) -> int:
    rows = 0
    with CsvTable(path) as csv:
        for frame in frames:
            csv.write(frame)
            rows += frame.height
    return rows
