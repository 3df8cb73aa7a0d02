"""Our own rejects file, mended, is read as what it is."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
from rows_reading import HEADER, Outcome, read, read_rows, read_text

from bulk.guard import guard


def rejects(folder: Path, outcome: Outcome) -> Path:
    """The file of rejected rows as it is written for people: the input's own columns, then row and reasons."""
    cells = pl.DataFrame(
        [outcome.cells(at) for at in range(len(outcome.rejected))],
        schema=dict.fromkeys(outcome.opened.columns, pl.String),
    )
    cells = cells.select(guard(pl.all())).hstack(outcome.rejected.select("row", guard(pl.col("reasons"))))
    cells.write_csv(folder / "rejects.csv")
    return folder / "rejects.csv"


def test_the_rejects_file_given_back_says_which_rows_it_mends(tmp_path: Path) -> None:
    """`row` and `reasons` are no columns of the input; `mends` carries the row."""
    path = rejects(tmp_path, read_rows(tmp_path, "1,Acme,xero,,", "2,Bolt,Sage,,", "3,Cog,Quickbooks,,"))
    path.write_text(path.read_text().replace("Sage,", "qbo,"))
    outcome = read(path)
    assert outcome.opened.mended
    assert outcome.opened.columns == tuple(HEADER.split(","))
    assert outcome.opened.extras == ()
    assert outcome.accepted.select("row", "customer_id", "mends").rows() == [(1, "2", 2)]
    assert outcome.rejected.select("row", "customer_id", "mends").rows() == [(2, "3", 3)]
    assert set(outcome.cells()) == set(HEADER.split(","))


def test_cells_come_back_without_the_apostrophe_that_made_them_safe(tmp_path: Path) -> None:
    """In our own file only: in another one an apostrophe belongs to its author."""
    line = "-5,=Acme,Sage,,'+x"
    path = rejects(tmp_path, read_rows(tmp_path, line))
    assert "'-5,'=Acme,Sage,,''+x" in path.read_text()
    assert read(path).rejected.select("customer_id", "company_name").rows() == [("-5", "=Acme")]
    assert read(path).cells()["description"] == "'+x"
    assert read_rows(tmp_path, "'-5,'=Acme,xero,,").ids == ["'-5"]


@pytest.mark.parametrize(
    ("written", "mends"),
    [
        ("7", 7),  # as it was
        ("7.0", 7),  # as a spreadsheet may leave it
        ("7,0", 7),  # as another country's may
        (" 7 ", 7),  # with blanks
        ("", None),  # deleted
        ("seven", None),  # spoilt
        ("-7", None),  # spoilt
        ("7.5", None),  # spoilt
        ("9" * 30, None),  # no row
    ],
)
def test_the_row_it_mends_is_read_as_spreadsheets_leave_it(tmp_path: Path, written: str, mends: int | None) -> None:
    """What is no row number mends nothing in particular, and the row is good all the same."""
    outcome = read_text(tmp_path, f"{HEADER.replace(',', ';')};row;reasons\n1;Acme;xero;;;{written};x\n")
    assert outcome.accepted.select("customer_id", "mends").rows() == [("1", mends)]


def test_row_and_reasons_elsewhere_are_ordinary_columns(tmp_path: Path) -> None:
    """Only as the last two, in this order, they are ours."""
    outcome = read_text(tmp_path, "row,reasons,customer_id,company_name,platform\n5,x,1,Acme,xero\n")
    assert not outcome.opened.mended
    assert outcome.opened.extras == ("row", "reasons")
    assert outcome.accepted["mends"].to_list() == [None]


@pytest.mark.parametrize(
    ("given", "columns"),
    [
        ("row (input),reasons (input)", ("row", "reasons")),  # set apart from ours
        ("row (input),row (input) (input)", ("row (input)", "row")),  # one had that name already
        ("rows (input),Row (input)", ("rows (input)", "Row (input)")),  # never set apart
    ],
)
def test_columns_that_were_set_apart_from_ours_have_their_own_name_again(
    tmp_path: Path, given: str, columns: tuple[str, str]
) -> None:
    """So that the row is known again in its original; elsewhere such a name is its author's."""
    text = f"{HEADER},{given}{{}}\n1,Acme,Sage,,,a,b{{}}\n"
    outcome = read_text(tmp_path, text.format(",row,reasons", ",3,x"))
    assert outcome.opened.columns[-2:] == columns
    assert outcome.cells().keys() == {*HEADER.split(","), *columns}
    assert read_text(tmp_path, text.format("", "")).opened.columns[-2:] == tuple(given.split(","))


def test_rows_of_another_length_are_counted_with_our_columns(tmp_path: Path) -> None:
    """The counts are those that are seen in the file."""
    outcome = read_text(tmp_path, f"{HEADER},row,reasons\n1,Acme,xero,,\n2,Bolt,xero,,,7,x,y\n")
    assert [problem for _, _, problem in outcome.found] == [
        "has 5 cells where the header has 7",
        "has 8 cells where the header has 7, the last: y",
    ]
