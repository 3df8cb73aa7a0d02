"""A word that a program writes for a missing value counts as an empty cell."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from bulk.input.empty import NULL_WORDS
from bulk.input_check import check
from unit.input.input_files import HEADER, read_rows


@pytest.mark.parametrize("word", [*NULL_WORDS, " NULL ", "\u00a0nan"])
def test_a_word_for_a_missing_value_counts_as_empty(tmp_path: Path, word: str) -> None:
    """In a required field the row is rejected, and in any other field nothing is there."""
    outcome = read_rows(
        tmp_path,
        f"{word},Acme,xero,,",
        f"2,{word},xero,,",
        f"3,Acme,{word},,",
        f"4,Acme,xero,{word},{word}",
        f"{word},Acme,xero,,",
    )
    assert outcome.found == [
        (1, "customer_id", "is missing"),
        (2, "company_name", "is missing"),
        (3, "platform", "is missing"),
        (5, "customer_id", "is missing"),  # no repeated identifier
    ]
    assert {one["value"] for _, one in outcome.problems} == {word.strip()}
    assert outcome.accepted.select("customer_id", "email", "description").rows() == [("4", None, None)]
    assert outcome.accepted.height + outcome.rejected.height == 5


@pytest.mark.parametrize("text", ["Nan", "NAN", "NONE", "none", "Null", "NA", "-", "Nullarbor", "N", "nano", "null 1"])
def test_a_word_in_another_spelling_may_be_a_name(tmp_path: Path, text: str) -> None:
    """Null is a surname, and nan is a bread."""
    outcome = read_rows(tmp_path, f"{text},{text},xero,,{text}")
    assert outcome.accepted.select("customer_id", "company_name", "description").rows() == [(text, text, text)]


def test_the_words_count_as_empty_in_parquet_too(tmp_path: Path) -> None:
    """The same file has the same customers in every format."""
    rows = {"customer_id": ["1", "None"], "company_name": ["Acme", "Acme"], "platform": ["xero", "xero"]}
    pl.DataFrame(rows | {"email": ["NULL", "nan"]}).write_parquet(tmp_path / "in.parquet")
    result = check(tmp_path / "in.parquet")
    assert (result.accepted, result.rejected, result.warnings.height) == (1, 1, 0)


def test_other_columns_keep_the_words(tmp_path: Path) -> None:
    """They are returned in the reports as they are."""
    path = tmp_path / "in.csv"
    path.write_text(f"{HEADER},note\n1,Acme,xero,,,NULL\n")
    assert read_rows(tmp_path, "1,Acme,xero,,,NULL", header=f"{HEADER},note").extras() == {"note": "NULL"}
