"""A disk that is full or may not be written: one clear line, nothing lost, and the same command finishes."""

from __future__ import annotations

import os

import pytest
from support.measured import UNMEASURED
from support.runs import BatchFixture, Codat

# Bytes, for each file. The journal of 60 customers is much larger.
SIZES = [1_000, 20_000, 30_000, 60_000, 90_000]


@UNMEASURED
@pytest.mark.parametrize("size", SIZES)
def test_a_full_disk_is_reported_in_one_line_and_loses_nothing(size: int, codat: Codat, fixture: BatchFixture) -> None:
    """It exits with 75 wherever the disk was full, and the rerun finds everything that Codat has."""
    ids = fixture.customers(60)

    ended = fixture.run(limit_bytes=size)

    assert ended.code == 75
    ended.assert_one_error("cannot be written", "same command again")

    assert fixture.run().code == 0
    assert codat.posts() <= 2 * len(ids) + 10  # at most the requests in flight are repeated
    fixture.assert_once_only(ids)


def test_an_unusable_folder_is_reported_and_nothing_is_sent(codat: Codat, fixture: BatchFixture) -> None:
    """A file is where the folder of reports should be, which stops even root."""
    fixture.customers(3)
    (fixture.path / "reports").write_text("in the way")

    ended = fixture.run()

    assert ended.code == 2
    assert len(ended.err.strip().splitlines()) == 1
    assert "reports" in ended.err
    assert codat.stats()["requests_total"] == 0


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_read_only_folder_is_reported_and_nothing_is_sent(codat: Codat, fixture: BatchFixture) -> None:
    """The message names the folder."""
    fixture.customers(3)
    (fixture.path / "reports").mkdir(mode=0o500)

    ended = fixture.run()

    assert ended.code == 2
    assert "cannot be used" in ended.err
    assert codat.stats()["requests_total"] == 0


def test_a_damaged_journal_is_reported_and_a_new_one_is_created_after_it_was_moved_away(
    codat: Codat, fixture: BatchFixture
) -> None:
    """Nothing is created twice, no matter what is in the journal's place."""
    ids = fixture.customers(4)
    assert fixture.run().code == 0
    fixture.delete_journal()
    (fixture.folder / "journal.sqlite3").write_bytes(b"this is not a journal " * 1000)
    (fixture.folder / "journal.sqlite3").chmod(0o600)
    codat.count_from_zero()

    ended = fixture.run()

    assert ended.code == 2
    assert "is damaged" in ended.err
    assert codat.stats()["requests_total"] == 0
    fixture.delete_journal()
    assert fixture.run().code == 0
    assert codat.posts() == 0
    fixture.assert_once_only(ids)
