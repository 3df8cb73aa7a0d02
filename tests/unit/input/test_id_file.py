"""`unlink --file` and `undo --file` read identifiers, and never one from a wrong column."""

from __future__ import annotations

from pathlib import Path

import pytest

from bulk.errors import InputError
from bulk.input import read_ids


def ids_of(path: Path, text: str) -> list[str]:
    """Return the identifiers of a file with this text."""
    path.write_text(text)
    return read_ids(path)


def test_each_identifier_is_read_once(tmp_path: Path) -> None:
    """Blank rows and other columns do not matter."""
    assert ids_of(tmp_path / "x.csv", "name,customer_id\nA,00012\n\nB, 7 \nC,00012\nD,\n") == ["00012", "7"]


def test_a_mapped_column_has_the_identifiers_if_the_file_has_it(tmp_path: Path) -> None:
    """A copy of conflicts.csv has the columns of the input; a list by hand has customer_id."""
    path = tmp_path / "x.csv"
    path.write_text("Account No,customer_id,row,conflict,found\n00012,x,1,why,Acme\n'-7,y,2,why,Bolt\n")
    assert read_ids(path, column="account no") == ["00012", "-7"]
    assert read_ids(path) == ["x", "y"]
    path.write_text("customer_id\n00012\n")
    assert read_ids(path, column="Account No") == ["00012"]


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("name,customer_id,reason\nBakery,00005,closed\nSmith, 00006,00001,left\n", "row 2 has 4 cells"),
        ("customer_id,a\n00001,1\n00002,1,2\n", "row 2 has 3 cells"),
        ("a,customer_id,b\n1,00001,2\nx,00002\n", "row 2 has 2 cells"),
    ],
)
def test_a_row_whose_cells_may_have_moved_is_an_error(tmp_path: Path, text: str, named: str) -> None:
    """A customer who did not ask would be unlinked."""
    with pytest.raises(InputError, match=named):
        ids_of(tmp_path / "x.csv", text)
