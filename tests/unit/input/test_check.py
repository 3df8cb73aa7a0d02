"""The result of `check` has a defined order."""

from __future__ import annotations

from pathlib import Path

import pytest

from bulk.check_result import CheckResult
from bulk.input_check import check
from bulk.platforms import NAMES
from unit.input.input_files import HEADER


def checked(folder: Path, *lines: str) -> CheckResult:
    """Check a file with these rows."""
    path = folder / "in.csv"
    path.write_text("\n".join((HEADER, *lines)) + "\n")
    return check(path)


def test_platforms_with_equally_many_customers_are_in_the_order_of_their_keys(tmp_path: Path) -> None:
    """The platform with most customers comes first."""
    lines = [f"{n},Acme,{key},," for n, key in enumerate((*NAMES, "zzzz", "aaaa", "gbol"))]
    platforms = list(checked(tmp_path, *lines).platforms.items())
    others = sorted({*NAMES, "zzzz", "aaaa"} - {"gbol"})
    assert platforms == [("gbol", 2), *((key, 1) for key in others)]


def test_problems_are_in_the_order_of_rows_and_fields(tmp_path: Path) -> None:
    """A repeated identifier comes with the other problems of the identifier."""
    result = checked(tmp_path, "7,Acme,xero,,", "7,,Sage,nobody,", "x")
    assert result.problems.select("row", "code").rows() == [
        *((2, "customer_id_duplicate"), (2, "company_name_missing"), (2, "platform_unknown")),
        (3, "too_few_cells"),
    ]


@pytest.mark.parametrize("first", [0, 1])
def test_warnings_are_in_the_order_of_rows_and_fields(tmp_path: Path, first: int) -> None:
    """The order in which the kinds of change are found makes no difference."""
    rows = [("00123", "01-Feb"), ("00124", "Acme"), ("7", "1E+05")]
    if first:
        rows.reverse()
    result = checked(tmp_path, *(f"{customer_id},{name},xero,," for customer_id, name in rows))
    found = result.warnings.select("row", "field").rows()
    number = 1 if first else 3
    assert found == sorted(
        [(number, "customer_id"), (number, "company_name"), (4 - number, "company_name")], key=_place
    )


def _place(line: tuple[int, str]) -> tuple[int, bool]:
    return line[0], line[1] != "customer_id"
