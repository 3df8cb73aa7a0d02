"""A name is shown and sent as Codat will keep it."""

from __future__ import annotations

import re
import unicodedata

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulk.input import fold_name, fold_names


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("Example Company (Codat[1])", "Example Company Codat1"),  # Codat's own example
        ("A-Z a.z, 0'9 & @ ? !", "A-Z a.z, 0'9 & @ ? !"),  # every character that it keeps
        ("Café Ångström", "Cafe Angstrom"),  # accents in one piece with their letters
        ("Cafe\u0301", "Cafe"),  # and as characters of their own
        ("Smørrebrød Straße Łódź", "Smorrebrod Strasse Lodz"),  # letters that Unicode does not take apart
        ("Ǿre", "Ore"),  # a letter of both kinds
        ("Ærø Œuvre Þór Đorđe ıħ", "AEro OEuvre Thor Dorde ih"),  # more of those
        ("O’Brien – Söhne´s", "OBrien Sohnes"),  # typographic signs are none of those that Codat keeps
        ("Ａｃｍｅ　Ｌｔｄ", "Acme Ltd"),  # full-width letters and blanks
        ("Acme\u00a0 \t\n Ltd", "Acme Ltd"),  # any run of white space is one blank
        ("Acme / Sons", "Acme Sons"),  # what is dropped leaves no double blank
        ("Ac\u200bme", "Acme"),  # invisible characters vanish
        ("  (Acme)  ", "Acme"),  # nor does it leave blanks at the ends
        ("株式会社", ""),  # nothing is left
        ("Москва", ""),  # no other script is guessed at
        ("", ""),  # nothing stays nothing
    ],
)
def test_a_name_is_folded_to_what_codat_keeps(name: str, kept: str) -> None:
    """The scalar and the column give the same, plain name."""
    assert fold_name(name) == kept
    assert pl.DataFrame({"n": [name, None]}).select(fold_names(pl.col("n"))).to_series().to_list() == [kept, None]


NAMES = st.text(alphabet=st.one_of(st.characters(), st.sampled_from("éüßø ÆŁ&'-\t\n  abcXYZ’")))


@given(NAMES)
def test_a_folded_name_holds_only_what_codat_keeps(name: str) -> None:
    """No other character, no double blank and no blank at the ends is left, and folding again changes nothing."""
    kept = fold_name(name)
    assert re.fullmatch(r"[A-Za-z0-9\-'&@.,?! ]*", kept)
    assert "  " not in kept
    assert kept == kept.strip()
    assert fold_name(kept) == kept


@given(st.lists(st.one_of(st.none(), NAMES.filter(lambda name: name.isprintable())), max_size=8))
def test_a_column_is_folded_name_by_name(names: list[str | None]) -> None:
    """Whatever stands beside it in the column, each name comes out as it does alone, in its place."""
    column = pl.DataFrame({"n": names}, schema={"n": pl.String}).select(fold_names(pl.col("n")).alias("k"))
    assert column["k"].to_list() == [None if name is None else fold_name(name) for name in names]


@given(st.text(alphabet="abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 -'&@.,?!"))
def test_allowed_characters_are_never_dropped(name: str) -> None:
    """A name of allowed characters only loses superfluous blanks."""
    assert fold_name(name) == " ".join(name.split())
    assert unicodedata.normalize("NFKD", name) == name
