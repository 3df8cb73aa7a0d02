"""Platforms are recognized under the names that people use, and never guessed."""

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
        ("QuickBooks Online", "qhyg"),  # the proper name
        ("Quickbooks Online", "qhyg"),  # without regard to case
        ("quickbooks-online", "qhyg"),  # to punctuation
        ("quickbooks_online", "qhyg"),  # of any kind
        ("QuickBooksOnline", "qhyg"),  # to blanks
        ("QBO", "qhyg"),  # its short name
        ("Q.B.O.", "qhyg"),  # with points
        ("Intuit QuickBooks Online", "qhyg"),  # with its maker
        ("Quick Books Desktop", "pqsw"),  # in three words
        ("QBD", "pqsw"),  # a short name
        ("qbdt", "pqsw"),  # four letters, but a name all the same
        ("QuickBooks Enterprise", "pqsw"),  # an edition that exists on the desktop only
        ("xero", "gbol"),  # four letters that are a name
        ("XERO", "gbol"),  # in capitals
        ("gbol", "gbol"),  # Codat's key
        ("GBOL", "gbol"),  # however it is written
        ("FreeAgent", "fbrh"),  # one word
        ("Free Agent", "fbrh"),  # or two
        ("NetSuite", "akxx"),  # without its maker
        ("Oracle NetSuite", "akxx"),  # with it
        ("Net Suite", "akxx"),  # in two words
        ("Business Central", "trji"),  # the short name
        ("Dynamics 365 Business Central", "trji"),  # the proper one
        ("Dynamics 365 BC", "trji"),  # half and half
        ("D365 BC", "trji"),  # shorter
        ("MS BC", "trji"),  # with the maker's initials
        ("Microsoft Dynamics 365 Business Central", "trji"),  # everything
        ("Wave", "pbtz"),  # beyond the six
        ("Zoho Books", "rwuv"),  # beyond the six
        ("Sage Intacct", "knfz"),  # beyond the six
        ("Sage Accounting", "tgff"),  # beyond the six
        ("abcd", "abcd"),  # any other key may be right for a client
        ("QuickBooks", None),  # two products
        ("Intuit QuickBooks", None),  # still two
        ("Sage", None),  # many products, though four letters
        ("Dynamics 365", None),  # a suite
        ("MYOB", None),  # four letters, but a maker and no key
        ("none", None),  # four letters, but no key
        ("Xreo", None),  # a slip of the finger, though four letters
        ("Peachtree", None),  # not known
        ("abcde", None),  # no key has five letters
        ("ab1d", None),  # nor a digit
        ("a b c d", None),  # nor blanks
        ("büro", None),  # nor an accent
        ("", None),  # nothing
    ],
)
def test_a_platform_is_known_by_what_people_write(text: str, key: str | None) -> None:
    """Case, spaces and punctuation make no difference."""
    assert platform_key(text) == key


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("QuickBooks", ["QuickBooks Online", "QuickBooks Desktop"]),  # ambiguous: both products
        ("quickbook", ["QuickBooks Online", "QuickBooks Desktop"]),
        ("Sage", ["Sage Intacct", "Sage Accounting"]),
        ("Xreo", ["Xero"]),  # the nearest
        ("Free Agnet", ["FreeAgent"]),
        ("netsuit", ["Oracle NetSuite"]),
        ("Peachtree", []),  # none is similar
        ("none", []),  # a word
        ("x" * 10_000, []),
    ],
)
def test_the_nearest_platforms_of_an_unknown_text_are_found(text: str, names: list[str]) -> None:
    """All products of an ambiguous text, or the one with the most similar name."""
    assert list(platforms.nearest(text)) == names


def test_each_name_of_a_key_leads_to_that_key() -> None:
    """Names and keys are one table, read from both ends."""
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
