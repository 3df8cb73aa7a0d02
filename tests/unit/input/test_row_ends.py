"""Each row is read or rejected by its own cells, whatever the other rows are."""

from __future__ import annotations

from pathlib import Path

import pytest

from bulk.errors import InputError
from bulk.input.id_file import read_ids
from unit.input.input_files import Outcome, read_text

NAMES = "customer_id,company_name,platform,email"
MOVED = "customer_id,platform,company_name,email"
REJECTED = None


def read_one(folder: Path, row: str, *, header: str = NAMES, others: str = "") -> Outcome:
    """Read a table whose row `0005` is this one."""
    return read_text(folder, f"{header}\n{others}{row}\n")


@pytest.mark.parametrize("others", ["", "1,F1,Xero,a@x.example\n" * 1_100, "1,F1,Xero,a@x.example,\n" * 1_100])
@pytest.mark.parametrize(
    ("row", "name"),
    [
        ("0005,Ash,Xero,a@x.example", "Ash"),
        ("0005,Ash,Xero,a@x.example,", "Ash"),  # a delimiter at the end
        ("0005,Ash,Xero,a@x.example,,,,", "Ash"),  # several ones
        ("0005,Ash,Xero,a@x.example, , ", "Ash"),  # with blanks between them
        ('0005,"Ash, Sons",Xero,a@x.example,', "Ash, Sons"),  # quotes
        ('0005,Ash,Xero,a@x.example,""', "Ash"),  # quotes without a text
        ("0005,Ash,Xero,,", "Ash"),  # the last column is empty too
        ("0005, Ash, Xero, a@x.example,", "Ash"),  # a blank after each delimiter
        ("0005,Ash,Xero,", "Ash"),  # the last cell is empty
        ("0005,Ash,Xero", "Ash"),  # it is missing
        ("0005,Ash", REJECTED),  # the platform is missing
        ("0005,Ash,Xero,a@x.example,x", REJECTED),  # a text beyond the last column
        ("0005,Ash,Xero,a@x.example,,x", REJECTED),  # after an empty cell
        ("0005,Ash,Xero,a@x.example" + "," * 30, REJECTED),  # too many cells to look at
        ("0005,Ash, Sons,Xero,a@x.example", REJECTED),  # a comma in the name
        ("0005,Ash, Sons,Xero,", REJECTED),  # and an empty end
        ("0005,Ash, Sons,Xero,a@x.example,", REJECTED),
    ],
)
def test_the_cells_beyond_the_last_column_matter_only_if_they_have_text(
    tmp_path: Path, row: str, name: str | None, others: str
) -> None:
    """A thousand other rows change nothing."""
    outcome = read_one(tmp_path, row, others=others)
    names = dict(outcome.accepted.select("customer_id", "company_name").rows())
    assert names.get("0005") == name
    assert ("1" in names) == bool(others)


@pytest.mark.parametrize(
    "row",
    [
        "0005,Xero,Ash, Sons,",  # the rest of the name would be the email
        "0005,Xero,Ash,Sons,",
        "0005,Xero,Ash, Sons,,",
        "Rome, Italy,0005,Xero,Ash,",
    ],
)
def test_a_row_whose_cells_have_moved_is_rejected_though_its_end_is_empty(tmp_path: Path, row: str) -> None:
    """An unquoted delimiter before the last column has moved them."""
    header = f"city,{MOVED}" if row.startswith("Rome") else MOVED
    outcome = read_one(tmp_path, row, header=header)
    assert outcome.ids == []
    assert "put double quotes around" in str(outcome.problems[0]) or outcome.found[0][1] == "row"


def test_rows_with_empty_ends_are_noted(tmp_path: Path) -> None:
    """Blank rows are not among them."""
    outcome = read_text(tmp_path, f"{NAMES}\n1,Ash,Xero,,\n,,,,,\n2,Birch,Xero,\n3,Cog,Xero,,,,\n")
    assert outcome.ids == ["1", "2", "3"]
    assert "2 rows have empty cells beyond the last column; they are ignored" in outcome.opened.notes
    one = read_text(tmp_path, f"{NAMES}\n1,Ash,Xero,,\n").opened.notes
    assert "1 row has empty cells beyond the last column; they are ignored" in one


def test_a_row_of_identifiers_whose_cells_have_moved_is_refused(tmp_path: Path) -> None:
    """The identifier would be the rest of the name."""
    path = tmp_path / "ids.csv"
    path.write_text("company_name,customer_id\nAsh,5,\nBirch, Sons,\n")
    with pytest.raises(InputError, match="row 2 has 3 cells"):
        read_ids(path)
