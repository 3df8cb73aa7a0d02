"""A name is sent in the form that Codat keeps."""

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
        ("A-Z a.z, 0'9 & @ ? !", "A-Z a.z, 0'9 & @ ? !"),  # every character that Codat keeps
        ("Café Ångström", "Cafe Angstrom"),  # letters with accents
        ("Cafe\u0301", "Cafe"),  # accents as separate characters
        ("Smørrebrød Straße Łódź", "Smorrebrod Strasse Lodz"),  # letters that Unicode does not decompose
        ("Ǿre", "Ore"),  # both in one letter
        ("Ærø Œuvre Þór Đorđe ıħ", "AEro OEuvre Thor Dorde ih"),  # more of them
        ("O’Brien – Söhne´s", "O'Brien - Sohnes"),  # typographic signs
        ("“Die Bäckerei” „Zum Löwen‟", "'Die Backerei' 'Zum Lowen'"),
        ("«L‑Été» ‹A—B›", "'L-Ete' 'A-B'"),
        ('Acme "Best" Ltd', "Acme Best Ltd"),  # Codat removes other quotes
        ("Ａｃｍｅ　Ｌｔｄ", "Acme Ltd"),  # full-width letters and spaces
        ("Acme\u00a0 \t\n Ltd", "Acme Ltd"),  # white space becomes one space
        ("Acme / Sons", "Acme Sons"),  # removed characters leave no double space
        ("Ac\u200bme", "Acme"),  # invisible characters disappear
        ("  (Acme)  ", "Acme"),  # removed characters leave no space at the ends
        ("株式会社", ""),  # nothing is left
        ("Москва", ""),  # other scripts are not transcribed
        ("", ""),  # empty
    ],
)
def test_a_name_is_folded_to_the_characters_that_codat_keeps(name: str, kept: str) -> None:
    """One name and a column of names have the same result."""
    assert fold_name(name) == kept
    assert pl.DataFrame({"n": [name, None]}).select(fold_names(pl.col("n"))).to_series().to_list() == [kept, None]


NAMES = st.text(alphabet=st.one_of(st.characters(), st.sampled_from("éüßø ÆŁ&'-\t\n  abcXYZ’")))


@given(NAMES)
def test_a_folded_name_has_only_characters_that_codat_keeps(name: str) -> None:
    """It has no double spaces and no spaces at the ends, and folding it again changes nothing."""
    kept = fold_name(name)
    assert re.fullmatch(r"[A-Za-z0-9\-'&@.,?! ]*", kept)
    assert "  " not in kept
    assert kept == kept.strip()
    assert fold_name(kept) == kept


@given(st.lists(st.one_of(st.none(), NAMES.filter(lambda name: name.isprintable())), max_size=8))
def test_a_column_is_folded_name_by_name(names: list[str | None]) -> None:
    """The other names in the column make no difference, and each name stays in its place."""
    column = pl.DataFrame({"n": names}, schema={"n": pl.String}).select(fold_names(pl.col("n")).alias("k"))
    assert column["k"].to_list() == [None if name is None else fold_name(name) for name in names]


@given(st.text(alphabet="abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 -'&@.,?!"))
def test_allowed_characters_are_never_removed(name: str) -> None:
    """A name of allowed characters loses only unnecessary spaces."""
    assert fold_name(name) == " ".join(name.split())
    assert unicodedata.normalize("NFKD", name) == name
