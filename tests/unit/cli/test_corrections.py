"""`check` of a rejects.csv or conflicts.csv by bulk names the command that `migrate` asks for."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner

from bulk.api import require_batch_name
from bulk.cli.commands.check import check
from bulk.errors import UsageError
from bulk.input import open_input
from bulk.journal.database import FILE

ROWS = {
    "conflicts.csv": "customer_id,company_name,platform,row,conflict,found\n1,Ash,xero,1,customer_id: is taken,Bolt\n",
    "rejects.csv": "customer_id,company_name,platform,row,reasons\n1,Ash,xero,1,platform: is empty\n",
}


def correction(folder: Path, name: str = "conflicts.csv") -> Path:
    """Write a report with a valid row into the folder of a batch."""
    folder.mkdir(parents=True)
    (folder / FILE).write_bytes(b"a journal")
    path = folder / name
    path.write_text(ROWS[name])
    return path


def command_of(path: Path) -> str:
    """Return the command in the refusal of `migrate`."""
    with pytest.raises(UsageError, match="Migrate it with: ") as refusal:
        require_batch_name(open_input(path, mapping={}, platform_names={}))
    return str(refusal.value).rpartition("Migrate it with: ")[2]


@pytest.mark.parametrize("name", list(ROWS))
def test_the_next_command_names_the_batch_that_wrote_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """Without --batch, `migrate` refuses the file."""
    monkeypatch.chdir(tmp_path)
    path = correction(Path("reports/sp 1"), name)
    expected = f"bulk migrate 'reports/sp 1/{name}' --batch 'sp 1'"
    assert command_of(path) == expected
    assert CliRunner().invoke(check, [str(path)]).stdout.endswith(f"Next:\n    {expected}\n")


def test_a_batch_outside_reports_is_named_with_its_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Otherwise `migrate` would begin another batch."""
    monkeypatch.chdir(tmp_path)
    path = correction(tmp_path / "out" / "sp")
    expected = f"bulk migrate {shlex.quote(str(path))} --batch sp --reports {shlex.quote(str(tmp_path / 'out'))}"
    assert command_of(path) == expected
    assert expected in CliRunner().invoke(check, [str(path)]).stdout


def test_a_copy_elsewhere_does_not_show_its_batch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The user knows the name."""
    monkeypatch.chdir(tmp_path)
    path = correction(Path("reports/sp")).rename("copy.csv")
    assert command_of(path) == "bulk migrate copy.csv --batch NAME"
    assert "bulk migrate copy.csv --batch NAME\n" in CliRunner().invoke(check, [str(path)]).stdout


def test_any_other_input_needs_no_batch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its name is that of the new batch."""
    monkeypatch.chdir(tmp_path)
    path = Path("in.csv")
    path.write_text("customer_id,company_name,platform\n1,Ash,xero\n")
    require_batch_name(open_input(path, mapping={}, platform_names={}))
    assert CliRunner().invoke(check, [str(path)]).stdout.endswith("bulk migrate in.csv\n")
