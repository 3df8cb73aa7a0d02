"""Reads an input as texts with polars, and nothing else: `python -m benchmarks.loads.polars_read INPUT`."""

from __future__ import annotations

import sys
from pathlib import Path

import polars as pl

if __name__ == "__main__":
    path = Path(sys.argv[1])
    if path.is_dir():
        rows = pl.read_parquet(path / "*.parquet")
    elif path.suffix == ".parquet":
        rows = pl.read_parquet(path)
    elif path.suffix == ".xlsx":
        rows = pl.read_excel(path, infer_schema_length=0)
    else:
        rows = pl.read_csv(path, infer_schema=False)
    print(len(rows))
