"""Journals that are new, cut short, overwritten, locked or gone: no second company, and a message says what to do."""

from __future__ import annotations

import random
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from support.run_fixtures import SetUp
from support.runs import BatchFixture, Codat, until

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
def begun(codat: Codat, fixture: BatchFixture) -> tuple[BatchFixture, list[str]]:
    """Return a batch that is partly done."""
    ids = fixture.customers(CUSTOMERS)
    assert fixture.run("--limit", str(DONE)).code == 0
    codat.count_from_zero()
    return fixture, ids


def journal_of(fixture: BatchFixture) -> Path:
    """Return the path of a batch's journal."""
    return fixture.folder / "journal.sqlite3"


def finishes(fixture: BatchFixture, ids: list[str]) -> str:
    """Run it to its end, without the journal if the first run says so; return the output of the first run."""
    ended = fixture.run()
    if ended.code == 2:
        ended.assert_one_error("is damaged", "Move it away")
        fixture.delete_journal()
        assert fixture.run().code == 0
    else:
        assert ended.code == 0, ended.err
    fixture.assert_once_only(ids)
    return ended.err


@THOROUGH
def test_a_journal_of_a_newer_version_is_left_alone(begun: tuple[BatchFixture, list[str]], codat: Codat) -> None:
    """Nothing is sent: a newer version may mean something else by an empty column."""
    fixture, _ = begun
    fixture.change_journal("PRAGMA user_version = 99")

    ended = fixture.run()

    assert ended.code == 2
    ended.assert_one_error("another version", "Use the version of bulk that wrote it")
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
def test_a_journal_that_was_cut_short_creates_no_duplicate(share: float, begun: tuple[BatchFixture, list[str]]) -> None:
    """The journal has any length. The run reports the damage, or finds all companies again."""
    fixture, ids = begun
    content = journal_of(fixture).read_bytes()
    journal_of(fixture).write_bytes(content[: int(len(content) * share)])

    output = finishes(fixture, ids)

    assert ("is damaged" in output) is (share > 0), output


@THOROUGH
@pytest.mark.parametrize("seed", range(20))
def test_a_journal_with_overwritten_pages_creates_no_duplicate(
    seed: int, begun: tuple[BatchFixture, list[str]]
) -> None:
    """Zeros, noise, or another page replaces a page or two."""
    fixture, ids = begun
    overwrite(journal_of(fixture), random.Random(seed))  # noqa: S311 - repeatable, not a secret
    finishes(fixture, ids)


def overwrite(path: Path, rng: random.Random, page: int = 4096) -> None:
    """Overwrite a page or two of a file."""
    content = bytearray(path.read_bytes())
    pages = len(content) // page
    for _ in range(rng.randint(1, 2)):
        at = rng.randrange(pages) * page
        other = rng.randrange(pages) * page
        content[at : at + page] = rng.choice([bytes(page), rng.randbytes(page), bytes(content[other : other + page])])
    path.write_bytes(content)


@THOROUGH
@pytest.mark.parametrize("content", [b"", b"\n", b"customer_id,company_name\n" * 1000, bytes(8192)])
def test_another_file_in_place_of_the_journal_creates_no_duplicate(
    content: bytes, begun: tuple[BatchFixture, list[str]]
) -> None:
    """An empty file is a new journal; a text file is damaged."""
    fixture, ids = begun
    journal_of(fixture).write_bytes(content)
    finishes(fixture, ids)


@contextmanager
def held(path: Path, seconds: float = 3600) -> Iterator[None]:
    """Let another program lock a journal for some seconds, or until the block ends."""
    with subprocess.Popen([sys.executable, "-c", HOLD, str(path), str(seconds)], stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        other.stdout.readline()
        try:
            yield
        finally:
            other.kill()


@THOROUGH
def test_a_run_waits_for_a_journal_that_another_program_locks_for_a_moment(
    begun: tuple[BatchFixture, list[str]],
) -> None:
    """A backup does that."""
    fixture, ids = begun
    with held(journal_of(fixture), 3):
        assert fixture.run().code == 0
    fixture.assert_once_only(ids)


def test_a_journal_that_another_program_keeps_locked_ends_a_run(
    begun: tuple[BatchFixture, list[str]], codat: Codat
) -> None:
    """Nothing is sent, and when it is unlocked the same command resumes."""
    fixture, ids = begun
    with held(journal_of(fixture)):
        ended = fixture.run()
    assert ended.code == 75
    ended.assert_one_error("another program", "same command")
    assert codat.stats()["requests_total"] == 0
    assert fixture.run().code == 0
    fixture.assert_once_only(ids)


@THOROUGH
def test_a_journal_that_is_locked_during_a_run_loses_nothing(careless: Codat, set_up: SetUp) -> None:
    """The next run looks up the requests that were in flight."""
    fixture = set_up(careless)
    ids = fixture.customers(CUSTOMERS)
    with ExitStack() as lock:
        with careless.holding(after=10) as wait_until_held:
            process = fixture.start("--concurrency", "4")
            wait_until_held()
            lock.enter_context(held(journal_of(fixture)))
        ended = process.wait()
    assert ended.code == 75
    ended.assert_one_error("another program", "same command")
    assert fixture.run().code == 0
    fixture.assert_once_only(ids)


@pytest.mark.parametrize(
    "left",
    [None, pytest.param(0.0, marks=THOROUGH), pytest.param(0.5, marks=THOROUGH), pytest.param(0.9, marks=THOROUGH)],
)
def test_a_write_ahead_log_that_was_lost_or_cut_short_creates_no_duplicate(
    left: float | None, careless: Codat, set_up: SetUp
) -> None:
    """The journal is then as it was some time ago, and lacks everything that was done since."""
    fixture = set_up(careless)
    ids = fixture.customers(CUSTOMERS)
    assert fixture.run("--limit", "2").code == 0
    with careless.holding(after=20) as wait_until_held:
        process = fixture.start("--concurrency", "4")
        wait_until_held()
        process.kill()
    until(lambda: careless.stats()["in_flight"] == 0, "nothing is in flight")
    log = fixture.folder / "journal.sqlite3-wal"
    if left is None:
        log.unlink()
    else:
        log.write_bytes(log.read_bytes()[: int(log.stat().st_size * left)])

    assert fixture.run().code == 0

    fixture.assert_once_only(ids)


@THOROUGH
def test_an_older_copy_of_a_journal_creates_no_duplicate(begun: tuple[BatchFixture, list[str]], codat: Codat) -> None:
    """Restored from a backup, it lacks the customers that were migrated since."""
    fixture, ids = begun
    copy = fixture.path / "copy"
    shutil.copy2(journal_of(fixture), copy)
    assert fixture.run().code == 0
    fixture.delete_journal()
    shutil.copy2(copy, journal_of(fixture))
    codat.count_from_zero()

    assert fixture.run().code == 0

    assert codat.posts() == 0
    fixture.assert_once_only(ids)
