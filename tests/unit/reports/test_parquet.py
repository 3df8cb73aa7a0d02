"""Parquet reports: errors of the disk and errors of our own."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import polars as pl
import pytest
from polars.exceptions import PolarsError

from bulk.errors import JournalError
from bulk.reports.parquet import ParquetTable

from .csv_files import room_for


def test_a_full_disk_is_a_journal_error(tmp_path: Path) -> None:
    """Polars reports it as an error of its own; the message names the system's reason."""
    frame = pl.DataFrame({"a": [os.urandom(50_000).hex()]})
    with (
        room_for(20_000),
        pytest.raises(JournalError, match=r"a\.parquet cannot be written \(File too large\)"),
        ParquetTable(tmp_path / "a.parquet") as table,
    ):
        table.write(frame)


def test_a_disk_that_fills_up_at_the_end_is_a_journal_error(tmp_path: Path) -> None:
    """The chunks fit, and the file that joins them does not."""
    table = ParquetTable(tmp_path / "a.parquet")
    for _ in range(3):
        table.write(pl.DataFrame({"a": [os.urandom(8_000).hex()]}))
    with room_for(20_000), pytest.raises(JournalError, match="File too large"), table:
        pass


def test_a_folder_that_disappears_is_a_journal_error(tmp_path: Path) -> None:
    """The chunks are gone with it."""
    stage = tmp_path / "stage"
    stage.mkdir()
    table = ParquetTable(stage / "a.parquet")
    table.write(pl.DataFrame({"a": ["x"]}))
    shutil.rmtree(stage)
    with pytest.raises(JournalError, match="No such file or directory"), table:
        pass


@pytest.mark.parametrize("name", ["b", "No space left on device (os error 28)"])
def test_our_own_mistake_is_not_reported_as_a_full_disk(tmp_path: Path, name: str) -> None:
    """Frames with different columns are a bug: the error of polars passes through."""
    table = ParquetTable(tmp_path / "a.parquet")
    table.write(pl.DataFrame({"a": ["x"]}))
    table.write(pl.DataFrame({name: [1]}))
    with pytest.raises(PolarsError), table:
        pass
