"""The summary at the end of a command, on a terminal of 80 columns and elsewhere."""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from pathlib import Path

from unit.reports.journals import Journal

from acceptance.cli.conftest import HEADER, Shell
from bulk.batch import was_killed
from bulk.journal.lock import only_run

LONG = "a-batch-whose-name-is-quite-long-because-it-says-what-is-in-it"


def test_commands_to_copy_are_lines_of_their_own(shell: Shell) -> None:
    """Even long ones are not wrapped: the terminal wraps them itself, and copies them as one line."""
    (shell.path / "x.csv").write_text(HEADER + "1,Acme,Xero,\n2,Bolt,Nonesuch,\n")
    code, shown = shell.run_on_terminal(f"bulk migrate x.csv --sandbox --batch {LONG} 2>/dev/null")
    assert code == 1
    steps = shown.partition("Next:")[2]
    commands = [line.strip() for line in steps.splitlines() if line.startswith("    ")]
    folder = f"reports/{LONG}"
    assert commands == [
        f"{folder}/waves/1.csv",
        f"bulk sent {folder} --file {folder}/waves/1.csv",  # --wave leaves out customers without an address
        f"bulk follow-up {folder} --sandbox",
        f"cp {folder}/rejects.csv corrected.csv",
        f"bulk migrate corrected.csv --batch {LONG} --sandbox",
        f"bulk sandbox --batch {folder}",
    ]


def test_everything_else_has_at_most_80_columns(shell: Shell) -> None:
    """The numbers of the stages stay with their names where the line is broken."""
    (shell.path / "x.csv").write_text(HEADER + "1,Acme,Xero,\n2,Bolt,Nonesuch,\n")
    assert shell.run("bulk migrate x.csv --sandbox").returncode == 1
    _, shown = shell.run_on_terminal("bulk report reports/x --since 1d")
    assert [line for line in shown.splitlines() if len(line) > 80 and not line.startswith("    ")] == []
    assert re.search(r"partner connection\s0$", shown, re.MULTILINE)
    assert "2 rows in batch x:" in shown
    assert "1 newly link ready" in shown


def test_one_row_is_not_called_rows(shell: Shell) -> None:
    """Every command that counts uses the singular."""
    shell.customers(1)
    assert "x.csv: 1 row, 1 accepted, 0 rejected" in shell.run("bulk check x.csv").stdout
    assert "1 row in batch x:" in shell.run("bulk migrate x.csv --sandbox").stdout


def test_a_report_after_a_killed_run_warns_and_exits_with_75(shell: Shell) -> None:
    """The results are not complete. While the run continues, the exit code does not show it."""
    shell.customers(1)
    shell.run("bulk migrate x.csv --sandbox")
    assert shell.run("bulk report reports/x").returncode == 0
    with closing(sqlite3.connect(shell.path / "reports" / "x" / "journal.sqlite3")) as journal, journal:
        journal.execute("UPDATE runs SET finished_at = NULL, seconds = NULL")
    killed = shell.run("bulk report reports/x")
    assert killed.returncode == 75
    started = r"bulk migrate, started \d{4}-\d\d-\d\d \d\d:\d\d UTC"
    assert re.fullmatch(rf"Stopped: {started}, did not end. The same command resumes.\n", killed.stderr)
    assert shell.run("bulk report reports/x --json").returncode == 75
    with only_run(shell.path / "reports" / "x"):
        running = shell.run("bulk report reports/x")
    assert running.returncode == 0
    assert re.match(rf"The last run has not ended: {started}\. ", running.stderr)


def test_a_run_that_ended_while_its_reports_were_written_was_not_killed(tmp_path: Path) -> None:
    """The reports show it as running, and its lock is free by the time that they are complete."""
    journal = Journal(tmp_path / "b")
    folder = journal.path.parent
    journal.run(id=2, command="listen", finished_at=None)
    assert not was_killed(folder, 1)
    assert was_killed(folder, 2)
    with only_run(folder):
        assert not was_killed(folder, 2)


def test_a_quota_whose_reset_has_passed_is_not_shown_as_left(shell: Shell) -> None:
    """The whole quota is there again."""
    shell.customers(1)
    assert "before the reset at" in shell.run("bulk migrate x.csv --sandbox").stdout
    with closing(sqlite3.connect(shell.path / "reports" / "x" / "journal.sqlite3")) as journal, journal:
        journal.execute("UPDATE batch SET value = '2026-11-01T00:00:00Z' WHERE key = 'quota_resets_at'")
    assert "Daily quota: reset at 2026-11-01 00:00 UTC." in shell.run("bulk report reports/x").stdout


def test_who_was_unlinked_before_is_counted_separately(shell: Shell) -> None:
    """A second run does not claim to have unlinked the customer."""
    shell.customers(2)
    shell.run("bulk migrate x.csv --sandbox")
    shell.run("bulk sandbox authorize reports/x --share 1")
    first = shell.run("bulk unlink reports/x --customer 1 --yes --sandbox")
    again = shell.run("bulk unlink reports/x --customer 1 --yes --sandbox")
    both = shell.run("bulk unlink reports/x --customer 1 --customer 2 --yes --sandbox")
    assert [ended.stdout.splitlines()[0] for ended in (first, again, both)] == [
        "1 customer unlinked.",
        "1 customer was unlinked already.",
        "1 customer unlinked, 1 was unlinked already.",
    ]


def test_after_an_undo_no_command_advises_to_create_again(shell: Shell) -> None:
    """`migrate` names the option, and creates nothing without it."""
    shell.customers(2)
    shell.run("bulk migrate x.csv --sandbox")
    undone = shell.run("bulk undo reports/x --yes --sandbox").stdout
    verified = shell.run("bulk verify reports/x --sandbox").stdout
    migrated = shell.run("bulk migrate x.csv --sandbox")
    for shown in (undone, verified, migrated.stdout):
        assert "left to do" not in shown
        assert "bulk migrate" not in shown
    assert "2 companies were deleted by undo and will not be created again" in " ".join(migrated.stderr.split())
    assert migrated.returncode == 0
    assert "link_ready 2" in " ".join(shell.run("bulk migrate x.csv --sandbox --again").stdout.split())
