"""`check` warns of several customers with the same address. No row is rejected for it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from bulk.input import SharedEmails, open_input
from bulk.input_check import check


def lines(folder: Path, *rows: str, limit: int | None = None, rows_at_once: int = 1000) -> list[tuple[int, str, str]]:
    """Return row, code and value of the warnings for rows of name and email."""
    path = folder / "in.csv"
    numbered = (f"{number},Xero,{row}\n" for number, row in enumerate(rows, 1))
    path.write_text("customer_id,platform,company_name,email\n" + "".join(numbered), "utf-8")
    shared = SharedEmails(limit)
    for checked in open_input(path).read():
        for start in range(0, checked.accepted.height, rows_at_once):
            part = checked.accepted.slice(start, rows_at_once)
            shared.add(type(checked)(part, checked.rejected, checked.email_problems))
    found: list[tuple[int, str, str]] = shared.table().select("row", "code", "value").rows()
    assert sum(shared.counts.values()) >= len(found)
    return found


@pytest.mark.parametrize("rows_at_once", [1, 2, 1000])
@pytest.mark.parametrize(
    ("rows", "codes"),
    [
        (("Ash,a@x", "Birch,b@x"), []),
        (("Ash,", "Birch,"), []),  # no address is none that they share
        (("Ash,a@x.example", "Birch,A@X.example", "Cedar,c@x.example"), [(1, "shared_email"), (2, "shared_email")]),
        (
            ("Ash Ltd,a@x.example", "ASH LTD,a@x.example", "Ash Ltd.,a@x.example"),
            [(1, "shared_name_and_email"), (2, "shared_name_and_email"), (3, "shared_name_and_email")],
        ),
        (
            ("Ash,a@x.example", "Birch,a@x.example", "Birch,a@x.example"),
            [(1, "shared_email"), (2, "shared_email"), (3, "shared_name_and_email")],
        ),
        (("Ash,a@x.example", "Ash,b@x.example"), []),  # two offices may have the same name
    ],
)
def test_customers_with_the_same_address_are_found(
    tmp_path: Path, rows: Sequence[str], codes: list[tuple[int, str]], rows_at_once: int
) -> None:
    """The first one counts too."""
    assert [(row, code) for row, code, _ in lines(tmp_path, *rows, rows_at_once=rows_at_once)] == codes


def test_some_of_many_are_kept(tmp_path: Path) -> None:
    """All are counted."""
    rows = [f"Name {number},a@x.example" for number in range(20)]
    assert len(lines(tmp_path, *rows, limit=3)) == 3


def test_check_groups_them_by_address(tmp_path: Path) -> None:
    """The rows remain accepted."""
    lines(tmp_path, "Ash,A@x.example", "Birch,a@x.example", "Cedar,a@x.example")
    result = check(tmp_path / "in.csv")
    assert (result.accepted, result.rejected, result.has_problems) == (3, 0, False)
    (group,) = result.warning_groups
    assert (group.code, group.rows) == ("shared_email", 3)
    assert [(value.value, value.first_rows) for value in group.values] == [("a@x.example", (1, 2, 3))]
