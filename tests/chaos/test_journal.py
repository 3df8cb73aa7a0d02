"""Journals that are old, new, cut short, overwritten, locked or gone: no second company, and it is said what to do."""

from __future__ import annotations

import random
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from runs.conftest import Launch, SetUp
from runs.fixture import Bench, Codat, Ended, until

from chaos.thorough import THOROUGH

CUSTOMERS = 20
DONE = 12  # of them, by the first run
HOLD = """
import sqlite3, sys, time
journal = sqlite3.connect(sys.argv[1], isolation_level=None, timeout=30)
journal.execute("PRAGMA locking_mode = EXCLUSIVE" if sys.argv[3:] else "PRAGMA user_version")
journal.execute("BEGIN EXCLUSIVE")
print("held", flush=True)
time.sleep(float(sys.argv[2]))
"""


@pytest.fixture
def begun(codat: Codat, bench: Bench) -> tuple[Bench, list[str]]:
    """Return a batch of which a part is done."""
    ids = bench.customers(CUSTOMERS)
    assert bench.run("--limit", str(DONE)).code == 0
    codat.count_from_zero()
    return bench, ids


def journal_of(bench: Bench) -> Path:
    """Return the path of a batch's journal."""
    return bench.folder / "journal.sqlite3"


def says_once(ended: Ended, *words: str) -> None:
    """Hold a run to one line that says what happened and what to do."""
    lines = [line for line in ended.err.splitlines() if line.startswith("bulk: ")]
    assert len(lines) == 1, ended.err
    assert all(word in lines[0] for word in words), lines[0]


def finishes(bench: Bench, ids: list[str]) -> str:
    """Run it to its end, with the journal moved away where that is what it says; return what it has said first."""
    ended = bench.run()
    if ended.code == 2:
        says_once(ended, "is damaged", "Move it away")
        bench.lose_the_journal()
        assert bench.run().code == 0
    else:
        assert ended.code == 0, ended.err
    bench.proves_once_only(ids)
    return ended.err


@THOROUGH
def test_a_journal_of_a_newer_version_is_left_alone(begun: tuple[Bench, list[str]], codat: Codat) -> None:
    """Who knows what it means there that nobody is asked for."""
    bench, _ = begun
    bench.alter("PRAGMA user_version = 99")

    ended = bench.run()

    assert ended.code == 2
    says_once(ended, "another version", "Use the version of bulk that wrote it")
    assert codat.stats()["requests_total"] == 0


@pytest.mark.parametrize(
    "share",
    [
        pytest.param(0.0, marks=THOROUGH),
        pytest.param(0.0005, marks=THOROUGH),
        pytest.param(0.01, marks=THOROUGH),
        pytest.param(0.3, marks=THOROUGH),
        0.77,
        pytest.param(0.999, marks=THOROUGH),
    ],
)
def test_a_journal_that_was_cut_short_makes_no_double(share: float, begun: tuple[Bench, list[str]]) -> None:
    """At any length: it is said, or all are found again."""
    bench, ids = begun
    content = journal_of(bench).read_bytes()
    journal_of(bench).write_bytes(content[: int(len(content) * share)])

    said = finishes(bench, ids)

    assert ("is damaged" in said) is (share > 0), said


@THOROUGH
@pytest.mark.parametrize("seed", range(20))
def test_a_journal_with_overwritten_pages_makes_no_double(seed: int, begun: tuple[Bench, list[str]]) -> None:
    """Zeros, noise, or another page in the place of some."""
    bench, ids = begun
    overwrite(journal_of(bench), random.Random(seed))  # noqa: S311 - repeatable, no secret
    finishes(bench, ids)


def overwrite(path: Path, chance: random.Random, page: int = 4096) -> None:
    """Put something else in the place of a page or two of a file."""
    content = bytearray(path.read_bytes())
    pages = len(content) // page
    for _ in range(chance.randint(1, 2)):
        at = chance.randrange(pages) * page
        other = chance.randrange(pages) * page
        content[at : at + page] = chance.choice(
            [bytes(page), chance.randbytes(page), bytes(content[other : other + page])]
        )
    path.write_bytes(content)


@THOROUGH
@pytest.mark.parametrize("content", [b"", b"\n", b"customer_id,company_name\n" * 1000, bytes(8192)])
def test_what_is_no_journal_makes_no_double(content: bytes, begun: tuple[Bench, list[str]]) -> None:
    """An empty file is a new journal; a text file is damaged."""
    bench, ids = begun
    journal_of(bench).write_bytes(content)
    finishes(bench, ids)


@contextmanager
def held(path: Path, seconds: float) -> Iterator[None]:
    """Let another program hold a journal for so long."""
    with subprocess.Popen([sys.executable, "-c", HOLD, str(path), str(seconds)], stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        other.stdout.readline()
        try:
            yield
        finally:
            other.kill()


@THOROUGH
def test_a_journal_that_another_program_holds_for_a_moment_is_waited_for(begun: tuple[Bench, list[str]]) -> None:
    """As a backup does."""
    bench, ids = begun
    with held(journal_of(bench), 3):
        assert bench.run().code == 0
    bench.proves_once_only(ids)


def test_a_journal_that_another_program_does_not_let_go_is_said(begun: tuple[Bench, list[str]], codat: Codat) -> None:
    """Nothing is sent, and when it is free the same command resumes."""
    bench, ids = begun
    with held(journal_of(bench), 60):
        ended = bench.run()
    assert ended.code == 75
    says_once(ended, "another program", "same command")
    assert codat.stats()["requests_total"] == 0
    assert bench.run().code == 0
    bench.proves_once_only(ids)


@THOROUGH
def test_a_journal_that_is_taken_while_a_run_is_at_work_loses_nothing(launch: Launch, set_up: SetUp) -> None:
    """What was in flight is looked up by the next run."""
    codat = launch(latency=0.05, ignore_idempotency=True, second_connection="allow")
    bench = set_up(codat)
    ids = bench.customers(CUSTOMERS)
    process = bench.start("--concurrency", "4")
    until(lambda: codat.posts() >= 10, "some requests")
    with held(journal_of(bench), 60):
        ended = process.wait()
    assert ended.code == 75
    says_once(ended, "another program", "same command")
    assert bench.run().code == 0
    bench.proves_once_only(ids)


@pytest.mark.parametrize(
    "left",
    [None, pytest.param(0.0, marks=THOROUGH), pytest.param(0.5, marks=THOROUGH), pytest.param(0.9, marks=THOROUGH)],
)
def test_a_write_ahead_log_that_was_lost_or_cut_short_makes_no_double(
    left: float | None, launch: Launch, set_up: SetUp
) -> None:
    """The journal is then as it was some time ago, and knows nothing of what has been done since."""
    codat = launch(latency=0.02, ignore_idempotency=True, second_connection="allow")
    bench = set_up(codat)
    ids = bench.customers(CUSTOMERS)
    assert bench.run("--limit", "2").code == 0
    process = bench.start("--concurrency", "4")
    until(lambda: codat.posts() >= 4 + 20, "some requests")
    process.kill()
    until(lambda: codat.stats()["in_flight"] == 0, "nothing under way")
    log = bench.folder / "journal.sqlite3-wal"
    if left is None:
        log.unlink()
    else:
        log.write_bytes(log.read_bytes()[: int(log.stat().st_size * left)])

    assert bench.run().code == 0

    bench.proves_once_only(ids)


@THOROUGH
def test_an_older_copy_of_a_journal_makes_no_double(begun: tuple[Bench, list[str]], codat: Codat) -> None:
    """Put back from a backup, it knows nothing of those who have come since."""
    bench, ids = begun
    copy = bench.path / "copy"
    shutil.copy2(journal_of(bench), copy)
    assert bench.run().code == 0
    bench.lose_the_journal()
    shutil.copy2(copy, journal_of(bench))
    codat.count_from_zero()

    assert bench.run().code == 0

    assert codat.posts() == 0
    bench.proves_once_only(ids)
