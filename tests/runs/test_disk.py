"""A disk that is full or may not be written: one clear line, nothing lost, and the same command finishes."""

from __future__ import annotations

import os

import pytest

from runs.fixture import BatchFixture, Codat

# Of any one file. The journal of 60 customers ends far above.
SIZES = [1_000, 20_000, 30_000, 60_000, 90_000]


@pytest.mark.parametrize("size", SIZES)
def test_a_full_disk_is_said_in_one_line_and_loses_nothing(size: int, codat: Codat, fixture: BatchFixture) -> None:
    """It exits with 75 wherever the disk was full, and the rerun finds what Codat has done."""
    ids = fixture.customers(60)

    ended = fixture.run(limit_bytes=size)

    assert ended.code == 75
    lines = [line for line in ended.err.splitlines() if line.startswith("bulk: ")]
    assert len(lines) == 1
    assert "cannot be written" in lines[0]
    assert "same command again" in lines[0]

    assert fixture.run().code == 0
    assert codat.posts() <= 2 * len(ids) + 10  # at most what was in flight is asked for once more
    fixture.proves_once_only(ids)


def test_a_folder_that_may_not_be_written_is_said_and_nothing_is_sent(codat: Codat, fixture: BatchFixture) -> None:
    """A file where the folder of reports should be is met by everybody, root too."""
    fixture.customers(3)
    (fixture.path / "reports").write_text("in the way")

    ended = fixture.run()

    assert ended.code == 2
    assert len(ended.err.strip().splitlines()) == 1
    assert "reports" in ended.err
    assert codat.stats()["requests_total"] == 0


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_read_only_folder_is_said_and_nothing_is_sent(codat: Codat, fixture: BatchFixture) -> None:
    """The folder of an earlier run that may no longer be written."""
    fixture.customers(3)
    (fixture.path / "reports").mkdir(mode=0o500)

    ended = fixture.run()

    assert ended.code == 2
    assert "cannot be used" in ended.err
    assert codat.stats()["requests_total"] == 0


def test_a_damaged_journal_is_said_and_moved_away_it_is_made_again(codat: Codat, fixture: BatchFixture) -> None:
    """Whatever is in the journal's place, nothing is created twice."""
    ids = fixture.customers(4)
    assert fixture.run().code == 0
    fixture.lose_the_journal()
    (fixture.folder / "journal.sqlite3").write_bytes(b"this is no journal " * 1000)
    (fixture.folder / "journal.sqlite3").chmod(0o600)
    codat.count_from_zero()

    ended = fixture.run()

    assert ended.code == 2
    assert "is damaged" in ended.err
    assert codat.stats()["requests_total"] == 0
    fixture.lose_the_journal()
    assert fixture.run().code == 0
    assert codat.posts() == 0
    fixture.proves_once_only(ids)
