"""Measures the time that `bulk check` takes for each form of input, compared with polars, which only reads it."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from statistics import median
from typing import Final

from benchmarks import customers
from benchmarks.figures import Figure, ratio, table
from benchmarks.processes import BULK, Measured, run_command

_PARTS: Final = 200
_WIDE: Final = 20_000
_WIDE_ROWS: Final = 200


def run(*, quick: bool) -> list[Figure]:
    """`bulk check` of a million rows as CSV, zstd, Parquet and 200 parts, 100,000 as .xlsx, and of 20,000 columns.

    Both run as whole processes. polars reads everything as text, and checks nothing.
    """
    times = 2 if quick else 3
    figures: list[Figure] = []
    lines: list[tuple[str, ...]] = []
    with tempfile.TemporaryDirectory() as folder:
        for name, path in _inputs(Path(folder), quick=quick).items():
            checks: list[Measured] = []
            reads: list[Measured] = []
            for _ in range(times):
                reads.append(run_command([sys.executable, "-m", "benchmarks.loads.polars_read", str(path)]))
                checks.append(run_command([*BULK, "check", str(path)], allowed=(0, 1)))
            seconds, others = ([each.seconds for each in runs] for runs in (checks, reads))
            cpu = ratio(*([each.cpu_seconds for each in runs] for runs in (checks, reads)))
            peak = max(each.megabytes for each in checks)
            figures.append(Figure(f"check of {name}: CPU time, bulk / polars reads it", cpu))
            shown = (median(seconds), median(others), ratio(seconds, others), cpu)
            lines.append((name, *(f"{each:.2f}" for each in shown), f"{peak:,.0f}"))
    print(table(("", "bulk seconds", "polars seconds", "ratio", "CPU ratio", "bulk peak MB"), lines))
    return figures


def _inputs(folder: Path, *, quick: bool) -> dict[str, Path]:
    """Write the inputs in processes of their own, because a new process is charged with this one's memory."""
    rows = 100_000 if quick else 1_000_000
    source = customers.write(folder / "customers.csv", rows)
    few = customers.write(folder / "few.csv", rows // 10)
    made: Mapping[str, tuple[Path, Path]] = {
        f"{rows:,} rows, zstd": (source, folder / "customers.csv.zst"),
        f"{rows:,} rows, Parquet": (source, folder / "customers.parquet"),
        f"{rows:,} rows, {_PARTS} parts": (source, folder / "parts"),
        f"{rows // 10:,} rows, .xlsx": (few, folder / "customers.xlsx"),
    }
    for csv, target in made.values():
        run_command([sys.executable, "-m", "benchmarks.loads.make_input", str(csv), str(target), str(_PARTS)])
    others = {name: target for name, (_, target) in made.items()}
    return {f"{rows:,} rows, CSV": source, **others, f"{_WIDE:,} columns": _wide(folder / "wide.csv")}


def _wide(path: Path) -> Path:
    names = ",".join(f"column {at}" for at in range(_WIDE - 3))
    cells = ",x" * (_WIDE - 3)
    with path.open("w") as file:
        file.write(f"customer_id,company_name,platform,{names}\n")
        file.writelines(f"C{at:07},Harbour Bakery {at},Xero{cells}\n" for at in range(_WIDE_ROWS))
    return path
