"""Platforms are recognized by the names that people use, and never guessed."""

from __future__ import annotations

import subprocess
import sys

import polars as pl
import pytest

from bulk import platforms
from bulk.errors import UsageError
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
        ("abcd", "abcd"),  # another key may exist in Codat
        ("Xero (UK)", "gbol"),  # with a country
        ("QuickBooks Online UK", "qhyg"),  # at the end
        ("QuickBooks Online (Canada)", "qhyg"),  # in full
        ("QUICKBOOKS ONLINE - U.K.", "qhyg"),  # with full stops
        ("Intuit QBO (US)", "qhyg"),  # with its maker
        ("Xero New Zealand", "gbol"),  # in two words
        ("QuickBooks (AU) Online", "qhyg"),  # in the middle, in parentheses
        ("Sage Intacct South Africa", "knfz"),
        ("ＸＥＲＯ", "gbol"),  # full-width letters
        ("ＧＢＯＬ", "gbol"),
        ("Xero™", "gbol"),  # with a sign
        ("QuickBooks® Online", "qhyg"),
        ("Xéro", "gbol"),  # with an accent
        ("QBO Plus", "qhyg"),  # an edition
        ("NetSuite by Oracle", "akxx"),
        ("QuickBooks UK", None),  # two products in any country
        ("Xero/Dext", None),  # two products
        ("UK", None),  # a country alone
        ("Хеro", None),  # letters of another alphabet
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


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("Sage 50", "knfz"),  # the user's name
        (" sage-50 ", "knfz"),  # in another case
        ("QuickBooks", "qhyg"),  # no longer ambiguous
        ("弥生会計", "abcd"),  # in any alphabet, with a key of any four letters
        ("Xero", "pbtz"),  # more important than the table
        ("Wave", "pbtz"),  # other names stay
        ("Sage", None),
    ],
)
def test_the_user_can_name_platforms(text: str, key: str | None) -> None:
    """A key may also be given as the name of a known platform."""
    pairs = {"Sage 50": "KNFZ", "QuickBooks": "QuickBooks Online", "弥生会計": "abcd", "Xero": "Wave"}
    assert platform_key(text.strip(), platforms.read_names(pairs)) == key


@pytest.mark.parametrize(
    "pairs", [{"Sage 50": "Sage"}, {"Sage 50": "abcde"}, {" ": "knfz"}, {"Sage 50": "knfz", "sage-50": "tgff"}]
)
def test_a_name_without_one_key_is_an_error(pairs: dict[str, str]) -> None:
    """It would be ignored, or one of two keys would be."""
    with pytest.raises(UsageError, match="--platform-name"):
        platforms.read_names(pairs)


def test_a_new_name_replaces_the_same_name_in_another_spelling() -> None:
    """Case, spaces, `-` and `_` do not matter; other names stay."""
    known = {"Sage 50": "knfz", "My Books": "rwuv"}
    assert platforms.merged_names(known, {"sage-50": "tgff", "New": "gbol"}) == {
        "My Books": "rwuv",
        "sage-50": "tgff",
        "New": "gbol",
    }


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
