"""Measures the time and memory that `bulk check` takes for a large file."""

from __future__ import annotations

import json
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from statistics import median

from benchmarks import customers
from benchmarks.figures import Figure, ratio, table
from benchmarks.processes import BULK, Measured, run_command

FAULTY = 0.01  # of the rows
COUNTED = ("rows", "accepted", "rejected")


def run(*, quick: bool) -> list[Figure]:
    """`bulk check` on a million rows of six columns, compared with a csv-module loop with the same rules.

    Both run as whole processes and print the same lists. The loop's time excludes the import of the rules.
    """
    rows = 100_000 if quick else 1_000_000
    checks: list[Measured] = []
    loops: list[Measured] = []
    with tempfile.TemporaryDirectory() as folder:
        path = customers.write(Path(folder) / "customers.csv", rows, faulty=FAULTY)
        for _ in range(2 if quick else 5):
            loop = run_command([sys.executable, "-m", "benchmarks.loads.csv_loop", str(path)])
            imports = json.loads(loop.output)
            seconds, cpu_seconds = imports["import_seconds"], imports["import_cpu_seconds"]
            loops.append(replace(loop, seconds=loop.seconds - seconds, cpu_seconds=loop.cpu_seconds - cpu_seconds))
            checks.append(run_command([*BULK, "check", str(path), "--json"], allowed=(1,)))
    found, looped = (json.loads(runs[-1].output) for runs in (checks, loops))
    if any(found[count] != looped[count] for count in COUNTED):
        raise RuntimeError(f"the two results differ: {[(found[count], looped[count]) for count in COUNTED]}")
    lines = [
        (
            name,
            f"{median(r.seconds for r in runs):.2f}",
            f"{median(r.cpu_seconds for r in runs):.2f}",
            f"{max(r.megabytes for r in runs):,.0f}",
        )
        for name, runs in (("bulk check", checks), ("csv-module loop", loops))
    ]
    print(table((f"{rows:,} rows, medians of {len(checks)}", "seconds", "CPU seconds", "peak MB"), lines))
    return [
        Figure(f"check of {rows:,} rows: csv-module loop / bulk", ratio(*map(_seconds, (loops, checks))), least=3),
        Figure(f"check of {rows:,} rows: peak memory", max(r.megabytes for r in checks), "MB", most=600),
    ]


def _seconds(runs: list[Measured]) -> list[float]:
    return [r.seconds for r in runs]
