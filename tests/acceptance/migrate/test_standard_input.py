"""`-` is standard input: it is kept in a private file for the time of the command, and a rerun compares it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

TABLE = "customer_id,company_name,platform\n1,Ash Ltd,Xero\n2,Birch Ltd,Xero\n"


def bulk(folder: Path, *arguments: str, stdin: str) -> subprocess.CompletedProcess[str]:
    """Run a command with a text as standard input. Its temporary files are in the folder, too."""
    temporary = folder / "temporary"
    temporary.mkdir(exist_ok=True)
    environment = os.environ | {"TMPDIR": str(temporary), "XDG_STATE_HOME": str(folder)}
    command = [sys.executable, "-m", "bulk", *arguments]
    ended = subprocess.run(
        command, input=stdin, cwd=folder, env=environment, text=True, capture_output=True, timeout=120, check=False
    )
    assert list(temporary.iterdir()) == [], "the customers' data are removed"
    return ended


def test_a_table_is_piped_into_migrate_and_check(tmp_path: Path) -> None:
    """A rerun with another table is the same file, edited."""
    options = ("--batch", "piped", "--sandbox")
    begun = bulk(tmp_path, "migrate", "-", *options, stdin=TABLE)
    assert begun.returncode == 0, begun.stderr
    checked = bulk(tmp_path, "check", "-", *options, stdin=TABLE.replace("2,Birch", "3,Cedar"))
    assert checked.stdout.startswith("-: 2 rows, 2 accepted")
    assert "1 new" in checked.stdout
    assert "1 gone" in checked.stdout
    ended = bulk(tmp_path, "migrate", "-", *options, stdin=TABLE.replace("2,Birch", "3,Cedar"))
    assert ended.returncode == 0, ended.stderr
    assert len((tmp_path / "reports/piped/results.csv").read_text("utf-8-sig").splitlines()) == 1 + 3


def test_standard_input_needs_the_name_of_a_batch(tmp_path: Path) -> None:
    """`check` needs none, and its next command shows where the name belongs."""
    refused = bulk(tmp_path, "migrate", "-", "--sandbox", stdin=TABLE)
    assert (refused.returncode, "Add --batch NAME" in refused.stderr) == (2, True)
    assert "bulk migrate - --batch NAME" in bulk(tmp_path, "check", "-", stdin=TABLE).stdout


def test_an_unusable_table_is_named_as_standard_input(tmp_path: Path) -> None:
    """The user does not see the name of the temporary file."""
    for name in ("-", "/dev/stdin"):
        refused = bulk(tmp_path, "check", name, stdin="a,b\n1,2\n")
        assert refused.returncode == 2
        assert "standard input has no column for customer_id" in refused.stderr


def test_a_link_to_the_newest_export_is_one_file(tmp_path: Path) -> None:
    """When it points to another export, a customer that is missing there is gone."""
    for number, text in enumerate((TABLE, TABLE.replace("2,Birch", "3,Cedar"))):
        export = tmp_path / f"export-{number}.csv"
        export.write_text(text)
        link = tmp_path / "current.csv"
        link.unlink(missing_ok=True)
        link.symlink_to(export)
        ended = bulk(tmp_path, "migrate", "current.csv", "--sandbox", stdin="")
        assert ended.returncode == 0, ended.stderr
    assert "1 gone" in ended.stderr + ended.stdout
