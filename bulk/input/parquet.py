"""Reads a table from a Parquet file and turns every cell into the text that a person would have typed."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

import polars as pl

from bulk.errors import InputError
from bulk.input import encoding
from bulk.input.columns import NEEDED, Header, read_header
from bulk.input.frames import cell, unpanicked, without_nuls

_ROWS: Final = 10_000
_PORTION: Final = 2**26
"""So many bytes of text are in work at once, or one row."""
_MOST_MEMORY: Final = 2 * 2**30
"""Of the process that proves a file: a few kilobytes can claim to be any number of rows, all in one piece."""
_READ_THROUGH: Final = f"""
import contextlib
import sys
with contextlib.suppress(ImportError, ValueError, OSError):
    import resource
    resource.setrlimit(resource.RLIMIT_DATA, ({_MOST_MEMORY}, {_MOST_MEMORY}))
import polars
try:
    table = polars.scan_parquet(sys.argv[1], glob=False, cache=False, low_memory=True)
    # A panic of one of the library's threads may end as a table that is merely too short.
    if table.select(polars.len()).collect().item() != sum(part.height for part in table.collect_batches()):
        sys.exit(print("rows are missing") or 1)
except polars.exceptions.PolarsError as error:
    sys.exit(print(str(error).strip().splitlines()[0][:200]) or 1)
"""
_EXACT: Final = 2**53
"""The whole numbers that a float holds exactly end here."""


class ParquetFile:
    """A Parquet file, opened: its columns are known, its rows are not read yet."""

    def __init__(self, path: Path, mapping: Mapping[str, str], *, needed: Sequence[str] = NEEDED) -> None:
        self._path = path
        self.digest = encoding.digest_of(path)
        with encoding.readable(path), path.open("rb") as file:
            start = file.read(4)
        if not start:
            raise InputError(f"{path}: is empty; give a file with a column for each field and a row for each customer")
        if start != b"PAR1":
            raise InputError(f"{path}: is no Parquet file; if it is a text table, rename it to .csv")
        _prove(path)
        with unpanicked(path):
            schema = pl.scan_parquet(path, glob=False).collect_schema()
        self._types = schema.dtypes()
        self.header: Header = read_header(path, schema.names(), mapping, needed=needed, has_guards=False)
        self.notes = (*self.header.notes, *self._told())

    def frames(self) -> Iterator[pl.DataFrame]:
        """The rows' cells as text in columns `c0`, `c1`, …"""
        with unpanicked(self._path), encoding.readable(self._path):
            scan = pl.scan_parquet(self._path, glob=False, cache=False, low_memory=True)
            names = scan.collect_schema().names()
            texts = [
                _text(pl.col(name), dtype).alias(cell(at))
                for at, (name, dtype) in enumerate(zip(names, self._types, strict=True))
            ]
            missing = int(scan.select(pl.len()).collect().item())
            for frame in scan.collect_batches(chunk_size=_ROWS, maintain_order=True, engine="streaming"):
                missing -= frame.height
                for part in _portions(frame):
                    yield part.select(texts).with_columns(without_nuls(self.header, len(texts)))
        if missing:
            raise InputError(f"{self._path}: cannot be read as a table (rows are missing); export it again")

    def _told(self) -> Iterator[str]:
        for field, place in self.header.places.items():
            dtype = self._types[place]
            if dtype.is_nested():
                raise InputError(
                    f"{self._path}: its {field} column holds lists or structs, not texts; write one text for each row"
                )
            if dtype.is_float():
                yield f"its {field} column holds floating-point numbers, read as their digits; leading zeros are lost"
            elif dtype.is_numeric():
                yield f"its {field} column holds numbers, read as their digits; leading zeros are lost"


def _portions(frame: pl.DataFrame) -> Iterator[pl.DataFrame]:
    """Part a frame of long cells: a text that the file holds once may stand in thousands of them."""
    long = [name for name, dtype in frame.schema.items() if dtype in (pl.String, pl.Binary)]
    text = (pl.col(name).cast(pl.Binary).bin.size().cast(pl.Int64).sum() for name in long)
    size = int(frame.select(pl.sum_horizontal(pl.lit(0), *text)).item())
    return frame.iter_slices(max(1, frame.height * _PORTION // max(size, _PORTION)))


def _prove(path: Path) -> None:
    """Read a file through in another process first: damage can make the library end the process that reads it."""
    if not sys.executable:
        return
    command = [sys.executable, "-P", "-c", _READ_THROUGH, str(path.absolute())]
    outcome = subprocess.run(  # noqa: S603 - our own interpreter, and no shell
        command, check=False, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    if outcome.returncode:
        said = outcome.stdout.decode(errors="replace").strip() or "it is damaged, or in pieces of too many rows"
        raise InputError(f"{path}: cannot be read as a table ({said}); export it again")


def _text(column: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    if dtype.is_float():
        is_whole = column.is_finite() & (column == column.round(0)) & (column.abs() < _EXACT)
        digits = pl.when(is_whole).then(column).cast(pl.Int64, strict=False).cast(pl.String)
        return pl.when(column.is_not_nan()).then(digits.fill_null(column.cast(pl.String)))
    if dtype.is_decimal():
        return column.cast(pl.String).str.replace(r"(\.\d*?)0+\z", "${1}").str.strip_chars_end(".")
    if dtype.is_nested():
        json = pl.struct(column.alias("v")).struct.json_encode()
        return pl.when(column.is_not_null()).then(json.str.slice(len('{"v":')).str.head(-1))
    if dtype.is_temporal():
        iso = column.dt.to_string("iso:strict" if dtype == pl.Datetime else "iso")
        return iso.str.replace(r"\.0+([+\-Z]|\z)", "${1}")
    if dtype == pl.Binary:
        column = column.map_batches(_decoded, return_dtype=pl.String, is_elementwise=True)
    text = column.cast(pl.String)
    return pl.when(text != "").then(text)  # an empty text is a missing one, as in CSV


def _decoded(values: pl.Series) -> pl.Series:
    """Bytes as the text they nearly always are; where one of a batch is no text, all of it as hex digits."""
    try:
        return values.cast(pl.String)
    except pl.exceptions.ComputeError:
        return values.bin.encode("hex")
