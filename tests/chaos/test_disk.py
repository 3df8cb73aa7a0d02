"""Disks that are full, read-only or gone, on real file systems: a message says so, and the same command resumes."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from support.run_fixtures import SetUp
from support.runs import BatchFixture, Codat

from chaos import disks
from chaos.thorough import THOROUGH

CUSTOMERS = 40


@pytest.fixture
def disk(fixture: BatchFixture) -> Iterator[Path]:
    """Return the folder of reports, on its own file system."""
    if not disks.can_mount():
        pytest.skip(disks.MISSING)
    with disks.small(fixture.path / "reports", "9m"):
        yield fixture.path / "reports"


def fill(path: Path) -> None:
    """Use all free space."""
    with suppress(OSError), path.open("wb", buffering=0) as file:
        while True:
            file.write(b"x" * 4096)


@pytest.mark.parametrize(
    "size",
    [
        pytest.param("4k", marks=THOROUGH),
        pytest.param("20k", marks=THOROUGH),
        "60k",
        pytest.param("250k", marks=THOROUGH),
        "400k",
        pytest.param("600k", marks=THOROUGH),
    ],
)
def test_a_full_disk_ends_a_run_and_with_space_again_the_same_command_resumes(
    size: str, disk: Path, codat: Codat, fixture: BatchFixture
) -> None:
    """The disk fills up in the first page of the journal, in the middle of the run, or in the reports."""
    ids = fixture.customers(CUSTOMERS)
    disks.remount(disk, f"size={size}")

    ended = fixture.run()

    assert ended.code == 75
    ended.assert_one_error("cannot be written", "ake room")
    disks.remount(disk, "size=9m")
    assert fixture.run().code == 0
    assert codat.posts() <= 2 * CUSTOMERS + 2 * 10  # at most the requests in flight are repeated
    fixture.assert_once_only(ids)


def test_a_disk_that_fills_up_during_a_run_loses_nothing(careless: Codat, set_up: SetUp) -> None:
    """Another program has filled it; the run ends in order, and the same command resumes when there is space."""
    if not disks.can_mount():
        pytest.skip(disks.MISSING)
    fixture = set_up(careless)
    ids = fixture.customers(CUSTOMERS)
    with disks.small(fixture.path / "reports", "9m"):
        with careless.holding(after=10) as wait_until_held:
            process = fixture.start("--concurrency", "4")
            wait_until_held()
            fill(fixture.path / "reports" / "others")
        ended = process.wait()
        assert ended.code == 75
        ended.assert_one_error("cannot be written", "same command")
        (fixture.path / "reports" / "others").unlink()
        assert fixture.run().code == 0
        fixture.assert_once_only(ids)


@pytest.mark.parametrize("command", ["migrate", pytest.param("verify", marks=THOROUGH)])
def test_in_a_read_only_folder_nothing_is_sent(command: str, disk: Path, codat: Codat, fixture: BatchFixture) -> None:
    """The message names the folder and the cause."""
    fixture.customers(3)
    assert fixture.run().code == 0
    disks.remount(disk, "ro")
    codat.count_from_zero()

    ended = fixture.run() if command == "migrate" else fixture.then(command)

    assert ended.code == 2
    ended.assert_one_error("its file system is read-only", "customers")
    assert codat.stats()["requests_total"] == 0


@THOROUGH
def test_a_folder_that_becomes_read_only_during_a_run_loses_nothing(careless: Codat, set_up: SetUp) -> None:
    """A file system does that when its disk fails."""
    if not disks.can_mount():
        pytest.skip(disks.MISSING)
    fixture = set_up(careless)
    ids = fixture.customers(CUSTOMERS)
    disk = fixture.path / "reports"
    with disks.small(disk, "9m"):
        with careless.holding(after=10) as wait_until_held:
            process = fixture.start("--concurrency", "4")
            wait_until_held()
            process.kill()
        disks.remount(disk, "ro")
        ended = fixture.run()
        assert ended.code == 2
        ended.assert_one_error("read-only")
        disks.remount(disk, "rw")
        assert fixture.run().code == 0
        fixture.assert_once_only(ids)


@pytest.mark.parametrize("whose", ["batch", pytest.param("reports", marks=THOROUGH)])
def test_a_folder_that_is_deleted_during_a_run_creates_no_duplicate(whose: str, careless: Codat, set_up: SetUp) -> None:
    """The journal is gone with it: the next run finds all companies by their tags."""
    fixture = set_up(careless)
    ids = fixture.customers(CUSTOMERS)
    with careless.holding(after=10) as wait_until_held:
        process = fixture.start("--concurrency", "4")
        wait_until_held()
        shutil.rmtree(fixture.folder if whose == "batch" else fixture.folder.parent)

    ended = process.wait()

    assert ended.code == 75, ended.err
    ended.assert_one_error("gone")
    assert fixture.run().code == 0
    fixture.assert_once_only(ids)
