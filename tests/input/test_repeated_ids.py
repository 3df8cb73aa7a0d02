"""A customer_id counts once: in the first row that has it."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rows_reading import read_rows, read_text

from bulk.input import text_file
from bulk.input.duplicates import FirstRows


def again(row: int, first: int) -> tuple[int, str, str]:
    """The fault of a repeated id."""
    return (row, "customer_id", f"duplicates row {first}")


def test_the_first_row_counts(tmp_path: Path) -> None:
    """All later ones are rejected and name it."""
    outcome = read_rows(tmp_path, "7,Acme,xero,,", "8,Bolt,xero,,", "7,Cog,xero,,", " 7 ,Dent,xero,,")
    assert outcome.accepted["row"].to_list() == [1, 2]
    assert outcome.found == [again(3, 1), again(4, 1)]


def test_the_first_row_counts_even_if_it_is_faulty(tmp_path: Path) -> None:
    """It is the one to mend; only a row of another length does not count, whose cells may stand anywhere."""
    outcome = read_rows(tmp_path, "7,Ant,xero", "7,Acme,Sage,,", "7,Cog,xero", "7,Dent,Sage,,", "7,Eel,xero,,")
    assert outcome.accepted.is_empty()
    assert [(row, problem[:6]) for row, _, problem in outcome.found] == [
        (1, "has 3 "),  # of another length: nothing else is said of it
        (2, "is unk"),  # the first: its own fault only
        (3, "has 3 "),  # of another length, again
        (4, "duplic"),  # a repeated identifier
        (4, "is unk"),  # and a problem of its own
        (5, "duplic"),  # good, but again
    ]
    assert [problem for row, field, problem in outcome.found if field == "customer_id"] == [again(2, 2)[2]] * 2


def test_identifiers_are_compared_exactly(tmp_path: Path) -> None:
    """Case, zeros and accents tell customers apart."""
    ids = ["a", "A", "01", "1", "1.0", "é", "e\u0301", "ａ"]
    assert read_rows(tmp_path, *(f"{one},Acme,xero,," for one in ids)).ids == ids


def test_a_repeated_id_is_found_across_the_whole_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where many batches lie between the two rows."""
    monkeypatch.setattr(text_file, "_CHUNK_SIZES", (2_000, 2_000))
    numbers = [*range(1_000), 0, 500, 999, *range(1_000, 1_300), 1_299]
    lines = "".join(f"{number},Acme,xero\n" for number in numbers)
    outcome = read_text(tmp_path, "customer_id,company_name,platform\n" + lines)
    assert outcome.found == [again(1001, 1), again(1002, 501), again(1003, 1000), again(1304, 1303)]
    assert outcome.ids == [str(number) for number in range(1_300)]


ROWS = st.lists(st.sampled_from("abcdef"), max_size=30)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(ROWS, st.integers(1, 8))
def test_any_rows_in_any_batches_are_judged_as_one_by_one(rows: list[str], size: int) -> None:
    """The rule, said in a loop: a row is repeated if one before it has its id."""
    expected, firsts = {}, dict[str, int]()
    for number, one in enumerate(rows, 1):
        if firsts.setdefault(one, number) < number:
            expected[number] = firsts[one]
    frame = pl.DataFrame(
        {"row": range(1, len(rows) + 1), "customer_id": rows}, schema={"row": pl.Int64, "customer_id": pl.String}
    )
    seen, found = FirstRows(), dict[int, int]()
    for part in frame.iter_slices(size):
        found.update(dict(seen.repeated(part).iter_rows()))
    assert found == expected
