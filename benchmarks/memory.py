"""Measures the memory that a short and a long migration take."""

from __future__ import annotations

import tempfile
from pathlib import Path

from benchmarks import customers
from benchmarks.figures import Figure, table
from benchmarks.processes import BULK, Measured, run_command, running_peer

FEW = 2_000


def run(*, quick: bool) -> list[Figure]:
    """Peak resident memory of `bulk migrate`, reports included, at 2,000 and at 200,000 customers."""
    many = 10_000 if quick else 200_000
    few_ran, many_ran = _migrated(FEW), _migrated(many)
    rows = [
        (f"{number:,}", f"{r.megabytes:,.0f}", f"{r.seconds:,.1f}", f"{r.cpu_seconds:,.1f}")
        for number, r in ((FEW, few_ran), (many, many_ran))
    ]
    print(table(("customers", "peak MB", "seconds", "CPU seconds"), rows))
    return [
        Figure(f"peak memory at {many:,} / at {FEW:,} customers", many_ran.megabytes / few_ran.megabytes, most=1.5),
        Figure(f"peak memory at {many:,} customers", many_ran.megabytes, "MB", most=250),
    ]


def _migrated(number: int) -> Measured:
    with tempfile.TemporaryDirectory() as folder, running_peer() as peer:
        path = customers.write(Path(folder) / "customers.csv", number)
        options = ["--reports", folder, "--base-url", peer.url, "--rate=1000000", "--concurrency=16"]
        return run_command([*BULK, "migrate", str(path), *options])
