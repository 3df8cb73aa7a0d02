"""A value that a spreadsheet has probably changed gets a warning; no row is rejected for it."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from bulk.check_result import CheckResult
from bulk.input_check import check
from unit.input.input_files import HEADER


def checked(folder: Path, ids: list[str], names: list[str] | None = None) -> CheckResult:
    """Check a file of customers with these identifiers and names."""
    path = folder / "in.csv"
    lines = [f"{id_},{name},xero,," for id_, name in zip(ids, names or ["Acme"] * len(ids), strict=True)]
    path.write_text("\n".join((HEADER, *lines)) + "\n")
    return check(path)


def warned(folder: Path, *ids: str) -> list[str]:
    """Return those of these identifiers that get a warning."""
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
        "#NAME?",  # a formula that failed
        "#N/D",
        "#DIV/0!",
        "Err:508",  # LibreOffice
        "########",  # a narrow column
        "TRUE",
        "FALSE",
        "'00123",  # typed as text, and saved with the mark
        "'-5",  # from a report by bulk
        '"=""00123"""',  # an export made for Excel
    ],
)
def test_an_identifier_in_a_form_that_spreadsheets_write_gets_a_warning(tmp_path: Path, id_: str) -> None:
    """The identifier itself is not changed."""
    assert warned(tmp_path, *OTHERS, id_) == [id_.removeprefix('"').removesuffix('"').replace('""', '"')]


@pytest.mark.parametrize(
    "id_",
    [
        "1E10",  # hexadecimal
        "12E5",
        "12E+05",  # spreadsheets write one digit before the point
        "5E-12",  # block 5E, flat 12
        "E+17",
        "1.23457",
        "MAR1",  # as its author wrote it
        "MAR-01",  # a spreadsheet writes 01-Mar
        "01-MAR",
        "32-Mar",
        "Mar",
        "1-2",
        "2026-0301",
        "2026-13-01",
        "33/44/2026",
        "1.2.10",  # a section number
        "12:30",
        "#12",
        "true",
        "'t Hof 3",
        "True North",
        "12345",
    ],
)
def test_an_identifier_that_may_be_intended_gets_no_warning(tmp_path: Path, id_: str) -> None:
    """Unusual forms are allowed."""
    assert warned(tmp_path, *OTHERS, id_) == []


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["01-Feb", "1-2"], ["01-Feb"]),  # was 1-2
        (["2026-02-01 00:00:00", "May Day"], ["2026-02-01 00:00:00"]),
        (["3.00E+08", "3E8"], ["3.00E+08"]),  # was 3E8
        (["'=Acme", "'t Hof"], ["'=Acme"]),  # from a report by bulk
        (["#NAME?", "#1 Garage"], ["#NAME?"]),  # was =Acme, or @Acme
        (["?ódź Metal", "Who?"], ["?ódź Metal"]),  # saved in an encoding without Ł
        (["GDA?SK", "What? Why??"], ["GDA?SK"]),
        (["Ltd ????", "TRUE"], ["Ltd ????"]),
        (["août.. 2026", "Aug"], ["août.. 2026"]),  # the longest form that begins with a letter
        (["Err:508", "Erring"], ["Err:508"]),
    ],
)
def test_a_name_in_a_form_that_spreadsheets_write_gets_a_warning(
    tmp_path: Path, names: list[str], expected: list[str]
) -> None:
    """The first name gets a warning; the second may be a name."""
    result = checked(tmp_path, ["1a", "2a"], names)
    assert result.warnings.select("customer_id", "field", "value").rows() == [
        ("1a", "company_name", name) for name in expected
    ]


@pytest.mark.parametrize(
    ("ids", "expected"),
    [
        (["00123", "00045", "678"], ["678"]),
        (["00123", "99999", "7", "67890"], ["7"]),
        (["00123", "678"], ["678"]),
        (["00123", "00045", "00007", "A17", "9"], ["9"]),  # other identifiers are not digits
        (["00123", "00045"], []),
        (["123", "45", "678"], []),  # none has leading zeros
        (["007", "00123", "5"], []),  # two widths
        (["00123", "123456", "5"], []),  # one is wider
        (["01", "3", "4", "5"], []),  # most are shorter
        (["0", "5", "12"], []),  # 0 alone is not a leading zero
        (["00123", "00045", "6-8"], []),  # not only digits
    ],
)
def test_an_identifier_that_lost_its_zeros_gets_a_warning(tmp_path: Path, ids: list[str], expected: list[str]) -> None:
    """The others must have one width and leading zeros."""
    assert warned(tmp_path, *ids) == expected


def test_the_remedy_shows_the_zeros(tmp_path: Path) -> None:
    """The author need not count them."""
    (remedy,) = checked(tmp_path, ["00123", "00045", "678"]).warnings["remedy"]
    assert remedy == "if your own system has 00678, write that"


LONG = [f"12345678901234567{n:02}" for n in range(1, 10)]


@pytest.mark.parametrize(
    ("ids", "expected"),
    [
        ([*LONG, "1234567890123450000"], ["1234567890123450000"]),
        (["1234567890123450", "9876543210987650"], ["1234567890123450", "9876543210987650"]),  # all of them
        ([f"12345678901234{n}" for n in range(10, 100)], []),  # every tenth number ends in a zero
        (["123456789012345"], []),  # 15 digits are kept
        (["100000000000000"], []),
        ([*LONG, "1234567890123456700"], []),  # more than 15 digits
        (["A123456789012345000"], []),  # not a number
    ],
)
def test_a_rounded_number_gets_a_warning(tmp_path: Path, ids: list[str], expected: list[str]) -> None:
    """Its zeros must be too many to be a coincidence."""
    assert warned(tmp_path, *ids) == expected


def test_a_column_of_dates_gets_one_note(tmp_path: Path) -> None:
    """They are probably intended."""
    result = checked(tmp_path, ["2026-03-01", "2026-03-02", "A1"])
    assert result.warnings.is_empty()
    assert [note[:34] for note in result.notes] == ["2 of 3 customer_ids look like date"]
    assert checked(tmp_path, ["2026-03-01", "A1"]).warnings.height == 1


def test_rejected_rows_get_warnings_too(tmp_path: Path) -> None:
    """The exception is a ragged row, whose cells may be in the wrong columns."""
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


def test_duplicates_that_a_spreadsheet_has_shortened_have_their_own_remedy(tmp_path: Path) -> None:
    """Otherwise the author might delete a customer."""
    result = checked(tmp_path, ["1.23457E+19", "1.23457E+19", "A", "A"])
    assert result.problems["remedy"].to_list() == [
        "a spreadsheet has cut off digits: write both identifiers as your own system has them",
        "keep one row for each customer",
    ]


def test_a_long_column_is_examined_as_a_whole(tmp_path: Path) -> None:
    """Only the later rows show that the first identifier is too short."""
    path = tmp_path / "in.csv"
    rows = pl.DataFrame({"customer_id": ["7", *(f"{n:08}" for n in range(1, 250_000))]})
    rows.with_columns(company_name=pl.lit("Acme"), platform=pl.lit("xero")).write_csv(path)
    assert check(path).warnings.select("code", "value").rows() == [("lost_zeros", "7"), ("other_spelling", "00000007")]


def test_the_number_of_warnings_is_limited(tmp_path: Path) -> None:
    """A long column of changed identifiers does not fill the memory."""
    path = tmp_path / "in.csv"
    ids = pl.DataFrame({"customer_id": [f"{1 + n / 100_000:.5f}E+19" for n in range(20_000)]})
    ids.with_columns(company_name=pl.lit("Acme"), platform=pl.lit("xero")).write_csv(path)
    assert check(path).warnings.height == 10_000
    assert check(path, max_lines=5).warnings["row"].to_list() == [1, 2, 3, 4, 5]
