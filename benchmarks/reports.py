"""Measures the cost of all reports of a big batch."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from statistics import median

from benchmarks import customers
from benchmarks.figures import Figure, ratio, table
from benchmarks.processes import BULK, Measured, run_command

FILES = ("results.csv", "results.parquet", "links.csv", "partner.csv", "results.xlsx", "report.html")


def run(*, quick: bool) -> list[Figure]:
    """`bulk report` of 100,000 customers, compared with polars reading the results and writing the same CSV alone."""
    rows = 10_000 if quick else 100_000
    with tempfile.TemporaryDirectory() as folder:
        path = customers.write(Path(folder) / "customers.csv", rows)
        batch = Path(folder) / "customers"
        run_command([sys.executable, "-m", "benchmarks.loads.finished_batch", str(path), str(batch)])
        reports, alone = [], []
        for _ in range(3):
            reports.append(run_command([*BULK, "report", str(batch)]))
            alone.append(run_command([sys.executable, "-m", "benchmarks.loads.csv_alone", str(batch)]))
        sizes = [(name, f"{(batch / name).stat().st_size / 1e6:,.1f} MB") for name in FILES]
    lines = [
        (name, f"{median(r.seconds for r in each):.2f}", f"{median(r.cpu_seconds for r in each):.2f}", _peak(each))
        for name, each in (("bulk report, all files", reports), ("polars, results.csv alone", alone))
    ]
    print(table((f"{rows:,} customers", "seconds", "CPU seconds", "peak MB"), lines))
    print(table(("file", "size"), sizes))
    return [
        Figure(f"reports of {rows:,}: CPU time, all files / polars' CSV alone", _cpu_ratio(reports, alone), most=18),
        Figure(f"reports of {rows:,}: CPU time", median(r.cpu_seconds for r in reports), "s"),
        Figure(f"reports of {rows:,}: peak memory", max(r.megabytes for r in reports), "MB", most=300),
    ]


def _peak(each: Sequence[Measured]) -> str:
    return f"{max(r.megabytes for r in each):,.0f}"


def _cpu_ratio(reports: Sequence[Measured], alone: Sequence[Measured]) -> float:
    return ratio([r.cpu_seconds for r in reports], [r.cpu_seconds for r in alone])
