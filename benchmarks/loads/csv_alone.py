"""Writes the results of a batch as CSV with polars, and nothing else: `python -m benchmarks.loads.csv_alone BATCH`."""

from __future__ import annotations

import sys
from pathlib import Path

import polars as pl

if __name__ == "__main__":
    batch = Path(sys.argv[1])
    pl.read_parquet(batch / "results.parquet").write_csv(batch / "alone.csv")
