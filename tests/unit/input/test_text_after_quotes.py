"""A row with text between a closing quote and the next delimiter is rejected, because its text is not certain."""

from __future__ import annotations

from pathlib import Path

import pytest

from bulk.errors import InputError
from bulk.input import text_file
from bulk.input.id_file import read_ids
from unit.input.input_files import read_rows, read_text

SHORT = "customer_id,company_name,platform"


@pytest.mark.parametrize(
    ("cell", "identifier"),
    [
        ('"A"1"', None),
        ('"00"-2', None),
        ('"6" x', None),
        ('""A""', None),  # quoted twice
        ('"A\n2"x', None),  # over two lines
        ('"A""1"', 'A"1'),  # a doubled quote is one character
        ('"A" ', "A"),  # blanks after the quote
        ('"A"\t', "A"),
        ('"A"\u00a0', "A"),
        (' "A" ', "A"),  # and before
        ('A"1"', 'A"1"'),  # a cell that does not begin with a quote is read as it is
        ('6" x', '6" x'),
    ],
)
@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_an_identifier_is_never_altered(tmp_path: Path, cell: str, identifier: str | None, line_end: str) -> None:
    """It is read as the csv module reads it, or its row is rejected. Other rows stay as they are."""
    lines = (SHORT, "1,Ash,Xero", '2,"Birch, Inc",Xero', f"{cell},Cog,Xero", '3,"D ""1""",Xero', "")
    outcome = read_text(tmp_path, line_end.join(lines))
    assert outcome.ids == ["1", "2", *([identifier] if identifier else []), "3"]
    if identifier is None:
        shown = cell.replace("\n", "<U+000A>")
        assert outcome.found == [(3, "row", f"has text after the closing quote of the cell {shown}")]


def test_the_row_is_found_wherever_the_parts_of_the_text_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Other odd quotes, line breaks in cells and a second such cell do not move it."""
    rows = [
        '1,"A\nsh",Xero',
        '2,6" Vinyl,Xero',
        '3,"B"x,"Xe"ro',
        '4, "Cog" ,Xero',
        '5,"De""',
        'nt",Xero',
        '6,"E" Ltd,Xero',
    ]
    for size in range(3, 40):
        monkeypatch.setattr(text_file, "_CHUNK_SIZES", (size, size))
        outcome = read_text(tmp_path, "\n".join((SHORT, *rows)) + "\n")
        assert [(row, one["code"], one["value"]) for row, one in outcome.problems] == [
            (3, "text_after_quote", '"B"x'),
            (6, "text_after_quote", '"E" Ltd'),
        ]


def test_a_row_with_such_a_cell_has_no_other_problem(tmp_path: Path) -> None:
    """Its cells may be wrong, so its identifier repeats none, and its number of cells says nothing."""
    outcome = read_rows(tmp_path, '1,"A" Ltd', "1,Ash,xero", '"1"x,"a"b,c,d,e,f,g', header=SHORT)
    assert outcome.ids == ["1"]
    assert [one["code"] for _, one in outcome.problems] == ["text_after_quote"] * 2


def test_a_file_with_identifiers_is_refused_for_such_a_cell(tmp_path: Path) -> None:
    """What is named there is deleted, unlinked or accepted."""
    path = tmp_path / "ids.csv"
    path.write_text('customer_id\n"1"\n"00"2\n')
    with pytest.raises(InputError, match="row 2 has text after a closing quote"):
        read_ids(path)
