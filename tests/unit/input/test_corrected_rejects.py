"""A corrected rejects.csv and other reports by bulk are recognized."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path

import polars as pl
import pytest

from bulk.checked_rows import COLUMNS as OF_CHECK
from bulk.errors import UsageError
from bulk.input import read_ids
from bulk.problems import reasons
from bulk.reports.columns import LINKS, PARTNER, RESULTS
from bulk.text import escape_formula
from unit.input.input_files import HEADER, Outcome, read, read_rows, read_text


def rejects(folder: Path, outcome: Outcome) -> Path:
    """Write rejects.csv: the input's own columns, then row and reasons."""
    cells = pl.DataFrame(
        [outcome.cells(at) for at in range(len(outcome.rejected))],
        schema=dict.fromkeys(outcome.opened.columns, pl.String),
    )
    texts = pl.Series("reasons", [reasons(text) for text in outcome.rejected["problems"]], dtype=pl.String)
    cells = cells.with_columns(outcome.rejected["row"].cast(pl.String), texts).select(escape_formula(pl.all()))
    cells.write_csv(folder / "rejects.csv")
    return folder / "rejects.csv"


def test_a_rejects_file_identifies_the_rows_that_it_corrects(tmp_path: Path) -> None:
    """`row` and `reasons` are not columns of the input; `corrects` has the row."""
    path = rejects(tmp_path, read_rows(tmp_path, "1,Acme,xero,,", "2,Bolt,Sage,,", "3,Cog,Quickbooks,,"))
    path.write_text(path.read_text().replace("Sage,", "qbo,"))
    outcome = read(path)
    assert outcome.opened.is_rejects_file
    assert outcome.opened.columns == tuple(HEADER.split(","))
    assert outcome.opened.extras == ()
    assert outcome.accepted.select("row", "customer_id", "corrects").rows() == [(1, "2", 2)]
    assert outcome.rejected.select("row", "customer_id", "corrects").rows() == [(2, "3", 3)]
    assert set(outcome.cells()) == set(HEADER.split(","))


def test_a_repeated_identifier_names_the_row_of_the_input(tmp_path: Path) -> None:
    """Not the place of the earlier row in the corrected file."""
    path = rejects(tmp_path, read_rows(tmp_path, "1,A,xero,,", "7,B,Sage,,", "8,C,Sage,,"))
    path.write_text(path.read_text().replace("8,C", "7,C").replace("Sage,", "qbo,"))
    assert read(path).found == [(2, "customer_id", "duplicates row 2")]


def test_escaped_cells_of_a_rejects_file_are_restored(tmp_path: Path) -> None:
    """In any other file an apostrophe belongs to the text."""
    line = "-5,=Acme,Sage,,'+x"
    path = rejects(tmp_path, read_rows(tmp_path, line))
    assert "'-5,'=Acme,Sage,,''+x" in path.read_text()
    assert read(path).rejected.select("customer_id", "company_name").rows() == [("-5", "=Acme")]
    assert read(path).cells()["description"] == "'+x"
    assert read_rows(tmp_path, "'-5,'=Acme,xero,,").ids == ["'-5"]


@pytest.mark.parametrize(
    ("written", "corrects"),
    [
        ("7", 7),  # unchanged
        ("7.0", 7),  # as some spreadsheets show it
        ("7,0", 7),  # in another language
        (" 7 ", 7),  # with spaces
        ("", None),  # deleted
        ("seven", None),  # overwritten
        ("-7", None),  # not a row number
        ("7.5", None),  # not a row number
        ("9" * 30, None),  # too large
        ("1,007", 1007),  # with a thousands separator
        ("1.007", 1007),  # in another language
        ("1\u202f007,00", 1007),  # in French, with decimals
        ("1.000", 1000),  # row 1000, not row 1
        ("1,0071", None),  # not a row number
    ],
)
def test_the_row_number_is_read_as_spreadsheets_write_it(tmp_path: Path, written: str, corrects: int | None) -> None:
    """A row with an unreadable number is accepted but corrects no particular row."""
    outcome = read_text(tmp_path, f"{HEADER.replace(',', ';')};row;reasons\n1;Acme;xero;;;{written};x\n")
    assert outcome.accepted.select("customer_id", "corrects").rows() == [("1", corrects)]


def test_a_conflicts_file_identifies_the_rows_that_it_lists(tmp_path: Path) -> None:
    """It is read as rejects.csv is. Spreadsheets leave out the empty cells at the end of a row."""
    own = "'-1,Acme,xero,,"
    lines = (f"{own},7,another name,Ash Ltd", "2,Bolt,qbo,,,8,,", "3,Cog,qbo,,,9,x", "4,Dot,qbo,,,10", "5,Elm,qbo,x,y")
    outcome = read_rows(tmp_path, *lines, header=f"{HEADER},row,conflict,found")
    assert outcome.opened.is_rejects_file
    assert outcome.opened.columns == tuple(HEADER.split(","))
    assert outcome.accepted.select("customer_id", "corrects").rows() == [("-1", 7), ("2", 8), ("3", 9), ("4", 10)]
    assert outcome.found == [(5, "row", "has 5 cells where the header has 8")]


def test_own_columns_of_a_conflicts_file_are_restored(tmp_path: Path) -> None:
    """The report added a suffix to the names that it needs itself."""
    header = "customer_id,company_name,platform,found (input),reasons,row,conflict,found"
    assert read_rows(tmp_path, "1,A,xero,x,y,1,a,b", header=header).opened.extras == ("found", "reasons")


def test_row_and_reasons_elsewhere_are_ordinary_columns(tmp_path: Path) -> None:
    """Only the last two columns, in this order, mark a rejects file."""
    outcome = read_text(tmp_path, "row,reasons,customer_id,company_name,platform\n5,x,1,Acme,xero\n")
    assert not outcome.opened.is_rejects_file
    assert outcome.opened.extras == ("row", "reasons")
    assert outcome.accepted["corrects"].to_list() == [None]
    assert outcome.opened.notes[-1].startswith("its columns row and reasons are not the last")


@pytest.mark.parametrize(
    ("header", "columns"),
    [
        ("row (input),reasons (input)", ("row", "reasons")),  # both have the suffix
        ("row (input),row (input) (input)", ("row (input)", "row")),  # one had a column with that name already
        ("rows (input),Row (input)", ("rows (input)", "Row (input)")),  # names that bulk never adds
    ],
)
def test_columns_with_a_suffix_get_their_own_name_back(tmp_path: Path, header: str, columns: tuple[str, str]) -> None:
    """In any other file such a name stays."""
    text = f"{HEADER},{header}{{}}\n1,Acme,Sage,,,a,b{{}}\n"
    outcome = read_text(tmp_path, text.format(",row,reasons", ",3,x"))
    assert outcome.opened.columns[-2:] == columns
    assert outcome.cells().keys() == {*HEADER.split(","), *columns}
    assert read_text(tmp_path, text.format("", "")).opened.columns[-2:] == tuple(header.split(","))


def test_the_cells_of_a_ragged_row_are_counted_with_the_added_columns(tmp_path: Path) -> None:
    """The counts are those of the file."""
    outcome = read_text(tmp_path, f"{HEADER},row,reasons\n1,Acme,xero,,\n2,Bolt,xero,,,7,x,y\n")
    assert [problem for _, _, problem in outcome.found] == [
        "has 5 cells where the header has 7",
        "has 8 cells where the header has 7, the last: y",
    ]


COLUMNS = (*HEADER.split(","), "row", "reasons")
CORRECTED = (
    ("00123", "'=Acme, Inc", "qbo", "", "", "2", "platform is unknown"),
    ("C2", "Bölt", "xero", "a@example.com", 'says "hi"\nto you', "5", "a; b"),
)


def saved(
    *,
    delimiter: str = ",",
    line_end: str = "\n",
    quoted: bool = False,
    columns: int = 0,
    rows: int = 0,
    first: str = "",
) -> str:
    """Return corrected rejects as a spreadsheet saves them, with empty columns and rows at the ends."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=delimiter, lineterminator=line_end, quoting=1 if quoted else 0)
    lines = (COLUMNS, *CORRECTED, *[("",) * len(COLUMNS)] * rows)
    writer.writerows((*line, *[""] * columns) for line in lines)
    return first + text.getvalue()


@pytest.mark.parametrize(
    "written",
    [
        saved().encode(),
        saved(delimiter=";", line_end="\r\n").encode("utf-8-sig"),  # Excel's CSV UTF-8, in most of Europe
        saved(delimiter=";", line_end="\r\n").encode("cp1252"),  # Excel's plain CSV
        saved(delimiter="\t", line_end="\r\n").encode("utf-16"),  # Excel's Unicode text
        saved(delimiter=";", line_end="\r").encode(),  # for old Macs
        saved(quoted=True).encode(),  # LibreOffice, all cells quoted
        saved(delimiter=";", line_end="\r\n", first="sep=;\r\n").encode("utf-8-sig"),
        saved(delimiter=";", columns=2, first="sep=;;;;;;;;;\r\n").encode(),
        saved(columns=2, rows=30).encode(),  # empty cells beyond the table
        saved(columns=1, quoted=True, line_end="\r\n").encode("utf-8-sig"),
        saved().replace("row,reasons", "row,reasons,,", 1).encode(),  # Excel leaves out empty cells, 16 rows at a time
        saved().replace("'=Acme", "=Acme").encode(),  # the spreadsheet removed the apostrophe
        saved().replace(",platform is unknown", "").replace(",a; b", "").encode(),  # without reasons
    ],
)
def test_corrected_rejects_are_read_from_any_spreadsheet(tmp_path: Path, written: bytes) -> None:
    """Customers and row numbers are the same."""
    outcome = read_text(tmp_path, written)
    assert outcome.opened.is_rejects_file
    assert outcome.opened.columns == tuple(HEADER.split(","))
    assert outcome.found == []
    assert outcome.accepted.select("customer_id", "company_name", "email", "corrects").rows() == [
        ("00123", "=Acme, Inc", None, 2),
        ("C2", "Bölt", "a@example.com", 5),
    ]


def test_a_row_that_lacks_a_cell_of_its_own_is_ragged(tmp_path: Path) -> None:
    """Its row number is one column too early."""
    outcome = read_text(tmp_path, f"{HEADER},row,reasons\n1,Acme,xero,,7,platform is missing\n")
    assert outcome.found == [(1, "row", "has 6 cells where the header has 7")]


@pytest.mark.parametrize(
    "header",
    [
        # some columns of results.csv, in any order
        "company_id,connection_id,platform,customer_id,company_name,email,'=mine",
        "customer_id,company_name,email,company_id,connection_id,platform,x",
    ],
)
def test_escaped_cells_of_other_reports_are_restored(tmp_path: Path, header: str) -> None:
    """Otherwise `-1` and `'-1` would be two customers."""
    names = header.split(",")
    line = ",".join({"customer_id": "'-1", "company_name": "Acme", "platform": "xero"}.get(name, "") for name in names)
    outcome = read_text(tmp_path, f"{header}\n{line}\n".encode(), name="in.csv")
    assert outcome.ids == ["-1"]
    assert not outcome.opened.is_rejects_file
    assert "=mine" in outcome.opened.columns or "x" in outcome.opened.columns
    assert any("apostrophes" in note for note in outcome.opened.notes)


@pytest.mark.parametrize(
    ("report", "columns"),
    [
        ("results.csv", RESULTS),
        ("links.csv or a wave", LINKS),
        ("partner.csv", (*PARTNER, "platform")),  # a column of the user
        ("the output of bulk check", ("customer_id", "company_name", "platform", *OF_CHECK)),
    ],
)
@pytest.mark.parametrize("name", ["in.csv", "in.parquet"])
def test_a_report_is_no_input(tmp_path: Path, report: str, columns: Sequence[str], name: str) -> None:
    """Its customers are in a batch already, perhaps in conflict: as rows of a file they would be sent."""
    row = {column: [""] for column in columns} | {"customer_id": ["1"], "company_name": ["A"], "platform": ["xero"]}
    frame = pl.DataFrame(row)
    frame.write_csv(tmp_path / name) if name == "in.csv" else frame.write_parquet(tmp_path / name)
    with pytest.raises(UsageError) as error:
        read(tmp_path / name)
    assert f"in.{name[3:]} is a report by bulk ({report}), not an input" in str(error.value)
    assert read_ids(tmp_path / name) == ["1"]  # but it may name customers


def test_an_export_with_ids_of_codat_is_an_input(tmp_path: Path) -> None:
    """Other programs know companies and connections, too."""
    header = "customer_id,company_name,platform,company_id,connection_id,state,link_url"
    assert read_text(tmp_path, f"{header}\n1,A,xero,c,d,NY,https://x.example\n".encode()).ids == ["1"]


def test_parquet_reports_are_not_escaped(tmp_path: Path) -> None:
    """An apostrophe in them belongs to the text."""
    path = tmp_path / "results.parquet"
    frame = {"customer_id": ["'-1"], "company_name": ["A"], "platform": ["xero"], "company_id": [""]}
    pl.DataFrame(frame | {"connection_id": [""]}).write_parquet(path)
    assert read(path).ids == ["'-1"]
