"""Writes a CSV file in another form: `python -m benchmarks.loads.make_input CSV TARGET PARTS`.

The form is that of the target's ending. A target without one is a folder with this number of Parquet files.
"""

from __future__ import annotations

import sys
from pathlib import Path

import polars as pl
import pyarrow as pa

if __name__ == "__main__":
    source, target = Path(sys.argv[1]), Path(sys.argv[2])
    match target.suffix:
        case ".zst":
            with pa.CompressedOutputStream(str(target), "zstd") as packed:
                packed.write(source.read_bytes())
        case ".parquet":
            pl.read_csv(source, infer_schema=False).write_parquet(target)
        case ".xlsx":
            pl.read_csv(source, infer_schema=False).write_excel(target)
        case _:
            target.mkdir()
            rows = pl.read_csv(source, infer_schema=False)
            for at, part in enumerate(rows.iter_slices(len(rows) // int(sys.argv[3]))):
                part.write_parquet(target / f"part-{at:05}.parquet")
