"""A cell of a CSV file never runs as a formula, and comes back as it was."""

from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulk.rows import guard, unguard


def applied(rule: pl.Expr, text: str | None) -> str | None:
    """The rule's outcome for one text in column `text`."""
    frame = pl.DataFrame({"text": [text]}, schema={"text": pl.String})
    outcome: str | None = frame.select(rule).item()
    return outcome


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("=1+1", "'=1+1"),  # the plain formula
        ("+44 20 7946 0000", "'+44 20 7946 0000"),  # a telephone number runs too
        ("-5", "'-5"),  # a sign is enough
        ("@SUM(A1)", "'@SUM(A1)"),  # an old spreadsheet's formula
        ("\t=1", "'\t=1"),  # a tab is dropped by some readers
        ("\rx", "'\rx"),  # so is a carriage return
        ("＝1+1", "'＝1+1"),  # full-width signs are taken for plain ones
        ("  =1", "'  =1"),  # blanks are looked past
        ('"=1', "'\"=1"),  # so is a quote
        ("\ufeff=1", "'\ufeff=1"),  # and what nobody sees
        ("'=1", "''=1"),  # an apostrophe of the author's own is kept apart from ours
        ("''=1", "'''=1"),  # however many there are
        ("'quoted'", "'quoted'"),  # an apostrophe before an ordinary letter is left alone
        ("a=1", "a=1"),  # a sign in the middle is harmless
        ("O'Brien", "O'Brien"),  # as is an apostrophe there
        ("", ""),  # nothing stays nothing
        (None, None),  # and a missing text missing
    ],
)
def test_a_cell_that_would_run_gets_one_apostrophe(text: str | None, written: str | None) -> None:
    """Only what a spreadsheet would run is changed, by one character."""
    assert applied(guard(pl.col("text")), text) == written
    assert applied(unguard(pl.col("text")), written) == text


ALARMING = st.text(alphabet=st.sampled_from("'=+-@＝＋－＠\t\r\n \"a0\u200b\ufeff"), max_size=8)


@given(st.one_of(st.text(), ALARMING))
def test_any_text_survives_the_way_there_and_back(text: str) -> None:
    """Guarding and unguarding any text gives that text."""
    assert applied(unguard(guard(pl.col("text"))), text) == text


@given(st.one_of(st.text(), ALARMING))
def test_no_guarded_text_begins_like_a_formula(text: str) -> None:
    """What a spreadsheet finds first, past blanks and quotes, is never a sign that starts a formula."""
    written = applied(guard(pl.col("text")), text)
    assert written is not None
    assert not written.startswith(("\t", "\r"))
    assert not written.lstrip(' \t\r\n\u200b\ufeff"').startswith(("=", "+", "-", "@", "＝", "＋", "－", "＠"))
