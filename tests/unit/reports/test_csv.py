"""CSV reports: which cells are quoted."""

from __future__ import annotations

import os
from pathlib import Path

import polars as pl
import pytest

from bulk.errors import JournalError
from bulk.reports.csv import CsvTable

from .csv_files import room_for


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("plain", "plain"),
        ("a;=1+1", '"a;=1+1"'),  # a spreadsheet may split at semicolons
        ("a\t=1+1", '"a\t=1+1"'),  # and at tabs
        ("a,b", '"a,b"'),
        ('a"b', '"a""b"'),
        ("a\nb", '"a\nb"'),
        ("a\rb", '"a\rb"'),
        ("", '""'),  # an empty text differs from a missing one
        (None, ""),
        ("=1;2", '"\'=1;2"'),
    ],
)
def test_a_cell_is_quoted_where_a_reader_could_split_it(tmp_path: Path, text: str | None, written: str) -> None:
    """Spreadsheets count as readers, and headers count as cells."""
    frame = pl.DataFrame({"a": [text], "b;=1": [5]}, schema={"a": pl.String, "b;=1": pl.Int64})
    with CsvTable(tmp_path / "x.csv") as table:
        table.write(frame)
    assert (tmp_path / "x.csv").read_bytes().decode("utf-8-sig") == f'a,"b;=1"\n{written},5\n'


def test_any_header_is_only_a_name(tmp_path: Path) -> None:
    """Headers that polars reads as patterns select nothing."""
    frame = pl.DataFrame({"*": ["1"], "^.*$": ["2"], "": ["3"]})
    with CsvTable(tmp_path / "x.csv") as table:
        table.write(frame)
        table.write(frame)
    assert (tmp_path / "x.csv").read_text("utf-8-sig") == '*,^.*$,""\n1,2,3\n1,2,3\n'


def test_a_missing_folder_is_a_journal_error(tmp_path: Path) -> None:
    """It was removed while the report was written."""
    with pytest.raises(JournalError):
        CsvTable(tmp_path / "nowhere" / "a.csv")


def test_a_full_disk_is_a_journal_error(tmp_path: Path) -> None:
    """The message names the file, the system's reason and the remedy."""
    frame = pl.DataFrame({"a": [os.urandom(50_000).hex()]})
    with (
        room_for(20_000),
        pytest.raises(JournalError, match=r"a\.csv cannot be written \(File too large\).*Make room"),
        CsvTable(tmp_path / "a.csv") as table,
    ):
        table.write(frame)
