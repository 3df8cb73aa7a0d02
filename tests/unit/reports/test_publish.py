"""Publishing: the files of a report appear complete and together, or not at all."""

from __future__ import annotations

import fcntl
import json
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import polars as pl
import pytest

from bulk.errors import BatchError, BatchInUseError, JournalError
from bulk.reports.columns import LINKS
from bulk.reports.publish import LOCK, STAGE, staging, wrap_errors
from bulk.reports.write import write_reports

from .csv_files import cells, room_for
from .journals import NOON, Journal


def test_a_report_replaces_the_previous_files_instead_of_writing_into_them(journal: Journal) -> None:
    """A program that has the previous file open continues to read it."""
    journal.source()
    write_reports(journal.folder, now=NOON)
    with (journal.folder / "results.csv").open() as old:
        journal.customer(1, "a")
        write_reports(journal.folder, now=NOON)
        assert len(old.readlines()) == 1
    assert len(cells(journal.folder / "results.csv")) == 2


def test_a_full_disk_leaves_the_previous_reports(journal: Journal) -> None:
    """The error names the file and the remedy; the next report succeeds and leaves nothing behind."""
    journal.source()
    journal.customer(1, "a")
    old = {path: path.read_bytes() for path in write_reports(journal.folder, now=NOON).paths}
    journal.customer(2, "b", company_name="x" * 1_000_000)
    with room_for(200_000), pytest.raises(JournalError, match=r"results\.csv cannot be written .*Make room"):
        write_reports(journal.folder, now=NOON)
    assert {path: path.read_bytes() for path in old} == old
    assert not (journal.folder / STAGE).exists()
    assert write_reports(journal.folder, now=NOON).figures.summary.customers["pending"] == 2


@pytest.mark.parametrize("name", ["nowhere", "file", "empty"])
def test_a_folder_without_a_journal_gets_no_reports(tmp_path: Path, name: str) -> None:
    """No journal and no report is created."""
    (tmp_path / "file").touch()
    (tmp_path / "empty").mkdir()
    with pytest.raises(BatchError):
        write_reports(tmp_path / name, now=NOON)
    assert not (tmp_path / name / "journal.sqlite3").exists()
    assert not (tmp_path / name / "results.csv").exists()


def test_only_one_report_runs_at_a_time(tmp_path: Path) -> None:
    """The earlier of two must not overwrite the later one; after a while the waiting one gives up."""
    with (tmp_path / LOCK).open("w") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        with pytest.raises(BatchInUseError, match="Another command"), staging(tmp_path, wait_seconds=0):
            pass
    with staging(tmp_path, wait_seconds=0) as stage:
        assert stage.is_dir()


@pytest.mark.parametrize(
    ("blocked", "file"),
    [
        (LOCK, ""),  # the folder itself
        (STAGE, STAGE),
        ("results.csv", "results.csv"),
    ],
)
def test_the_advice_for_an_unusable_folder_names_the_batch(journal: Journal, blocked: str, file: str) -> None:
    """Whichever part of the folder it is, the command is the same and can be pasted into a shell."""
    folder = journal.folder.rename(journal.folder.with_name("two words"))
    if blocked == STAGE:
        (folder / STAGE).touch()  # a file where a folder should be
    else:
        (folder / blocked).mkdir()
    with pytest.raises(JournalError) as caught:
        write_reports(folder, now=NOON)
    assert str(caught.value).startswith(f"{folder / file if file else folder} cannot be written (")
    assert str(caught.value).endswith(f"run: bulk report {shlex.quote(str(folder))}")


def test_our_own_mistakes_pass_through(tmp_path: Path) -> None:
    """Neither an error of Python nor one of polars means that the disk is full."""
    with pytest.raises(ValueError, match="invalid literal"), wrap_errors(tmp_path / "a.csv"):
        int("x")
    with pytest.raises(pl.exceptions.ColumnNotFoundError), wrap_errors(tmp_path / "a.csv"):
        pl.DataFrame().select("a")


def test_the_next_report_removes_the_files_of_a_killed_one(journal: Journal) -> None:
    """Links do not pile up in incomplete files."""
    journal.source()
    stage = journal.folder / STAGE
    stage.mkdir()
    (stage / "links.csv").write_text("half a li")
    write_reports(journal.folder, now=NOON)
    assert not stage.exists()
    assert cells(journal.folder / "links.csv") == [list(LINKS)]


def test_reports_are_complete_whenever_they_are_killed(journal: Journal) -> None:
    """After kill -9 at any moment each file was written to its end, and the next report works."""
    journal.source(rows=3000)
    journal.customers(3000)
    write_reports(journal.folder, now=NOON)
    script = (
        "import sys, pathlib, datetime, bulk.reports.write as r\n"
        "print('ready', flush=True)\n"
        "while True: r.write_reports(pathlib.Path(sys.argv[1]), now=datetime.datetime.now(datetime.UTC))"
    )
    for pause_seconds in (0.01, 0.05, 0.13):
        with subprocess.Popen([sys.executable, "-c", script, journal.folder], stdout=subprocess.PIPE) as process:
            assert process.stdout
            process.stdout.readline()
            time.sleep(pause_seconds)  # any moment will do: nothing is waited for
            process.send_signal(signal.SIGKILL)
        assert pl.read_parquet(journal.folder / "results.parquet").height == 3000
        assert len(cells(journal.folder / "results.csv")) == 3001
        assert json.loads((journal.folder / "summary.json").read_text())["customers"]["pending"] == 3000
    write_reports(journal.folder, now=NOON)
    assert not (journal.folder / STAGE).exists()


INTERRUPTED = """
import os, signal, sys, time
from datetime import UTC, datetime
from pathlib import Path
from bulk.reports.write import write_reports
from bulk.reports import publish
moved = publish.Path.replace
def replace(self, target):
    if target.name == "links.csv":
        os.kill(os.getpid(), signal.SIGINT)  # Python handles it before the next line
        time.sleep(0)
    return moved(self, target)
publish.Path.replace = replace
write_reports(Path(sys.argv[1]), now=datetime(2026, 11, 23, 12, tzinfo=UTC))
"""


def test_an_interruption_while_files_are_moved_leaves_all_of_them_new(journal: Journal) -> None:
    """The folder never has files of two moments."""
    journal.source()
    journal.created(1, "a")
    written = write_reports(journal.folder, now=NOON)
    for path in written.paths:
        path.write_text("old")
    command = [sys.executable, "-c", INTERRUPTED, str(journal.folder)]
    ended = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert "KeyboardInterrupt" in ended.stderr
    assert [path.name for path in written.paths if path.read_bytes() == b"old"] == []
    assert not (journal.folder / STAGE).exists()
