"""Platforms are recognized by the names that people use, and never guessed."""

from __future__ import annotations

import subprocess
import sys

import polars as pl
import pytest

from bulk import platforms
from bulk.platforms import NAMES, platform_key


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("QuickBooks Online", "qhyg"),  # the name
        ("Quickbooks Online", "qhyg"),  # in another case
        ("quickbooks-online", "qhyg"),  # with a hyphen
        ("quickbooks_online", "qhyg"),  # with an underscore
        ("QuickBooksOnline", "qhyg"),  # without a space
        ("QBO", "qhyg"),  # the short name
        ("Q.B.O.", "qhyg"),  # with full stops
        ("Intuit QuickBooks Online", "qhyg"),  # with its maker
        ("Quick Books Desktop", "pqsw"),  # in three words
        ("QBD", "pqsw"),  # a short name
        ("qbdt", "pqsw"),  # four letters, but a name
        ("QuickBooks Enterprise", "pqsw"),  # an edition for the desktop
        ("xero", "gbol"),  # four letters, but a name
        ("XERO", "gbol"),  # in capitals
        ("gbol", "gbol"),  # Codat's key
        ("GBOL", "gbol"),  # in capitals
        ("FreeAgent", "fbrh"),  # one word
        ("Free Agent", "fbrh"),  # in two words
        ("NetSuite", "akxx"),  # without its maker
        ("Oracle NetSuite", "akxx"),  # with its maker
        ("Net Suite", "akxx"),  # in two words
        ("Business Central", "trji"),  # the short name
        ("Dynamics 365 Business Central", "trji"),  # the name
        ("Dynamics 365 BC", "trji"),  # partly abbreviated
        ("D365 BC", "trji"),  # shorter
        ("MS BC", "trji"),  # with the maker's initials
        ("Microsoft Dynamics 365 Business Central", "trji"),  # with its maker
        ("Wave", "pbtz"),  # not supported by Expenses
        ("Zoho Books", "rwuv"),  # supported by Expenses
        ("Sage Intacct", "knfz"),  # supported by Expenses
        ("Sage Accounting", "tgff"),  # not supported by Expenses
        ("abcd", "abcd"),  # another key may be enabled for a client
        ("QuickBooks", None),  # two products
        ("Intuit QuickBooks", None),  # two products
        ("Sage", None),  # many products
        ("Dynamics 365", None),  # a product family
        ("MYOB", None),  # four letters, but a maker
        ("none", None),  # four letters, but a word
        ("Xreo", None),  # four letters, but a typing error
        ("Peachtree", None),  # unknown
        ("abcde", None),  # five letters
        ("ab1d", None),  # a digit
        ("a b c d", None),  # spaces
        ("büro", None),  # an accent
        ("", None),  # empty
    ],
)
def test_a_platform_is_recognized_by_its_spellings(text: str, key: str | None) -> None:
    """Case, spaces and punctuation make no difference."""
    assert platform_key(text) == key


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("QuickBooks", ["QuickBooks Online", "QuickBooks Desktop"]),  # ambiguous: both products
        ("quickbook", ["QuickBooks Online", "QuickBooks Desktop"]),
        ("Sage", ["Sage Intacct", "Sage Accounting"]),
        ("Xreo", ["Xero"]),  # the most similar name
        ("Free Agnet", ["FreeAgent"]),
        ("netsuit", ["Oracle NetSuite"]),
        ("Peachtree", []),  # nothing similar
        ("none", []),  # a word
        ("x" * 10_000, []),
    ],
)
def test_the_nearest_platforms_of_an_unknown_text_are_found(text: str, names: list[str]) -> None:
    """All products of an ambiguous text, or the one with the most similar name."""
    assert list(platforms.nearest(text)) == names


def test_the_name_of_each_platform_leads_to_its_key() -> None:
    """Reports show these names, and a report can be an input."""
    assert {key: platform_key(name) for key, name in NAMES.items()} == {key: key for key in NAMES}


def test_expenses_supports_eight_platforms() -> None:
    """The keys are those that Codat documents for the product."""
    assert set(platforms.SUPPORTED) == {"trji", "fbrh", "akxx", "pqsw", "qhyg", "gbol", "knfz", "rwuv"}


def test_a_column_of_keys_becomes_a_column_of_names() -> None:
    """A key without a known name stays as it is, and a missing one stays missing."""
    keys = pl.DataFrame({"key": ["knfz", "abcd", None]})
    assert keys.select(platforms.platform_names(pl.col("key"))).to_series().to_list() == ["Sage Intacct", "abcd", None]


def test_the_table_needs_no_polars() -> None:
    """Commands that read no file start without it."""
    command = [sys.executable, "-c", "import bulk.problems, sys; sys.exit('polars' in sys.modules)"]
    assert subprocess.run(command, check=False).returncode == 0
