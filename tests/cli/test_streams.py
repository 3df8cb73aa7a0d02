"""Whatever becomes of what a run says, the run goes on and its exit code stays its own."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys

import pytest

from cli.conftest import Shell


@pytest.mark.parametrize(
    "where",
    [
        "2>&1 | head -1",  # the reader goes after the first line
        "2>&1 | true",  # there never was one
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
def test_a_run_that_cannot_speak_does_its_work(shell: Shell, where: str) -> None:
    """All customers are done, and the exit code says so."""
    shell.customers(60)
    ended = shell.run(f"bulk migrate x.csv --sandbox {where}")
    assert ended.returncode == 0, ended.stderr
    assert shell.states() == 60


def test_results_that_cannot_be_written_are_said(shell: Shell) -> None:
    """A disk that is full is no secret; a reader that had enough is no trouble."""
    shell.customers(2)
    full = shell.run("bulk check x.csv > /dev/full")
    assert (full.returncode, full.stderr.count("\n")) == (0, 1)
    assert "could not be written to standard output (No space left on device)" in full.stderr
    gone = shell.run("bulk check x.csv | true")
    assert (gone.returncode, gone.stderr) == (0, "")


@pytest.mark.parametrize("line", ["bulk --help", "bulk migrate --help", "bulk --version"])
def test_help_that_nobody_reads_is_no_failure(shell: Shell, line: str) -> None:
    """`bulk --help | head` is what people do."""
    ended = shell.run(f"{line} | true")
    assert (ended.returncode, ended.stderr) == (0, "")


def test_faults_are_still_faults_where_nothing_can_be_said(shell: Shell) -> None:
    """The codes of wrong usage and of rejected rows stay as well."""
    (shell.path / "x.csv").write_text("customer_id,company_name,platform\n1,Acme,Nonesuch\n2,Acme,Xero\n")
    for where in (">/dev/full 2>&1", "2>&- >&-", "2>&1 | true"):
        assert shell.run(f"bulk check x.csv {where}").returncode == 1
        assert shell.run(f"bulk check absent.csv {where}").returncode == 2
        assert shell.run(f"bulk check --nonsense {where}").returncode == 2


def test_a_terminal_that_goes_away_ends_no_run(shell: Shell) -> None:
    """The bar is drawn on a terminal whose other end is closed before the run begins."""
    shell.customers(60)
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-m", "bulk", "migrate", "x.csv", "--sandbox"],
        cwd=shell.path,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=theirs,
    ) as process:
        os.close(theirs)
        os.read(ours, 1)  # the run has begun to speak
        os.close(ours)
        assert process.wait(60) == 0
    assert shell.states() == 60


@pytest.mark.parametrize("encoding", ["cp1252", "ascii", "utf-8", "latin-1:strict"])
def test_names_are_shown_in_every_encoding(shell: Shell, encoding: str) -> None:
    """What it lacks is written as an escape, and JSON stays JSON."""
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


def test_a_file_name_that_is_no_text_is_taken(shell: Shell) -> None:
    """It is written with an escape in journal, reports and messages; the same command resumes."""
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
