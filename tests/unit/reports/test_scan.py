"""The search for texts that need an escape: it may find too many, never too few."""

from __future__ import annotations

import re

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulk.reports.scan import END, START, may_contain

TEXTS = st.lists(st.none() | st.text("a =\ue000\n", max_size=4), max_size=5)


@given(texts=TEXTS)
@pytest.mark.parametrize(
    ("inside", "alone"),
    [("=", "="), (f"{START}=", r"\A="), (f"={END}", r"=\Z"), (f"{START}{END}", r"\A\Z"), (rf"\s{END}", r"\s\Z")],
)
def test_every_text_that_matches_is_found(inside: str, alone: str, texts: list[str | None]) -> None:
    """The ends of each text count, wherever it is in the column."""
    if any(text is not None and re.search(alone, text) for text in texts):
        assert may_contain(pl.DataFrame({"a": texts}, schema={"a": pl.String}), inside) == [True]


@pytest.mark.parametrize("texts", [[], [None, None], ["a", None, "b="]])
def test_a_column_without_a_match_is_known(texts: list[str | None]) -> None:
    """The sign is not at the start of any text. Nulls are no texts."""
    assert may_contain(pl.DataFrame({"a": texts}, schema={"a": pl.String}), f"{START}=") == [False]


@pytest.mark.parametrize("name", ["*", "^.*$", "b"])
def test_each_column_is_searched_for_itself(name: str) -> None:
    """Numbers are no texts, and a column may have any name."""
    assert may_contain(pl.DataFrame({"": [1], "a": ["b"], name: ["="]}), "=") == [False, False, True]
