"""The first of several rows with the same customer_id counts."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bulk.input import text_file
from bulk.input.duplicates import FirstRows
from unit.input.input_files import read_rows, read_text


def duplicate(row: int, first: int) -> tuple[int, str, str]:
    """Return the problem of a repeated identifier."""
    return (row, "customer_id", f"duplicates row {first}")


def test_the_first_row_counts(tmp_path: Path) -> None:
    """All later rows are rejected, and their problem has its number."""
    outcome = read_rows(tmp_path, "7,Acme,xero,,", "8,Bolt,xero,,", "7,Cog,xero,,", " 7 ,Dent,xero,,")
    assert outcome.accepted["row"].to_list() == [1, 2]
    assert outcome.found == [duplicate(3, 1), duplicate(4, 1)]


def test_the_first_row_counts_even_if_it_is_rejected(tmp_path: Path) -> None:
    """It is the row to correct. Only ragged rows do not count, because their cells may be in the wrong columns."""
    outcome = read_rows(tmp_path, "7,Ant", "7,Acme,Sage,,", "7,Cog", "7,Dent,Sage,,", "7,Eel,xero,,")
    assert outcome.accepted.is_empty()
    assert [(row, problem[:6]) for row, _, problem in outcome.found] == [
        (1, "has 2 "),  # ragged: it has no other problem
        (2, "is unk"),  # the first row: only its own problem
        (3, "has 2 "),  # ragged again
        (4, "duplic"),  # a repeated identifier
        (4, "is unk"),  # and its own problem
        (5, "duplic"),  # only a repeated identifier
    ]
    assert [problem for row, field, problem in outcome.found if field == "customer_id"] == [duplicate(2, 2)[2]] * 2


def test_identifiers_are_compared_exactly(tmp_path: Path) -> None:
    """Case, zeros and accents make a difference."""
    ids = ["a", "A", "01", "1", "1.0", "é", "e\u0301", "ａ"]
    assert read_rows(tmp_path, *(f"{one},Acme,xero,," for one in ids)).ids == ids


def test_a_repeated_id_is_found_across_the_whole_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Any number of chunks may be between the two rows."""
    monkeypatch.setattr(text_file, "_CHUNK_SIZES", (2_000, 2_000))
    numbers = [*range(1_000), 0, 500, 999, *range(1_000, 1_300), 1_299]
    lines = "".join(f"{number},Acme,xero\n" for number in numbers)
    outcome = read_text(tmp_path, "customer_id,company_name,platform\n" + lines)
    assert outcome.found == [duplicate(1001, 1), duplicate(1002, 501), duplicate(1003, 1000), duplicate(1304, 1303)]
    assert outcome.ids == [str(number) for number in range(1_300)]


ROWS = st.lists(st.sampled_from("abcdef"), max_size=30)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(ROWS, st.integers(1, 8))
def test_rows_in_frames_of_any_size_are_compared_as_one_by_one(rows: list[str], size: int) -> None:
    """The loop states the rule: a row is repeated if an earlier row has its identifier."""
    expected, firsts = {}, dict[str, int]()
    for number, one in enumerate(rows, 1):
        if firsts.setdefault(one, number) < number:
            expected[number] = firsts[one]
    frame = pl.DataFrame(
        {"row": range(1, len(rows) + 1), "customer_id": rows}, schema={"row": pl.Int64, "customer_id": pl.String}
    )
    first_rows, found = FirstRows(), dict[int, int]()
    for part in frame.iter_slices(size):
        found.update(dict(first_rows.repeated(part).iter_rows()))
    assert found == expected
