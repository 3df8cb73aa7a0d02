"""Our own rejects file, mended, is read as what it is."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import polars as pl
import pytest
from rows_reading import HEADER, Outcome, read, read_rows, read_text

from bulk.text import escape_formula


def rejects(folder: Path, outcome: Outcome) -> Path:
    """The file of rejected rows as it is written for people: the input's own columns, then row and reasons."""
    cells = pl.DataFrame(
        [outcome.cells(at) for at in range(len(outcome.rejected))],
        schema=dict.fromkeys(outcome.opened.columns, pl.String),
    )
    cells = cells.select(escape_formula(pl.all())).hstack(
        outcome.rejected.select("row", escape_formula(pl.col("reasons")))
    )
    cells.write_csv(folder / "rejects.csv")
    return folder / "rejects.csv"


def test_the_rejects_file_given_back_says_which_rows_it_mends(tmp_path: Path) -> None:
    """`row` and `reasons` are no columns of the input; `mends` carries the row."""
    path = rejects(tmp_path, read_rows(tmp_path, "1,Acme,xero,,", "2,Bolt,Sage,,", "3,Cog,Quickbooks,,"))
    path.write_text(path.read_text().replace("Sage,", "qbo,"))
    outcome = read(path)
    assert outcome.opened.is_rejects_file
    assert outcome.opened.columns == tuple(HEADER.split(","))
    assert outcome.opened.extras == ()
    assert outcome.accepted.select("row", "customer_id", "corrects").rows() == [(1, "2", 2)]
    assert outcome.rejected.select("row", "customer_id", "corrects").rows() == [(2, "3", 3)]
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
    ("written", "corrects"),
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
        ("1,007", 1007),  # in groups of three
        ("1.007", 1007),  # in another country
        ("1\u202f007,00", 1007),  # in France, with decimals
        ("1.000", 1000),  # not row 1
        ("1,0071", None),  # spoilt
    ],
)
def test_the_row_it_mends_is_read_as_spreadsheets_leave_it(tmp_path: Path, written: str, corrects: int | None) -> None:
    """What is no row number mends nothing in particular, and the row is good all the same."""
    outcome = read_text(tmp_path, f"{HEADER.replace(',', ';')};row;reasons\n1;Acme;xero;;;{written};x\n")
    assert outcome.accepted.select("customer_id", "corrects").rows() == [("1", corrects)]


def test_row_and_reasons_elsewhere_are_ordinary_columns(tmp_path: Path) -> None:
    """Only as the last two, in this order, they are ours."""
    outcome = read_text(tmp_path, "row,reasons,customer_id,company_name,platform\n5,x,1,Acme,xero\n")
    assert not outcome.opened.is_rejects_file
    assert outcome.opened.extras == ("row", "reasons")
    assert outcome.accepted["corrects"].to_list() == [None]
    assert outcome.opened.notes[-1].startswith("its columns row and reasons are not the last")


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


COLUMNS = (*HEADER.split(","), "row", "reasons")
MENDED = (
    ("00123", "'=Acme, Inc", "qbo", "", "", "2", "platform names no platform"),
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
    """The mended rejects as a spreadsheet saves them, with so many empty columns and rows more."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=delimiter, lineterminator=line_end, quoting=1 if quoted else 0)
    lines = (COLUMNS, *MENDED, *[("",) * len(COLUMNS)] * rows)
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
        saved(columns=2, rows=30).encode(),  # cells beyond the table were touched once
        saved(columns=1, quoted=True, line_end="\r\n").encode("utf-8-sig"),
        saved().replace("row,reasons", "row,reasons,,", 1).encode(),  # Excel leaves out what is empty for 16 rows
        saved().replace("'=Acme", "=Acme").encode(),  # the guard was taken for the mark of a text
        saved().replace(",platform names no platform", "").replace(",a; b", "").encode(),  # the same, reasons deleted
    ],
)
def test_mended_rejects_are_read_however_a_spreadsheet_saved_them(tmp_path: Path, written: bytes) -> None:
    """The same customers, which mend the same rows."""
    outcome = read_text(tmp_path, written)
    assert outcome.opened.is_rejects_file
    assert outcome.opened.columns == tuple(HEADER.split(","))
    assert outcome.found == []
    assert outcome.accepted.select("customer_id", "company_name", "email", "corrects").rows() == [
        ("00123", "=Acme, Inc", None, 2),
        ("C2", "Bölt", "a@example.com", 5),
    ]


def test_a_row_that_lost_a_cell_of_its_own_is_not_taken_for_one_without_reasons(tmp_path: Path) -> None:
    """Its row number stands a column too early."""
    outcome = read_text(tmp_path, f"{HEADER},row,reasons\n1,Acme,xero,,7,platform is missing\n")
    assert outcome.found == [(1, "row", "has 6 cells where the header has 7")]


@pytest.mark.parametrize(
    "header",
    [
        # links.csv, with a column of somebody's own; results.csv under another order; partner.csv
        "customer_id,company_name,email,platform,link_url,link_expires_at,'=mine",
        "company_id,connection_id,platform,customer_id,company_name,email,x",
        "customer_id,company_name,email,company_id,connection_id,platform,x",
    ],
)
def test_another_report_of_ours_is_read_without_its_guards(tmp_path: Path, header: str) -> None:
    """Or its customers would be others: `'-1` for `-1`, each with a company of its own."""
    names = header.split(",")
    line = ",".join({"customer_id": "'-1", "company_name": "Acme", "platform": "xero"}.get(name, "") for name in names)
    outcome = read_text(tmp_path, f"{header}\n{line}\n".encode(), name="in.csv")
    assert outcome.ids == ["-1"]
    assert not outcome.opened.is_rejects_file
    assert "=mine" in outcome.opened.columns or "x" in outcome.opened.columns
    assert any("apostrophes" in note for note in outcome.opened.notes)


def test_a_parquet_report_of_ours_has_no_guards(tmp_path: Path) -> None:
    """An apostrophe there is the customer's own."""
    path = tmp_path / "results.parquet"
    frame = {"customer_id": ["'-1"], "company_name": ["A"], "platform": ["xero"], "link_url": [""]}
    pl.DataFrame(frame | {"link_expires_at": [""]}).write_parquet(path)
    assert read(path).ids == ["'-1"]
