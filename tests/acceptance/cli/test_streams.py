"""A broken terminal, pipe or disk for the output neither stops a command nor changes its exit code."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys

import pytest

from acceptance.cli.conftest import Shell

CUSTOMERS = 16  # their requests take more than a second


@pytest.mark.parametrize(
    "where",
    [
        "2>&1 | head -1",  # the reader leaves after the first line
        "2>&1 | true",  # the reader leaves at once
        "| true",
        "2>&-",
        ">&-",
        ">&- 2>&- <&-",
        "2>/dev/full",
        ">/dev/full",
        "--json >/dev/full",
        "--json | true",
        ">/dev/full 2>&1",
    ],
)
def test_a_run_without_a_working_output_does_its_work(shell: Shell, where: str) -> None:
    """All customers are done, and the exit code is 0."""
    shell.customers(CUSTOMERS)
    ended = shell.run(f"bulk migrate x.csv --sandbox {where}")
    assert ended.returncode == 0, ended.stderr
    assert shell.states() == CUSTOMERS


def test_results_that_cannot_be_written_are_reported(shell: Shell) -> None:
    """A full disk is reported. A reader that has left is not: it has read enough."""
    shell.customers(2)
    full = shell.run("bulk check x.csv > /dev/full")
    assert (full.returncode, full.stderr.count("\n")) == (0, 1)
    assert "could not be written to standard output (No space left on device)" in full.stderr
    gone = shell.run("bulk check x.csv | true")
    assert (gone.returncode, gone.stderr) == (0, "")


@pytest.mark.parametrize("line", ["bulk --help", "bulk migrate --help", "bulk --version"])
def test_help_succeeds_without_a_reader(shell: Shell, line: str) -> None:
    """People type `bulk --help | head`."""
    ended = shell.run(f"{line} | true")
    assert (ended.returncode, ended.stderr) == (0, "")


def test_exit_codes_stay_where_nothing_can_be_printed(shell: Shell) -> None:
    """Those of wrong usage and of rejected rows."""
    (shell.path / "x.csv").write_text("customer_id,company_name,platform\n1,Acme,Nonesuch\n2,Acme,Xero\n")
    for where in (">/dev/full 2>&1", "2>&- >&-", "2>&1 | true"):
        assert shell.run(f"bulk check x.csv {where}").returncode == 1
        assert shell.run(f"bulk check absent.csv {where}").returncode == 2
        assert shell.run(f"bulk check --nonsense {where}").returncode == 2


def test_a_run_survives_its_terminal(shell: Shell) -> None:
    """The window is closed right after the run has begun."""
    shell.customers(CUSTOMERS)
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-m", "bulk", "migrate", "x.csv", "--sandbox"],
        cwd=shell.path,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=theirs,
    ) as process:
        os.close(theirs)
        os.read(ours, 1)  # the run has printed something
        os.close(ours)
        assert process.wait(60) == 0
    assert shell.states() == CUSTOMERS


@pytest.mark.parametrize("encoding", ["cp1252", "ascii", "utf-8", "latin-1:strict"])
def test_names_are_shown_in_every_encoding(shell: Shell, encoding: str) -> None:
    """A character that the encoding lacks becomes an escape, and JSON stays valid."""
    name = "東京 Ångström 😀"
    (shell.path / "x.csv").write_text(f"customer_id,company_name,platform\n1,Acme {name},Xero\n", "utf-8")
    environ = {"PYTHONIOENCODING": encoding, "PYTHONUTF8": "0"}
    assert shell.run("bulk check x.csv", **environ).returncode == 0
    assert shell.run("bulk migrate x.csv --sandbox", **environ).returncode == 0
    checked = subprocess.run(
        [sys.executable, "-m", "bulk", "check", "x.csv", "--json"],
        cwd=shell.path,
        env=os.environ | environ,
        capture_output=True,
        check=True,
    )
    (renamed,) = json.loads(checked.stdout.decode(encoding.partition(":")[0]))["renamed"]
    assert renamed["company_name"] == f"Acme {name}"


def test_a_file_name_that_is_not_utf_8_is_accepted(shell: Shell) -> None:
    """Journal, reports and messages contain it with an escape, and the same command resumes."""
    shell.customers(2)
    (shell.path / "x.csv").rename(shell.path / os.fsdecode(b"bad\xffname.csv"))
    assert shell.run("bulk check $'bad\\xffname.csv' --json").returncode == 0
    for _ in range(2):
        ended = shell.run("bulk migrate $'bad\\xffname.csv' --sandbox")
        assert ended.returncode == 0, ended.stderr
    assert shell.states("bad%FFname") == 2
    summary = json.loads((shell.path / "reports" / "bad%FFname" / "summary.json").read_text("utf-8"))
    assert summary["input"] == "bad\\udcffname.csv"
    assert summary["rows"]["same"] == 2
    named = shell.run("bulk migrate $'bad\\xffname.csv' --sandbox --batch $'b\\xff'")
    assert named.returncode == 0, named.stderr
    refused = shell.run("bulk migrate $'bad\\xffname.csv' --sandbox --reports $'r\\xff'")
    assert refused.returncode == 2
    assert "r\\udcff/bad%FFname cannot be used" in refused.stderr
