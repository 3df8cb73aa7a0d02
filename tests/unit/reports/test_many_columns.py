"""The work for a report grows with its columns, not with their square. Some exports have thousands of them."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import FrameType

import polars as pl
import pytest

from bulk.reports.html.encoding import encode
from bulk.reports.input_columns import InputColumns
from bulk.reports.scan import may_contain


class Name(str):
    """A name that is counted, as a call of a function, each time it is looked up in a set or in a dict."""

    __slots__ = ()

    def __hash__(self) -> int:
        return super().__hash__()

    def __eq__(self, other: object) -> bool:
        return super().__eq__(other)


def calls(work: Callable[[], object]) -> int:
    """Count the calls of functions during some work."""
    number = 0

    def count(_: FrameType, event: str, __: object) -> None:
        nonlocal number
        number += event in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        work()
    finally:
        sys.setprofile(before)
    return number


def encoded_for_the_page(columns: int) -> Callable[[], object]:
    """Each column is looked at alone."""
    frame = pl.DataFrame({f"column {number}": ["a", None] for number in range(columns)})
    return lambda: encode(frame)


def restored(columns: int) -> Callable[[], object]:
    """The names of the file's columns are collected once."""
    names = [Name(f"column {number}") for number in range(columns)]
    frame = pl.DataFrame({"row": [1], "extra": ['{"column 7":"x"}']})
    return lambda: InputColumns([names], taken=("row", "column 7")).append_to(frame)


@pytest.mark.parametrize("work", [encoded_for_the_page, restored])
def test_twice_as_many_columns_are_at_most_twice_the_work(work: Callable[[int], Callable[[], object]]) -> None:
    """Otherwise thousands of columns take minutes."""
    calls(work(10))  # imports
    assert calls(work(400)) < 2.1 * calls(work(200))


def test_thousands_of_columns_keep_their_names() -> None:
    """One with the name of a column of the report gets another."""
    names = [f"column {number}" for number in range(2_000)]
    columns = InputColumns([names], taken=("row", "column 7"))
    frame = columns.append_to(pl.DataFrame({"row": [1], "extra": ['{"column 7":"x"}']}))
    assert frame.width == 1 + len(names)
    assert frame["column 7 (input)"].to_list() == ["x"]
    assert encode(frame).count("column") == len(names)


def test_each_column_is_searched_for_a_pattern() -> None:
    """A match belongs to its column. Numbers and columns without texts have none."""
    frame = pl.DataFrame(
        {"a": ["x", None], "*": ["", "y"], "empty": [None, None], "number": [1, 2]},
        schema_overrides={"empty": pl.String},
    )
    assert may_contain(frame, "x") == [True, False, False, False]
    assert may_contain(frame, "y|x") == [True, True, False, False]
    assert may_contain(frame, r"\A") == [True, True, False, False]
    assert may_contain(frame.clear(), r"\A") == [False, False, False, False]
    assert may_contain(frame.select("number"), "x") == [False]
