"""What a spreadsheet has probably changed is suspected, not rejected; what may well be right is left alone."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
from rows_reading import HEADER

from bulk.input_check import CheckResult, check


def checked(folder: Path, ids: list[str], names: list[str] | None = None) -> CheckResult:
    """Check a file of customers with these identifiers, or these names."""
    path = folder / "in.csv"
    lines = [f"{id_},{name},xero,," for id_, name in zip(ids, names or ["Acme"] * len(ids), strict=True)]
    path.write_text("\n".join((HEADER, *lines)) + "\n")
    return check(path)


def suspected(folder: Path, *ids: str) -> list[str]:
    """The identifiers that are suspected among these."""
    result = checked(folder, list(ids))
    assert result.rejected == 0
    assert set(result.warnings["field"]) <= {"customer_id"}
    return result.warnings["value"].to_list()


OTHERS = ("A-1", "A-2", "A-3")


@pytest.mark.parametrize(
    "id_",
    [
        "1.23457E+19",  # Excel
        '"1,23457E+19"',  # in most of Europe
        "1.00E+05",  # 1E5 in a narrow column
        "1E+17",  # a round number
        "1.2345678901234568e+19",  # pandas
        "1.5E-05",  # 15E-6
        "01-Mar",  # MAR1, 1-3, 3/1
        "1-Mar",
        "Mar-01",
        "01-Mar-26",
        "01. Mrz",  # German
        "Mrz 26",
        "01-mars",  # French
        "01-févr-26",
        "2026-03-01 00:00:00",  # from a workbook
        "2026-03-01T00:00:00",
        "2026-03-01",
        "3/1/2026",
        "03/01/26",  # LibreOffice
        "01.03.2026",
        "01:30:00",  # 1:30
        "#NAME?",  # a formula was tried
        "#N/A",
        "#DIV/0!",
        "Err:508",  # LibreOffice
        "########",  # a column too narrow
        "TRUE",
        "FALSE",
        "'00123",  # typed so, and saved by a program that keeps the mark
        "'-5",  # out of one of our own reports
        '"=""00123"""',  # an export made for Excel
    ],
)
def test_an_identifier_in_a_form_that_spreadsheets_write_is_suspected(tmp_path: Path, id_: str) -> None:
    """It is taken as it stands all the same."""
    assert suspected(tmp_path, *OTHERS, id_) == [id_.removeprefix('"').removesuffix('"').replace('""', '"')]


@pytest.mark.parametrize(
    "id_",
    [
        "1E10",  # hexadecimal
        "12E5",
        "12E+05",  # a spreadsheet has one digit before the point
        "5E-12",  # block 5E, flat 12
        "E+17",
        "1.23457",
        "MAR1",  # as its author wrote it
        "MAR-01",  # a spreadsheet would have made 01-Mar of it
        "01-MAR",
        "32-Mar",
        "Mar",
        "1-2",
        "2026-0301",
        "2026-13-01",
        "33/44/2026",
        "1.2.10",  # a place in a tree
        "12:30",
        "#12",
        "true",
        "'t Hof 3",
        "True North",
        "12345",
    ],
)
def test_an_identifier_that_its_author_may_have_chosen_is_not_suspected(tmp_path: Path, id_: str) -> None:
    """However odd it looks."""
    assert suspected(tmp_path, *OTHERS, id_) == []


@pytest.mark.parametrize(
    ("names", "suspects"),
    [
        (["01-Feb", "1-2"], ["01-Feb"]),  # was 1-2
        (["2026-02-01 00:00:00", "May Day"], ["2026-02-01 00:00:00"]),
        (["3.00E+08", "3E8"], ["3.00E+08"]),  # was 3E8
        (["'=Acme", "'t Hof"], ["'=Acme"]),  # out of one of our own reports
        (["#NAME?", "#1 Garage"], ["#NAME?"]),  # was =Acme, or @Acme
        (["?ódź Metal", "Who?"], ["?ódź Metal"]),  # saved in an encoding without Ł
        (["Gda?sk", "What? Why??"], ["Gda?sk"]),
        (["???? Ltd", "TRUE"], ["???? Ltd"]),
        (["août.. 2026", "Aug"], ["août.. 2026"]),  # the longest form that begins with a letter
        (["Err:508", "Erring"], ["Err:508"]),
    ],
)
def test_a_name_that_was_changed_is_suspected(tmp_path: Path, names: list[str], suspects: list[str]) -> None:
    """The first of these; the second may be a name."""
    result = checked(tmp_path, ["1a", "2a"], names)
    assert result.warnings.select("customer_id", "field", "value").rows() == [
        ("1a", "company_name", name) for name in suspects
    ]


@pytest.mark.parametrize(
    ("ids", "suspects"),
    [
        (["00123", "00045", "678"], ["678"]),
        (["00123", "99999", "7", "67890"], ["7"]),
        (["00123", "678"], ["678"]),
        (["00123", "00045", "00007", "A17", "9"], ["9"]),  # another kind of identifier beside them
        (["00123", "00045"], []),
        (["123", "45", "678"], []),  # nobody has zeros: numbers, as they are counted
        (["007", "00123", "5"], []),  # no one width
        (["00123", "123456", "5"], []),  # a longer one: no one width
        (["01", "3", "4", "5"], []),  # most are shorter
        (["0", "5", "12"], []),  # a zero is no leading one
        (["00123", "00045", "6-8"], []),  # not digits alone
    ],
)
def test_an_identifier_that_lost_its_zeros_is_told_by_the_others(
    tmp_path: Path, ids: list[str], suspects: list[str]
) -> None:
    """Only where the others have one width, and zeros."""
    assert suspected(tmp_path, *ids) == suspects


def test_the_remedy_shows_the_zeros(tmp_path: Path) -> None:
    """So that the author need not count."""
    (remedy,) = checked(tmp_path, ["00123", "00045", "678"]).warnings["remedy"]
    assert remedy == "if your own system has 00678, write that"


LONG = [f"12345678901234567{n:02}" for n in range(1, 10)]


@pytest.mark.parametrize(
    ("ids", "suspects"),
    [
        ([*LONG, "1234567890123450000"], ["1234567890123450000"]),
        (["1234567890123450", "9876543210987650"], ["1234567890123450", "9876543210987650"]),  # all of them
        ([f"12345678901234{n}" for n in range(10, 100)], []),  # every tenth ends so by itself
        (["123456789012345"], []),  # 15 digits are kept
        (["100000000000000"], []),
        ([*LONG, "1234567890123456700"], []),  # has more than 15
        (["A123456789012345000"], []),  # no number
    ],
)
def test_a_long_number_that_was_rounded_is_told_by_its_zeros(
    tmp_path: Path, ids: list[str], suspects: list[str]
) -> None:
    """Only where chance does not explain them."""
    assert suspected(tmp_path, *ids) == suspects


def test_where_most_identifiers_look_like_dates_it_is_said_once(tmp_path: Path) -> None:
    """They may be meant so."""
    result = checked(tmp_path, ["2026-03-01", "2026-03-02", "A1"])
    assert result.warnings.is_empty()
    assert [note[:34] for note in result.notes] == ["2 of 3 customer_ids look like date"]
    assert checked(tmp_path, ["2026-03-01", "A1"]).warnings.height == 1


def test_suspects_come_in_the_order_of_the_rows_and_beside_faults(tmp_path: Path) -> None:
    """A row that is rejected for something else is suspected too, unless its cells stand under the wrong columns."""
    path = tmp_path / "in.csv"
    path.write_text(f"{HEADER}\n1E+05,01-Feb,xero,,\n2E+05,x\n3E+05,Acme,nothing,,\n0123,Acme,xero,,\n")
    result = check(path)
    assert (result.accepted, result.rejected) == (2, 2)
    assert result.warnings.select("row", "field").rows() == [
        (1, "customer_id"),
        (1, "company_name"),
        (3, "customer_id"),
    ]
    assert set(result.warnings.columns) == {"row", "customer_id", "code", "field", "value", "warning", "remedy"}


def test_two_that_were_shortened_to_the_same_text_are_not_told_to_be_one_customer(tmp_path: Path) -> None:
    """Dropping the second row would lose somebody."""
    result = checked(tmp_path, ["1.23457E+19", "1.23457E+19", "A", "A"])
    assert result.problems["remedy"].to_list() == [
        "a spreadsheet has cut off digits: write both identifiers as your own system has them",
        "keep one row for each customer",
    ]


def test_what_streams_by_in_many_parts_is_judged_as_a_whole(tmp_path: Path) -> None:
    """The first row is suspect for what only the later ones show."""
    path = tmp_path / "in.csv"
    rows = pl.DataFrame({"customer_id": ["7", *(f"{n:08}" for n in range(1, 250_000))]})
    rows.with_columns(company_name=pl.lit("Acme"), platform=pl.lit("xero")).write_csv(path)
    assert check(path).warnings["value"].to_list() == ["7"]


def test_no_more_suspects_are_kept_than_asked_for(tmp_path: Path) -> None:
    """A column that is spoilt from top to bottom does not fill the memory."""
    path = tmp_path / "in.csv"
    ids = pl.DataFrame({"customer_id": [f"{1 + n / 100_000:.5f}E+19" for n in range(20_000)]})
    ids.with_columns(company_name=pl.lit("Acme"), platform=pl.lit("xero")).write_csv(path)
    assert check(path).warnings.height == 10_000
    assert check(path, max_lines=5).warnings["row"].to_list() == [1, 2, 3, 4, 5]
