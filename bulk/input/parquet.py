"""Reads a table from a Parquet file and yields its cells as text, frame by frame."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

import polars as pl

from bulk.errors import InputError
from bulk.input.binary_text import BinaryFields
from bulk.input.cell_text import as_text
from bulk.input.columns import REQUIRED, Header, read_header
from bulk.input.files import wrap_read_errors
from bulk.input.frames import cell, in_words, replace_nuls, wrap_polars_errors

_ROWS: Final = 10_000
_MAX_TEXT: Final = 2**26
"""The most bytes of text in a frame of more than one row."""
_MAX_MEMORY: Final = 2 * 2**30
"""The most bytes of memory for the process that tests a file: a few kilobytes can declare any number of rows."""
_READ_THROUGH: Final = f"""
import contextlib
import sys
with contextlib.suppress(ImportError, ValueError, OSError):
    import resource
    resource.setrlimit(resource.RLIMIT_DATA, ({_MAX_MEMORY}, {_MAX_MEMORY}))
import polars
try:
    table = polars.scan_parquet(sys.argv[1], glob=False, cache=False, low_memory=True)
    # A panic in one of the library's threads may leave a table that is merely too short.
    if table.select(polars.len()).collect().item() != sum(part.height for part in table.collect_batches()):
        sys.exit(print("rows are missing") or 1)
except polars.exceptions.PolarsError as error:
    sys.exit(print(str(error).strip().splitlines()[0][:200]) or 1)
"""


class ParquetFile:
    """A Parquet file whose schema has been read."""

    def __init__(self, path: Path, mapping: Mapping[str, str], *, required: Sequence[str] = REQUIRED) -> None:
        self._path = path
        _require_parquet(path)
        _require_readable(path)
        with wrap_polars_errors(path):
            schema = pl.scan_parquet(path, glob=False).collect_schema()
        self._types = schema.dtypes()
        self.header: Header = read_header(path, schema.names(), mapping, required=required, is_csv=False)
        self._notes = (*self.header.notes, *self._type_notes())
        self._binary = BinaryFields({})

    @property
    def notes(self) -> tuple[str, ...]:
        """Notes about the columns, and about cells that are not UTF-8."""
        return (*self._notes, *self._binary.notes())

    def frames(self) -> Iterator[pl.DataFrame]:
        """Yield the cells of all rows in columns `c0`, `c1`, …"""
        with wrap_polars_errors(self._path), wrap_read_errors(self._path):
            scan = pl.scan_parquet(self._path, glob=False, cache=False, low_memory=True)
            names = scan.collect_schema().names()
            places = {field: at for field, at in self.header.places.items() if self._types[at] == pl.Binary}
            self._binary = BinaryFields({field: names[at] for field, at in places.items()})
            texts = [
                as_text(pl.col(name), dtype).alias(cell(at))
                for at, (name, dtype) in enumerate(zip(names, self._types, strict=True))
                if at not in places.values()
            ]
            missing = int(scan.select(pl.len()).collect().item())
            for frame in scan.collect_batches(chunk_size=_ROWS, maintain_order=True, engine="streaming"):
                missing -= frame.height
                for part in _portions(frame):
                    fields = self._binary.texts(part).items()
                    binary = [text.alias(cell(places[field]) if field in places else field) for field, text in fields]
                    yield part.select(*texts, *binary).with_columns(replace_nuls(self.header, len(names)))
        if missing:
            raise _unreadable(self._path, "rows are missing")

    def _type_notes(self) -> Iterator[str]:
        for field, place in self.header.places.items():
            dtype = self._types[place]
            if dtype.is_nested():
                raise InputError(
                    f"{self._path}: its {field} column has lists or structs, not texts; write one text for each row"
                )
            if dtype.is_numeric():
                numbers = "floating-point numbers" if dtype.is_float() else "numbers"
                yield f"its {field} column has {numbers}, read as their digits; leading zeros are lost"


def _require_parquet(path: Path) -> None:
    with wrap_read_errors(path), path.open("rb") as file:
        start = file.read(4)
    if not start:
        raise InputError(f"{path} is empty; it must have a column for each field and a row for each customer")
    if start != b"PAR1":
        raise InputError(f"{path} is not a Parquet file; if it is a text table, rename it to .csv")


def _require_readable(path: Path) -> None:
    """Raise InputError if another process cannot read the file. Damage can make the library end its process."""
    if not sys.executable:
        return
    command = [sys.executable, "-P", "-c", _READ_THROUGH, str(path.absolute())]
    result = subprocess.run(  # noqa: S603 - our own interpreter, and no shell
        command, check=False, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    if result.returncode:
        reason = result.stdout.decode(errors="replace").strip()
        raise _unreadable(path, in_words(reason) or "it is damaged, or has too many rows in one piece")


def _unreadable(path: Path, reason: str) -> InputError:
    return InputError(f"{path} cannot be read as a table ({reason}); export it again")


def _portions(frame: pl.DataFrame) -> Iterator[pl.DataFrame]:
    """Split a frame with long cells. A text that the file stores once may be in thousands of cells."""
    names = [name for name, dtype in frame.schema.items() if dtype in (pl.String, pl.Binary)]
    sizes = (pl.col(name).cast(pl.Binary).bin.size().cast(pl.Int64).sum() for name in names)
    size = int(frame.select(pl.sum_horizontal(pl.lit(0), *sizes)).item())
    return frame.iter_slices(max(1, frame.height * _MAX_TEXT // max(size, _MAX_TEXT)))
