"""The waves of linkUrls: none is lost, whenever a run or a report is killed."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.batches import Batch, good

from bulk.journal import waves

AT = "2026-11-23T10:00:00Z"
LATER = "2026-11-24T10:00:00Z"


@pytest.fixture
def batch(tmp_path: Path) -> Batch:
    """Return a batch with three customers."""
    batch = Batch(tmp_path)
    batch.enrol("in.csv", [good(each, email=f"{each}@example.com") for each in "abc"])
    return batch


def issue(batch: Batch, *customer_ids: str, at: str = AT) -> None:
    """Record new linkUrls of these customers."""
    for customer_id in customer_ids:
        waves.add_link(batch.db, batch.seq(customer_id), at)


def members(batch: Batch) -> dict[int, str]:
    """Return the customers of each wave."""
    rows = batch.db.execute("SELECT wave, customer_id FROM links JOIN customers ON seq = customer ORDER BY 1, 2")
    found: dict[int, str] = {}
    for wave, customer_id in rows:
        found[wave] = found.get(wave, "") + customer_id
    return found


def write_wave(batch: Batch) -> int | None:
    """Write the wave, as a report does."""
    wave = waves.close(batch.db, AT)
    if wave is not None:
        waves.mark_written(batch.db, wave)
    return wave


def test_a_report_ends_a_wave(batch: Batch) -> None:
    """A wave has at least one linkUrl."""
    assert write_wave(batch) is None
    issue(batch, "a", "b")
    assert write_wave(batch) == 1
    assert write_wave(batch) is None
    issue(batch, "c")
    assert write_wave(batch) == 2
    assert members(batch) == {1: "ab", 2: "c"}
    assert waves.closed(batch.db) == [1, 2]


def test_the_links_of_a_killed_run_are_in_the_wave_of_the_next(batch: Batch) -> None:
    """Both runs end with one report."""
    issue(batch, "a")
    issue(batch, "b", at=LATER)
    assert write_wave(batch) == 1
    assert members(batch) == {1: "ab"}


def test_a_wave_whose_report_was_killed_is_written_again_with_the_later_links(batch: Batch) -> None:
    """No command has printed it, so there is one file to email."""
    issue(batch, "a", "b")
    assert waves.close(batch.db, AT) == 1
    issue(batch, "b", "c", at=LATER)  # the link of `b` was renewed
    assert members(batch) == {1: "ab", 2: "bc"}
    assert write_wave(batch) == 1
    assert members(batch) == {1: "abc"}
    assert batch.read("c", "link_wave") == {"link_wave": 1}
    issue(batch, "a")
    assert write_wave(batch) == 2


def test_the_first_link_of_a_customer_keeps_its_time(batch: Batch) -> None:
    """A renewed one belongs to another wave."""
    issue(batch, "a")
    write_wave(batch)
    issue(batch, "a", at=LATER)
    assert batch.read("a", "link_wave", "first_issued_at") == {"link_wave": 2, "first_issued_at": AT}
    assert write_wave(batch) == 2
    assert members(batch) == {1: "a", 2: "a"}


def test_a_customer_who_was_emailed_keeps_the_first_time(batch: Batch) -> None:
    """Recording again changes nothing, and customers without a linkUrl are left out."""
    issue(batch, "a", "b")
    assert waves.email(batch.db, AT, customer_ids=["a", "c", "x"]) == waves.Emailed(1, 0)
    assert waves.email(batch.db, LATER, wave=1) == waves.Emailed(1, 1)
    assert waves.email(batch.db, LATER, wave=1) == waves.Emailed(0, 2)
    times = batch.db.execute("SELECT emailed_at FROM links ORDER BY customer").fetchall()
    assert times == [(AT,), (LATER,)]


def test_a_customer_of_a_wave_without_an_address_was_not_emailed(batch: Batch) -> None:
    """Unless the user names the customer, whose address is elsewhere."""
    batch.enrol("more.csv", [good("d")])
    issue(batch, "a", "d")
    assert waves.email(batch.db, AT, wave=1) == waves.Emailed(1, 0)
    assert waves.without_address(batch.db, 1) == ["d"]
    assert waves.email(batch.db, AT, customer_ids=["d"]) == waves.Emailed(1, 0)
    assert waves.without_address(batch.db, 1) == []
    assert waves.email(batch.db, LATER, wave=1) == waves.Emailed(0, 2)


def test_a_wave_without_any_address_was_emailed_as_a_whole(batch: Batch) -> None:
    """The user has the addresses elsewhere."""
    batch.enrol("more.csv", [good("d"), good("e")])
    issue(batch, "d", "e")
    assert waves.email(batch.db, AT, wave=1) == waves.Emailed(2, 0)
    assert waves.without_address(batch.db, 1) == []
    assert waves.email(batch.db, LATER, wave=1) == waves.Emailed(0, 2)


def test_a_new_link_was_not_emailed(batch: Batch) -> None:
    """Even if it is issued in the same wave."""
    issue(batch, "a")
    waves.email(batch.db, AT, wave=1)
    issue(batch, "a")
    assert waves.email(batch.db, LATER, wave=1) == waves.Emailed(1, 0)


def test_a_failed_attempt_to_link_belongs_to_the_last_link(batch: Batch) -> None:
    """The same attempt does not count again for a later link."""
    issue(batch, "a")
    batch.change("a", link_error="403 User cancelled linking")
    write_wave(batch)
    issue(batch, "a")
    batch.change("a", link_error="403 User cancelled linking")
    assert batch.db.execute("SELECT wave, attempted FROM links").fetchall() == [(1, 1), (2, 0)]
    batch.change("a", link_error=None)
    batch.change("a", link_error="later: 403 User cancelled linking")
    assert batch.db.execute("SELECT wave, attempted FROM links").fetchall() == [(1, 1), (2, 1)]
