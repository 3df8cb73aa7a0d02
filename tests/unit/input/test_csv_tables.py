"""Text tables have the cells, rows and blank lines that Python's csv module reads."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bulk.errors import InputError
from bulk.input import csv as csv_tables
from bulk.input import text_file
from bulk.input.csv import CsvFile
from unit.input.input_files import HEADER, read_rows, read_text


@pytest.mark.parametrize(
    ("delimiter", "name", "note"),
    [
        (",", "in.csv", ""),  # as the suffix suggests
        (";", "in.csv", "semicolons"),  # spreadsheets in most of Europe
        ("\t", "in.csv", "tabs"),  # copied from a spreadsheet
        ("|", "in.csv", "vertical bars"),  # an old database
        ("\t", "in.tsv", ""),  # as the suffix suggests
        (",", "in.tsv", "commas"),  # not as the suffix suggests
        ("\t", "in.txt", "tabs"),  # the suffix suggests nothing
    ],
)
def test_the_delimiter_is_found_in_the_header(tmp_path: Path, delimiter: str, name: str, note: str) -> None:
    """The header has most fields under the right delimiter."""
    text = f'{HEADER},"a,b;c"\n1,Acme,xero,,,x\n'.replace(",", delimiter).replace(f"a{delimiter}b;c", f"a{delimiter}b")
    outcome = read_text(tmp_path, text, name=name)
    assert outcome.ids == ["1"]
    assert (note or "separated") in " ".join(outcome.opened.notes) or not note
    assert bool(note) == any("separated" in each for each in outcome.opened.notes)


def test_the_most_frequent_character_is_not_always_the_delimiter(tmp_path: Path) -> None:
    """The number of fields in the header decides."""
    outcome = read_text(tmp_path, "customer_id;company_name;platform;a, b, c, d, e, f\n1;Acme, Inc.;xero;x\n")
    assert outcome.accepted["company_name"].to_list() == ["Acme, Inc."]


def test_a_line_that_names_the_delimiter_is_not_the_header(tmp_path: Path) -> None:
    """Spreadsheets write `sep=;` in front of the header."""
    outcome = read_text(tmp_path, "sep=;\r\ncustomer_id;company_name;platform\r\n1;Acme, Inc.;xero\r\n")
    assert outcome.accepted["company_name"].to_list() == ["Acme, Inc."]
    assert outcome.accepted["row"].to_list() == [1]


def test_quoted_cells_are_read(tmp_path: Path) -> None:
    """Delimiters, newlines and doubled quotes within quotes belong to the text."""
    outcome = read_rows(tmp_path, '1,"Acme, Inc.",xero,,"two\nlines, ""quoted"""', "2,Bolt,xero,,")
    assert outcome.accepted["company_name"].to_list() == ["Acme, Inc.", "Bolt"]
    assert outcome.accepted["description"].to_list() == ['two\nlines, "quoted"', None]


@pytest.mark.parametrize(
    ("cell", "text"),
    [
        ('12" Vinyl', '12" Vinyl'),  # a quote inside an unquoted cell is a character
        ('Joe "the man" Smith', 'Joe "the man" Smith'),  # two quotes are also characters
        ('"Acme"" Ltd"', 'Acme" Ltd'),  # a doubled quote is one character
        (' "Acme"', "Acme"),  # a program that writes a blank after each delimiter
        (' "Acme, Inc."  ', "Acme, Inc."),  # and another one after the quotes
        (' "Acme ""A"""', 'Acme "A"'),  # with doubled quotes
        (' "Acme" Ltd', '"Acme" Ltd'),  # text after the quote: all quotes are characters
        (' "Acme', '"Acme'),  # it is not closed on its line
        ('"Acme" ', "Acme"),  # a space after a quote is trimmed
        ('""', None),  # an empty quoted cell
    ],
)
def test_odd_quotes_change_no_other_row(tmp_path: Path, cell: str, text: str | None) -> None:
    """Each row has its own cells."""
    rows = [f"{number},Acme,xero,,{cell if number == 7 else ''}" for number in range(1, 20)]
    outcome = read_rows(tmp_path, *rows)
    assert outcome.accepted["row"].to_list() == list(range(1, 20))
    assert outcome.accepted["description"][6] == text


def test_a_ragged_row_is_rejected_with_its_number_of_cells(tmp_path: Path) -> None:
    """It is not padded or truncated; the problem has the cells beyond the last column."""
    outcome = read_rows(tmp_path, "1,Acme", "2,Bolt, Inc.,xero,b@example.com,", "3,Cog,xero,,", "4,Dent,xero,,,x", "5")
    assert outcome.ids == ["3"]
    assert outcome.found == [
        (1, "row", "has 2 cells where the header has 5"),
        (2, "row", "has 6 cells where the header has 5"),
        (4, "row", "has 6 cells where the header has 5, the last: x"),
        (5, "row", "has 1 cell where the header has 5"),
    ]
    longer = read_rows(tmp_path, "1,Bolt, Inc.,xero,b@example.com,good,x")
    assert longer.found == [(1, "row", "has 7 cells where the header has 5, the last: good,x")]
    assert longer.cells() == {
        "customer_id": "1",
        "company_name": "Bolt",
        "platform": " Inc.",
        "email": "xero",
        "description": "b@example.com",
    }


def test_a_row_with_thousands_of_cells_is_one_problem(tmp_path: Path) -> None:
    """The sentence about them stays short."""
    outcome = read_rows(tmp_path, "1,Acme,xero" + ",x" * 5_000, "2,Bolt,xero,,")
    assert outcome.ids == ["2"]
    assert outcome.found[0][2].startswith("has 5,003 cells where the header has 5, the last: x,x,")
    assert len(outcome.found[0][2]) < 200


def test_blank_rows_are_left_out_and_not_counted(tmp_path: Path) -> None:
    """`row` counts rows with text, from 1; a note has the number of blank rows."""
    outcome = read_text(tmp_path, f'\n{HEADER}\n\n1,Acme,xero,,\n\n,,,,\n""\n2,Bolt,xero,,\n  \n,,,,\n')
    assert outcome.accepted["row"].to_list() == [1, 2]
    assert outcome.found == [(3, "row", "has 1 cell where the header has 5")]
    assert "5 blank rows were left out; they do not count as rows" in outcome.opened.notes


def test_one_blank_row_is_counted_in_the_singular(tmp_path: Path) -> None:
    """The note is a correct sentence."""
    notes = read_text(tmp_path, f"{HEADER}\n\n1,Acme,xero,,\n").opened.notes
    assert "1 blank row was left out; it does not count as a row" in notes


def test_the_last_line_needs_no_newline(tmp_path: Path) -> None:
    """The last row is read with any end, also after a quoted cell."""
    for end in ("", "\n", "\r\n", "\r", "\n\n"):
        outcome = read_text(tmp_path, f'{HEADER}\n1,Acme,xero,,\n2,Bolt,xero,,"x"{end}')
        assert outcome.accepted["description"].to_list() == [None, "x"]


def test_texts_that_look_like_numbers_dates_or_nulls_stay_texts(tmp_path: Path) -> None:
    """They are accepted as they are in the file."""
    texts = [
        "00123",
        "1e5",
        "123456789012345678901234567890",
        "2024-01-02",
        "NA",
        "none",
        "true",
        "1.0",
        "-0",
    ]
    outcome = read_rows(tmp_path, *(f"{text},{text},xero,,{text}" for text in texts))
    assert outcome.ids == texts
    assert outcome.accepted["company_name"].to_list() == texts
    assert outcome.accepted["description"].to_list() == texts


def test_a_quote_that_is_never_closed_is_found_early(tmp_path: Path) -> None:
    """The rest of a large file is not read into memory."""
    rows = "".join(f"{number},Acme,xero,,x\n" for number in range(1_500_000))
    with pytest.raises(InputError, match="after about 1 row "):
        read_text(tmp_path, f'{HEADER}\n0,Acme,xero,,\n0,"Acme,xero,,\n{rows}')


QUIET = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=300)
BODIES = st.one_of(
    st.text(alphabet='a",\n', max_size=40),
    st.text(alphabet='aé",\n ', max_size=40),
    st.lists(st.sampled_from(['"', '""', ",", "\n", "\n\n", 'x"y', '"z"', '"a,b"', '"c\nd"', ",,"]), max_size=25).map(
        "".join
    ),
)


@QUIET
@given(
    body=BODIES,
    delimiter=st.sampled_from([",", ";", "\t", "|"]),
    line_end=st.sampled_from(["\n", "\r\n"]),
    chunk=st.integers(3, 50),
)
def test_any_rows_are_read_as_the_csv_module_reads_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, body: str, delimiter: str, line_end: str, chunk: int
) -> None:
    """Cells and counts are equal, wherever the chunks end, unless a quote is never closed."""
    monkeypatch.setattr(text_file, "_CHUNK_SIZES", (chunk, chunk))
    body = body.replace(",", delimiter).replace("\n", line_end)
    path = tmp_path / "in.csv"
    path.write_bytes((HEADER.replace(",", delimiter) + line_end + body).encode())
    monkeypatch.setattr(csv_tables, "has_empty_end", lambda *_: pl.col("cells") < 0)  # the module counts such cells
    try:
        ours = list(_cells(CsvFile(path, {})))
    except InputError:
        # The csv module lets the end of the file close a quote. Only then does an added line belong to the cell.
        last = list(
            csv.reader(
                io.StringIO(body + f"{'' if body.endswith(line_end) else line_end}end", newline=""), delimiter=delimiter
            )
        )[-1]
        assert last != ["end"]
        return
    theirs = [
        (len(row) or 1, *(cell.replace("\r\n", "\n") for cell in [*row, "", "", "", "", ""][:5]))
        for row in csv.reader(io.StringIO(body, newline=""), delimiter=delimiter)
    ]
    assert [row for row in ours if any(row[1:])] == [row for row in theirs if any(row[1:])]


def _cells(table: CsvFile) -> list[tuple[object, ...]]:
    rows: list[tuple[object, ...]] = []
    for frame in table.frames():
        counts = frame["cells"].to_list() if "cells" in frame.columns else [5] * len(frame)
        cells = frame.select(f"c{place}" for place in range(5)).rows()
        rows += [
            (count, *((text or "").replace("\r\n", "\n") for text in row))
            for count, row in zip(counts, cells, strict=True)
        ]
    return rows


def test_an_invisible_character_at_the_start_of_the_rows_stays(tmp_path: Path) -> None:
    """It is a byte order mark only at the start of a file, as when two files were joined."""
    outcome = read_text(tmp_path, f"{HEADER},note\n1,Acme,xero,,,x\n".replace("\n1", "\n\ufeff1"))
    assert outcome.ids == ["1"]
    outcome = read_text(tmp_path, "note,customer_id,company_name,platform\n\ufeff,1,Acme,xero\n")
    assert outcome.extras() == {"note": "\ufeff"}
