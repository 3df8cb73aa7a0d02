"""The columns that a batch remembers count only for files that have them."""

from __future__ import annotations

from pathlib import Path

import pytest

from bulk.errors import InputError, UsageError
from bulk.input import open_input
from bulk.reading import Reading, Remembered

ROWS = "{0},Mail,company_name,platform\n1,a@x.example,Ash,Xero\n"
MAIL = {"email": "Mail"}


@pytest.mark.parametrize(
    ("header", "mapping", "constants", "remembered", "used", "kept"),
    [
        ("customer_id", {}, {}, MAIL, MAIL, MAIL),  # a rerun
        ("customer_id", {}, {}, {"email": "Post"}, {}, {"email": "Post"}),  # the file lacks it
        ("customer_id", MAIL, {}, {"email": "Post"}, MAIL, MAIL),  # another column for the field
        ("customer_id", {"E-Mail": "Mail"}, {}, {}, MAIL, MAIL),  # one name for a field
        ("customer_id", {}, {"email": "x@x.example"}, MAIL, {}, {}),  # a constant in its place
        ("customer_id", {}, {}, {"customer_id": "Nr"}, {}, {"customer_id": "Nr"}),  # the field's own name counts
        ("Nr", MAIL, {}, {"customer_id": "Nr"}, {"customer_id": "Nr"} | MAIL, {"customer_id": "Nr"} | MAIL),
    ],
)
def test_what_is_used_and_what_is_kept(
    tmp_path: Path,
    header: str,
    mapping: dict[str, str],
    constants: dict[str, str],
    remembered: dict[str, str],
    used: dict[str, str],
    kept: dict[str, str],
) -> None:
    """What the user says counts first, then what the batch remembers."""
    path = tmp_path / "in.csv"
    path.write_text(ROWS.format(header))
    opened = open_input(
        path, mapping=mapping, reading=Reading(constants=constants), remembered=Remembered(mapping=remembered)
    )
    assert (opened.mapping, opened.columns_to_remember) == (used, kept)
    is_lost = remembered == {"email": "Post"} and not mapping
    assert len(opened.lost_columns) == is_lost


def test_a_rerun_has_the_same_digest(tmp_path: Path) -> None:
    """So the batch knows the file, and reads it once."""
    path = tmp_path / "in.csv"
    path.write_text(ROWS.format("customer_id"))
    first, rerun = open_input(path, mapping=MAIL), open_input(path, remembered=Remembered(mapping=MAIL))
    assert first.digest == rerun.digest != open_input(path).digest


def test_a_column_that_the_user_names_must_exist(tmp_path: Path) -> None:
    """A column that the batch remembers need not."""
    path = tmp_path / "in.csv"
    path.write_text(ROWS.format("No"))
    known = Remembered(mapping={"customer_id": "Nr"})
    with pytest.raises(UsageError, match='has no column "Post"'):
        open_input(path, mapping={"email": "Post"}, remembered=known)
    with pytest.raises(InputError, match="The batch remembers --map customer_id=Nr, and the file has no such column"):
        open_input(path, remembered=known)


def test_the_remembered_lines_before_a_header_are_named_if_they_hide_it(tmp_path: Path) -> None:
    """The user may have said them for another file."""
    path = tmp_path / "in.csv"
    path.write_text(ROWS.format("customer_id"))
    remembered = Remembered(Reading(skip_rows=1))
    with pytest.raises(InputError, match=r"The batch remembers --skip-rows 1: add --skip-rows 0 if this file begins"):
        open_input(path, remembered=remembered)
    open_input(path, reading=Reading(skip_rows=0), remembered=remembered)
    with pytest.raises(InputError) as error:
        open_input(path, reading=Reading(skip_rows=1))
    assert "remembers" not in str(error.value)
