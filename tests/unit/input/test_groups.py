"""Rows are grouped by kind and value, with three rows of each."""

from __future__ import annotations

from pathlib import Path

import pytest

from bulk import problem_groups
from bulk.check_result import CheckResult
from bulk.input_check import check
from bulk.problem_groups import Group, Value

HEADER = "customer_id,company_name,platform,email\n"


def checked(folder: Path, *rows: str) -> CheckResult:
    """Check a file with these rows."""
    path = folder / "in.csv"
    path.write_text(HEADER + "".join(f"{row}\n" for row in rows), "utf-8")
    return check(path)


def test_problems_are_counted_by_kind_and_value(tmp_path: Path) -> None:
    """The most frequent ones come first, and each value has its own remedy."""
    platforms = ["MYOB", "Xreo", "MYOB", "xero", "MYOB", "MYOB", "NULL", ""]
    found = checked(tmp_path, *(f"{n},Ash,{platform}," for n, platform in enumerate(platforms)))
    unknown, missing = found.problem_groups
    assert (unknown.rows, unknown.sentence) == (5, "platform is unknown or ambiguous")
    assert unknown.remedy == "write the name of the accounting software, or its platformKey"
    assert unknown.values == (
        Value("MYOB", 4, (1, 3, 5), "", ""),
        Value("Xreo", 1, (2,), "", 'write "Xero", or a platformKey of four letters'),
    )
    assert (missing.rows, [value.value for value in missing.values]) == (2, ["NULL", None])


def test_a_text_that_all_rows_share_is_shown_once(tmp_path: Path) -> None:
    """Otherwise each value has its own sentence below the general one."""
    (same,) = checked(tmp_path, "1,Ash,xero,", "1,Birch,xero,", "1,Cedar,xero,").problem_groups
    assert (same.sentence, same.values) == ("customer_id duplicates row 1", (Value("1", 2, (2, 3), "", ""),))
    (other,) = checked(tmp_path, "1,Ash,xero,", "2,Ash,xero,", "1,Birch,xero,", "2,Cedar,xero,").problem_groups
    assert other.sentence == "customer_id duplicates another row"
    assert [value.sentence for value in other.values] == ["duplicates row 1", "duplicates row 2"]


def test_the_rows_of_a_value_are_the_first_ones(tmp_path: Path) -> None:
    """A row may have further problems, so that the same value is found in several places."""
    (_, unknown) = sorted(
        checked(tmp_path, "1,,MYOB,", "2,Ash,MYOB,", "3,,MYOB,", "4,Ash,MYOB,").problem_groups,
        key=lambda group: group.field,
    )
    assert unknown.values[0].first_rows == (1, 2, 3)


@pytest.mark.parametrize(
    ("name", "sent", "way"),
    [
        ("Café", "Cafe", "accents"),
        ("Straße", "Strasse", "accents"),
        ("株式会社 A", "A", "letters"),
        ("Müller Кафе", "Muller", "letters"),
        ("Müller (UK)", "Muller UK", "characters"),
        ("O’Brien – Sons", "O'Brien - Sons", "signs"),
        ("Ash\tLtd", "Ash Ltd", "breaks"),
        ("Ash\x0bLtd", "Ash Ltd", "breaks"),
        ("Ash  Ltd", "Ash Ltd", "spaces"),
    ],
)
def test_names_are_grouped_by_the_way_in_which_they_change(tmp_path: Path, name: str, sent: str, way: str) -> None:
    """A name that changes in several ways counts for the one that loses most."""
    (group,) = checked(tmp_path, f"1,{name},xero,", f"2,{name},xero,", "3,Ash,xero,").name_groups
    assert (group.code, group.rows, group.values) == (way, 2, (Value(name, 2, (1, 2), sent, ""),))


def test_warnings_are_counted_beyond_those_that_are_kept(tmp_path: Path) -> None:
    """A million rows may have the same one."""
    found = checked(tmp_path, *(f"{n}.0,Ash,xero,none" for n in range(10_050)))
    rows = {(group.code, group.field): group.rows for group in found.warning_groups}
    assert rows == {("decimal_number", "customer_id"): 10_050, ("email_invalid", "email"): 10_050}


def test_different_values_are_counted_in_bounded_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The number of rows of a kind stays exact."""
    monkeypatch.setattr(problem_groups, "_MAX_VALUES", 5)
    (group,) = checked(tmp_path, *(f"{n},Ash,none {n}," for n in range(50))).problem_groups
    assert isinstance(group, Group)
    assert (group.rows, len(group.values)) == (50, 3)
