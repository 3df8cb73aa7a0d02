"""The time for a report grows with its columns, not with their square. Some exports have thousands of them."""

from __future__ import annotations

import time

import polars as pl

from bulk.reports.html.encoding import encode
from bulk.reports.input_columns import InputColumns
from bulk.reports.scan import may_contain

NAMES = [f"column {number}" for number in range(10_000)]
MAX_SECONDS = 10
"""Ten times what each step takes, and a tenth of what it takes if each column looks at all columns."""


def test_thousands_of_columns_are_encoded_for_the_page_in_seconds() -> None:
    """Each column is looked at alone."""
    started = time.process_time()
    assert encode(pl.DataFrame({name: ["a", None] for name in NAMES})).count("column") == len(NAMES)
    assert time.process_time() - started < MAX_SECONDS


def test_thousands_of_input_columns_are_restored_in_seconds() -> None:
    """The names of the file's columns are collected once."""
    started = time.process_time()
    columns = InputColumns([NAMES], taken=("row", "column 7"))
    frame = columns.append_to(pl.DataFrame({"row": [1], "extra": ['{"column 7":"x"}']}))
    assert frame.width == 1 + len(NAMES)
    assert frame["column 7 (input)"].to_list() == ["x"]
    assert time.process_time() - started < MAX_SECONDS


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
