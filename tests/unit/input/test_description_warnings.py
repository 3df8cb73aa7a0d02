"""`check` warns of damaged descriptions. No row is rejected or held for one."""

from __future__ import annotations

from pathlib import Path

import pytest

from bulk.check_result import CheckResult
from bulk.input_check import check


def checked(folder: Path, *descriptions: str, max_lines: int = 100) -> CheckResult:
    """Return the result of `check` for rows with these descriptions."""
    path = folder / "in.csv"
    rows = (f"{number},Acme {number},Xero,{text}\n" for number, text in enumerate(descriptions, 1))
    path.write_text("customer_id,company_name,platform,description\n" + "".join(rows), "utf-8")
    return check(path, max_lines=max_lines)


@pytest.mark.parametrize(
    ("description", "restored"),
    [
        ("CafÃ© in MÃ¼nchen", "Café in München"),
        ("Fish &amp; chips", "Fish & chips"),
        ("Gr\ufffd\ufffde", None),  # nobody can know these letters
        ("Why? Because 100% of them pay", ""),
        ("Café; see https://x.example/a?b=c&d=e", ""),
    ],
)
def test_a_damaged_description_gets_a_warning(tmp_path: Path, description: str, restored: str | None) -> None:
    """It names the text before the damage, if that is known. The row is sent."""
    result = checked(tmp_path, description)
    assert (result.accepted, result.rejected, result.in_conflict) == (1, 0, 0)
    warnings = result.warnings.select("row", "code", "field", "value", "warning").rows()
    perhaps = f' (it was probably "{restored}")' if restored else ""
    expected = (1, "description_damaged", "description", description, f"was damaged before bulk read it{perhaps}")
    assert warnings == ([] if restored == "" else [expected])


def test_all_damaged_descriptions_are_counted(tmp_path: Path) -> None:
    """Only the first ones are listed."""
    result = checked(tmp_path, *(f"Caf\u00c3\u00a9 {n}" for n in range(30)), max_lines=5)
    assert result.warnings.height == 5
    (group,) = result.warning_groups
    assert (group.rows, group.sentence) == (30, "description was damaged before bulk read it")
