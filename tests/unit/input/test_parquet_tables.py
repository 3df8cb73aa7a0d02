"""Parquet cells of every type are read as the text that a person would type."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import polars as pl
import pytest

from bulk.errors import InputError
from bulk.input import open_input
from unit.input.input_files import Outcome, read

BASE = {"customer_id": ["1", "2"], "company_name": ["Acme", "Bolt"], "platform": ["xero", "qbo"]}


def read_frame(folder: Path, *columns: pl.Series) -> Outcome:
    """Write a table with two good rows and these columns, and read it."""
    path = folder / "in.parquet"
    pl.DataFrame(BASE).with_columns(columns).write_parquet(path)
    return read(path)


NOON = dt.datetime(2024, 1, 2, 12, 0, 0, 500_000, tzinfo=dt.UTC)


@pytest.mark.parametrize(
    ("column", "texts"),
    [
        (pl.Series([7, None]), ["7", None]),  # whole numbers
        (pl.Series([2**64 - 1, 0], dtype=pl.UInt64), ["18446744073709551615", "0"]),  # the largest one
        (pl.Series([7.0, 7.5]), ["7", "7.5"]),  # floats with and without a fraction
        (pl.Series([float("nan"), -0.0]), [None, "0"]),  # NaN is the empty cell of a spreadsheet
        (pl.Series(["7.00", "7.50"]).cast(pl.Decimal(9, 2)), ["7", "7.5"]),  # decimals
        (pl.Series(["700", "0"]).cast(pl.Decimal(9, 0)), ["700", "0"]),  # decimals without fraction
        (pl.Series([True, False]), ["true", "false"]),  # booleans
        (pl.Series([dt.date(2024, 1, 2), None]), ["2024-01-02", None]),  # dates
        (pl.Series([NOON.replace(tzinfo=None), None]), ["2024-01-02T12:00:00.500000", None]),  # without time zone
        (pl.Series([NOON.replace(microsecond=0), None]), ["2024-01-02T12:00:00+00:00", None]),  # with time zone
        (pl.Series([dt.time(9, 30), None]), ["09:30:00", None]),  # times
        (pl.Series(["a", None], dtype=pl.Categorical), ["a", None]),  # categoricals
        (pl.Series(["a", "b"], dtype=pl.Enum(["a", "b"])), ["a", "b"]),  # enums
        (pl.Series([None, None], dtype=pl.Null), [None, None]),  # only nulls
        (pl.Series(["", " x "]), [None, " x "]),  # an empty text is missing, spaces stay
        (pl.Series([b"a\xc3\xa9", None]), ["aé", None]),  # bytes that are text
        (pl.Series([b"\xff\x00", b"a"]), ["ff00", "a"]),  # bytes that are not text, and a text
        (pl.Series([[1, 2], None]), ["[1,2]", None]),  # lists
        (pl.Series([{"a": 'é"'}, None]), ['{"a":"é\\""}', None]),  # structs
    ],
)
def test_a_cell_of_any_type_becomes_text(tmp_path: Path, column: pl.Series, texts: list[str | None]) -> None:
    """The cell is in an extra column."""
    outcome = read_frame(tmp_path, column.rename("x"))
    assert [outcome.extras(at)["x"] for at in range(2)] == texts


@pytest.mark.parametrize(
    ("column", "ids", "note"),
    [
        (pl.Series([123, 45]), ["123", "45"], "numbers"),  # leading zeros may be lost
        (pl.Series([123.0, 45.0]), ["123", "45"], "floating-point"),  # from a spreadsheet with empty cells
        (pl.Series(["00123", "1e5"]), ["00123", "1e5"], ""),  # texts stay
        (pl.Series([1e17, 2e17]), ["1e+17", "2e+17"], "floating-point"),  # no longer exact
    ],
)
def test_identifiers_that_are_numbers_are_noted(tmp_path: Path, column: pl.Series, ids: list[str], note: str) -> None:
    """They are read as digits, without leading zeros."""
    outcome = read_frame(tmp_path, column.rename("customer_id"))
    assert outcome.ids == ids
    assert note in " ".join(outcome.opened.notes)
    assert bool(note) == bool(outcome.opened.notes)


def test_a_field_of_lists_is_refused(tmp_path: Path) -> None:
    """A list is not one text that could be sent."""
    with pytest.raises(InputError, match="email column has lists or structs"):
        read_frame(tmp_path, pl.Series("email", [["a@example.com"], []]))


def test_a_table_without_rows_is_refused(tmp_path: Path) -> None:
    """The same holds for text tables."""
    pl.DataFrame(BASE).clear().write_parquet(tmp_path / "in.parquet")
    with pytest.raises(InputError, match="no rows"):
        read(tmp_path / "in.parquet")


def test_rows_keep_their_order_over_many_row_groups(tmp_path: Path) -> None:
    """The size of row groups makes no difference."""
    ids = [str(number) for number in range(30_000)]
    rows = pl.DataFrame({"customer_id": ids, "company_name": "Acme", "platform": "xero"})
    rows.write_parquet(tmp_path / "in.parquet", row_group_size=7_000)
    outcome = read(tmp_path / "in.parquet")
    assert outcome.ids == ids
    assert outcome.accepted["row"].to_list() == list(range(1, 30_001))


def test_the_two_sample_inputs_have_the_same_rows() -> None:
    """Most rows are good, and some have problems on purpose."""
    inputs = Path(__file__).parents[3] / "inputs"
    text, parquet = read(inputs / "customers.csv"), read(inputs / "customers.parquet")
    assert text.accepted.equals(parquet.accepted)
    assert text.rejected.equals(parquet.rejected)
    assert len(text.accepted) >= 45
    assert len(text.rejected) >= 8
    assert text.accepted["platform_key"].n_unique() == 6


def test_a_nul_rejects_its_row_or_is_replaced(tmp_path: Path) -> None:
    """In a field it rejects the row. In other columns it is replaced, because reports cannot hold it."""
    path = tmp_path / "in.parquet"
    rows = {"customer_id": ["1", "2"], "company_name": ["A\0cme", "Bolt"], "platform": "xero", "note": "a\0b"}
    pl.DataFrame(rows).write_parquet(path)
    outcome = read(path)
    assert outcome.found == [(1, "company_name", "contains a control character")]
    assert outcome.extras() == {"note": "a\ufffdb"}


def test_long_cells_are_read_in_portions(tmp_path: Path) -> None:
    """The file has one copy of a long text that is in hundreds of cells."""
    path = tmp_path / "in.parquet"
    names = {"customer_id": [str(at) for at in range(300)], "company_name": ["Acme"] * 300, "platform": ["xero"] * 300}
    pl.DataFrame(names | {"x": ["x" * 1_000_000] * 300}).write_parquet(path)
    assert path.stat().st_size < 100_000
    heights = [part.accepted.height for part in open_input(path).read()]
    assert sum(heights) == 300
    assert max(heights) < 80
