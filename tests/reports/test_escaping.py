"""Cells of a CSV never run as formulas, and are read back as they were."""

from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulk.text import escape_formula, unescape_formula


def guarded(text: str) -> str:
    """Guard one text."""
    return str(pl.select(escape_formula(pl.lit(text))).item())


def unguarded(text: str) -> str:
    """Unguard one text."""
    return str(pl.select(unescape_formula(pl.lit(text))).item())


@pytest.mark.parametrize(
    "text",
    [
        "=1+1",
        "+1",
        "-1",
        "@SUM(A1)",
        "\tx",  # some readers drop the tab and run the rest
        "\rx",
        "\nx",
        "＝1+1",  # full-width signs count as the plain ones
        "＋1",
        "－1",
        "＠x",
        "  =1+1",  # spreadsheets trim
        '"=1+1',  # and take quotes away
        "\u00a0=1",
        "\ufeff=1",
        "\u200b=1",
        "\x00=1",
        "'=1",  # otherwise it looks like an escaped one
        "''=1",
    ],
)
def test_a_text_that_begins_like_a_formula_gets_one_apostrophe(text: str) -> None:
    """One apostrophe comes before it, and nothing else changes."""
    assert guarded(text) == "'" + text


@pytest.mark.parametrize("text", ["", "Acme", "00123", "a=b", "O'Neill", "'s Graven", "''", "株式会社", " x", "'"])
def test_every_other_text_stays_as_it_is(text: str) -> None:
    """An apostrophe in front of an ordinary text is the customer's own."""
    assert guarded(text) == text
    assert unguarded(text) == text


@given(st.text() | st.text("='\"+-@ \t\r\n＝a", max_size=8))
def test_every_text_comes_back_unchanged(text: str) -> None:
    """Unguarding undoes guarding, whatever the text is."""
    assert unguarded(guarded(text)) == text


def test_a_missing_text_stays_missing() -> None:
    """Null stays null: nothing is escaped."""
    assert pl.select(escape_formula(pl.lit(None, dtype=pl.String))).item() is None
