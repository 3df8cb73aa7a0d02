"""Two spellings of one identifier in one file are two customers, and `check` warns of the later one."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulk.input.duplicates import FirstRows
from bulk.input.same_spellings import FORMS, MAY_DIFFER, SameSpellings, keys
from bulk.input_check import check
from bulk.spellings import spelling_key

UUID = "550e8400-e29b-41d4-a716-446655440000"


def warned(folder: Path, *ids: str) -> list[tuple[int, str]]:
    """Return the row and the sentence of each warning of another spelling."""
    path = folder / "in.csv"
    path.write_text("customer_id;company_name;platform\n" + "".join(f'"{each}";Ash;xero\n' for each in ids), "utf-8")
    result = check(path)
    assert result.rejected == 0
    found = result.warnings.filter(code="other_spelling")
    assert set(found["field"]) <= {"customer_id"}
    return found.select("row", "warning").rows()


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("00123", "123"),
        ("123", "00123"),
        ("’001", "1"),
        ("`001", "1"),
        ("“5551”", "5551"),
        ("00123", "0123"),
        ("1001", "1001.0"),
        ("1,001", "1001"),
        ("1001.0", "1001.00"),
        (UUID, UUID.upper()),
        (UUID.replace("-", ""), "{" + UUID + "}"),
        ("Größe 1", "Gro\u0308ße 1"),
        ("A 1", "A\u00a01"),
        ("A 1", "A  1"),
        ("A1", "A\u200b1"),
        ("A1", "Ａ1"),
        ("'001", "1"),
    ],
)
def test_the_later_of_two_spellings_has_a_warning(tmp_path: Path, first: str, second: str) -> None:
    """It names the earlier one."""
    ids = ("X-1", first, "X-2", second)
    assert warned(tmp_path, *ids) == [(4, f"is perhaps another spelling of {first} in row 2")]


@pytest.mark.parametrize(
    "ids", [("a1", "A1"), ("00123", "00124"), ("1001.0", "1002"), (UUID, UUID[:-1] + "1"), ("A", "B")]
)
def test_other_identifiers_have_no_warning(tmp_path: Path, ids: tuple[str, ...]) -> None:
    """Letter case alone is never another spelling."""
    assert warned(tmp_path, *ids) == []


def test_each_further_spelling_names_the_first_one(tmp_path: Path) -> None:
    """There is one warning for each."""
    sentence = "is perhaps another spelling of 123 in row 1"
    assert warned(tmp_path, "123", "0123", "7", "123.0") == [(2, sentence), (4, sentence)]


TEXTS = st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1, max_size=12)
NUMBERS = st.text("0123456789.,'’‘`“”„ eE+-=\"\uff11\u00a0{}", min_size=1, max_size=12)
UUIDS = (
    st.uuids()
    .map(str)
    .flatmap(lambda uuid: st.sampled_from([uuid, uuid.upper(), f"{{{uuid}}}", uuid.replace("-", "")]))
)
IDS = st.lists((TEXTS | NUMBERS | UUIDS).map(str.strip).filter(bool), min_size=1, max_size=12)


@given(IDS)
def test_the_keys_of_a_column_are_those_of_its_identifiers(ids: list[str]) -> None:
    """The calculation for whole columns is only faster."""
    assert keys(pl.Series(ids)).to_list() == [spelling_key(each) for each in ids]


@given(IDS)
def test_every_identifier_that_differs_from_its_key_is_found(ids: list[str]) -> None:
    """Nearly all identifiers are not looked at."""
    rows = pl.DataFrame({"customer_id": ids})
    is_found = rows.select(pl.col("customer_id").str.contains(FORMS) | MAY_DIFFER).to_series()
    for each, found in zip(ids, is_found, strict=True):
        assert found or each.isdigit() or spelling_key(each) == each


@given(IDS)
def test_pairs_are_identifiers_with_equal_keys(ids: list[str]) -> None:
    """The first spelling of each key has no warning, and the others name it."""
    ids = list(dict.fromkeys(ids))
    rows = pl.DataFrame({"row": range(1, len(ids) + 1), "customer_id": ids})
    all_ids, same = FirstRows(), SameSpellings()
    all_ids.repeated(rows)
    is_padded = rows["customer_id"].str.contains(r"\A0[0-9]+\z")
    same.add_padded(rows.filter(is_padded))
    same.add(rows.filter(~is_padded))
    first: dict[str, tuple[int, str]] = {}
    expected = []
    for row, each in enumerate(ids, 1):
        start = first.setdefault(spelling_key(each), (row, each))
        if start[0] != row:
            expected.append((row, each, *start))
    assert sorted(same.pairs(all_ids, has_widths=True).rows()) == expected
