"""Rows held in conflict come back in a copy of conflicts.csv: accepted, with another identifier, or unchanged."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from support.batches import Batch, Row, good

from bulk.journal import conflicts
from bulk.journal.enrolment import ImportDiff
from bulk.problems import reasons


@pytest.fixture
def batch(tmp_path: Path) -> Batch:
    """Return a batch whose second file has two held rows: other customers in Codat have their identifiers."""
    batch = Batch(tmp_path)
    batch.enrol("a.csv", [good("1", name="Acme"), good("2", name="Bolt")])
    batch.create("1", "2")
    assert batch.enrol("b.csv", [other("1"), good("3"), other("2")]).conflicts == 2
    assert batch.results()[2:] == [(3, "1", "conflict"), (4, "3", "pending"), (5, "2", "conflict")]
    return batch


def other(customer_id: str) -> Row:
    """Return a row with another name and platform."""
    return good(customer_id, name=f"Other {customer_id}", platform="qhyg")


def test_an_accepted_row_updates_its_customer(batch: Batch) -> None:
    """The customer keeps its place, and the held row is gone. The other one is still held."""
    conflicts.accept(batch.db, ["2"])
    diff = batch.enrol("accepted.csv", [replace(other("2"), corrects=5)])
    assert diff == ImportDiff(changed=1, conflicts=1, is_another=True)
    assert batch.results() == [
        *((1, "1", "link_ready"), (2, "2", "link_ready"), (3, "1", "conflict"), (4, "3", "pending")),
    ]
    assert batch.read("2", "company_name", "name_sent") == {"company_name": "Other 2", "name_sent": "Acme"}


def test_an_accepted_row_stays_accepted_when_its_file_is_read_again(batch: Batch) -> None:
    """The batch remembers the decision."""
    conflicts.accept(batch.db, ["2"])
    batch.enrol("accepted.csv", [replace(other("2"), corrects=5)])
    conflicts.accept(batch.db, [])
    assert batch.enrol("b.csv", [other("1"), good("3"), other("2")]).conflicts == 1
    assert [each for each in batch.results() if each[1] == "2"] == [(2, "2", "link_ready")]


def test_a_row_with_a_new_identifier_is_a_customer_in_the_place_of_the_held_row(batch: Batch) -> None:
    """So is it after its file is read again, uncorrected."""
    batch.enrol("accepted.csv", [replace(other("9"), corrects=3)])
    assert batch.results()[2:] == [(3, "9", "pending"), (4, "3", "pending"), (5, "2", "conflict")]
    batch.enrol("b.csv", [other("1"), good("3"), other("2")])
    assert batch.results()[2:] == [(3, "9", "pending"), (4, "3", "pending"), (5, "2", "conflict")]


def test_a_row_that_is_not_accepted_is_held_in_its_place(batch: Batch) -> None:
    """Passing the file alone decides nothing."""
    before = batch.results()
    batch.enrol("conflicts.csv", [replace(other("1"), corrects=3), replace(other("2"), corrects=5)])
    assert batch.results() == before


def test_a_row_of_another_file_decides_no_conflict(batch: Batch) -> None:
    """The customer's own row says nothing about the held one."""
    batch.enrol("c.csv", [good("1", name="Acme", email="new@example.com")])
    assert (3, "1", "conflict") in batch.results()


def test_another_spelling_that_is_accepted_is_a_customer_of_its_own(tmp_path: Path) -> None:
    """It takes the place of the held row; with the earlier spelling, the earlier customer does."""
    for name, corrected, expected in (("own", "7", "pending"), ("before", "007", "link_ready")):
        batch = Batch(tmp_path / name)
        batch.enrol("a.csv", [good("007"), good("008")])
        batch.create("007")
        assert batch.enrol("a.csv", [good("7"), good("008")]).conflicts == 1
        conflicts.accept(batch.db, ["7"] if corrected == "7" else [])
        batch.enrol("accepted.csv", [replace(good(corrected), corrects=1)])
        assert batch.results()[:2] == [(1, corrected, expected), (2, "008", "pending")]


def test_another_spelling_that_got_a_new_identifier_keeps_it(tmp_path: Path) -> None:
    """Its file still has the row uncorrected. The customer keeps its place and its company."""
    batch = Batch(tmp_path)
    batch.enrol("a.csv", [good("007"), good("008")])
    batch.create("007")
    edited = [good("7"), good("008")]
    assert batch.enrol("a.csv", edited).conflicts == 1
    row = next(number for number, customer_id, state in batch.results() if (customer_id, state) == ("7", "conflict"))
    batch.enrol("conflicts.csv", [replace(good("9"), corrects=row)])
    batch.create("9")
    expected = [(1, "9", "link_ready"), (2, "008", "pending"), (None, "007", "link_ready")]
    assert set(batch.results()) == set(expected)
    diff = batch.enrol("a.csv", edited)
    assert (diff.conflicts, set(batch.results())) == (0, set(expected))


def test_a_held_row_with_the_identifier_of_another_customer_is_rejected_for_that(tmp_path: Path) -> None:
    """The reason names the new identifier, because the row in rejects.csv still has the old one."""
    batch = Batch(tmp_path)
    batch.enrol("a.csv", [good("1"), good("2", name="Bolt")])
    batch.create("1", "2")
    batch.enrol("b.csv", [good("01")])
    assert (3, "01", "conflict") in batch.results()
    batch.enrol("corrected.csv", [replace(good("2"), corrects=3)])
    (problems,) = batch.db.execute("SELECT problems FROM rejections WHERE customer_id = '2' AND state = 'rejected'")
    assert reasons(problems[0]).startswith('customer_id "2" is used by another row of this batch')
