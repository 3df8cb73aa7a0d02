"""Cells of CSV files never run as formulas, and escaping is reversible."""

from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulk.text import escape_formula, unescape_formula


def escaped(text: str) -> str:
    """Escape one text."""
    return str(pl.select(escape_formula(pl.lit(text))).item())


def unescaped(text: str) -> str:
    """Unescape one text."""
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
        "＝1+1",  # full-width characters count as the plain ones
        "＋1",
        "－1",
        "＠x",
        "  =1+1",  # spreadsheets trim
        '"=1+1',  # and remove quotes
        "\u00a0=1",
        "\ufeff=1",
        "\u200b=1",
        "\x00=1",
        "'=1",  # otherwise it would look like an escaped text
        "''=1",
    ],
)
def test_a_text_that_begins_like_a_formula_gets_one_apostrophe(text: str) -> None:
    """Nothing else changes."""
    assert escaped(text) == "'" + text


@pytest.mark.parametrize("text", ["", "Acme", "00123", "a=b", "O'Neill", "'s Graven", "''", "株式会社", " x", "'"])
def test_every_other_text_stays_as_it_is(text: str) -> None:
    """An apostrophe in front of an ordinary text is the customer's own."""
    assert escaped(text) == text
    assert unescaped(text) == text


@given(st.text() | st.text("='\"+-@ \t\r\n＝a", max_size=8))
def test_every_text_comes_back_unchanged(text: str) -> None:
    """Unescaping reverses escaping."""
    assert unescaped(escaped(text)) == text


def test_a_missing_text_stays_missing() -> None:
    """Null has nothing to escape."""
    assert pl.select(escape_formula(pl.lit(None, dtype=pl.String))).item() is None
