"""Files become customers and rejected rows: once, twice, edited, corrected, and in any order."""

from __future__ import annotations

import json
import tempfile
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from support.batches import Batch, Row, bad, good, pending

from bulk.journal import customers, database, enrolment
from bulk.journal.enrolment import ImportDiff

REJECTED, PENDING, CREATED = "rejected", "pending", "link_ready"


def test_an_edited_file_is_compared_by_identifier_not_by_position(batch: Batch) -> None:
    """Every row has moved, and still each is new, same, changed or removed."""
    assert batch.enrol("in.csv", [good("a"), good("b"), good("c"), good("d")]) == ImportDiff(new=4)
    batch.create("a", "d")
    diff = batch.enrol("in.csv", [good("n"), good("d"), good("c", name="Cog"), good("b")])
    assert diff == ImportDiff(new=1, same=2, changed=1, removed=1)
    assert batch.results() == [
        *((1, "n", PENDING), (2, "d", CREATED), (3, "c", PENDING), (4, "b", PENDING)),
        (None, "a", CREATED),
    ]


def test_an_unchanged_file_is_compared_without_reading_a_row(batch: Batch) -> None:
    """This is true only while it is the only file of the batch."""
    batch.enrol("in.csv", [good("a"), bad("b")], digest="d")
    assert enrolment.compare_unchanged(batch.db, "d") == ImportDiff(same=1, rejected=1)
    assert enrolment.compare_unchanged(batch.db, "e") is None
    batch.enrol("more.csv", [good("c")])
    assert enrolment.compare_unchanged(batch.db, "d") is None


def test_a_customer_that_leaves_the_file_before_anything_was_sent_is_forgotten(batch: Batch) -> None:
    """A customer that Codat has, or may have, stays."""
    batch.enrol("in.csv", [good("a"), good("b"), good("c")])
    batch.create("b")
    batch.change("c", name_sent="Acme")
    batch.enrol("in.csv", [good("z")])
    assert batch.presence() == {"b": "removed", "c": "removed", "z": "present"}


def test_another_file_only_adds(batch: Batch) -> None:
    """Only the file that a customer came from can remove it."""
    batch.enrol("in.csv", [good("a"), good("b")])
    assert batch.enrol("more.csv", [good("b"), good("c")]) == ImportDiff(new=1, same=1, is_another=True)
    assert batch.results() == [(1, "a", PENDING), (2, "b", PENDING), (4, "c", PENDING)]
    batch.enrol("more.csv", [good("x")])
    assert batch.presence() == {"a": "present", "b": "present", "x": "present"}


def test_another_file_enrolled_twice_takes_no_customer_from_the_first(batch: Batch) -> None:
    """A customer of both files keeps its place in the first, whatever happens to the second."""
    batch.enrol("in.csv", [good("a"), good("b")])
    for _ in range(2):
        batch.enrol("more.csv", [good("b"), good("c")])
    batch.enrol("more.csv", [good("c")])
    assert batch.results() == [(1, "a", PENDING), (2, "b", PENDING), (3, "c", PENDING)]


def test_a_corrected_row_takes_the_place_of_the_rejected_one(batch: Batch) -> None:
    """Its number in the rejects file identifies the row, even if the identifier has changed."""
    rejected = bad(None)
    batch.enrol("in.csv", [good("a"), rejected, good("c")])
    batch.enrol("rejects.csv", [rejected.corrected(2, "b")])
    assert batch.results() == [(1, "a", PENDING), (2, "b", PENDING), (3, "c", PENDING)]


def test_a_row_of_any_file_corrects_the_only_rejected_row_with_its_identifier(batch: Batch) -> None:
    """Our rejects file is not needed for that."""
    batch.enrol("in.csv", [bad("a"), good("b")])
    batch.enrol("more.csv", [good("x"), good("a")])
    assert batch.results() == [(1, "a", PENDING), (2, "b", PENDING), (3, "x", PENDING)]


def test_a_corrected_row_stays_corrected_when_the_original_file_returns(batch: Batch) -> None:
    """The original still has the problem; the customer that the row became stays."""
    original = [good("a"), bad(None, name="Bolt"), good("c")]
    batch.enrol("in.csv", original)
    batch.enrol("rejects.csv", [good("b").corrected(2)])
    batch.create("b")
    diff = batch.enrol("in.csv", [good("n"), *original])
    assert diff == ImportDiff(new=1, same=3)
    assert batch.results() == [(1, "n", PENDING), (2, "a", PENDING), (3, "b", CREATED), (4, "c", PENDING)]


def test_equal_rejected_rows_stay_corrected_each_on_its_own(batch: Batch) -> None:
    """Two rows without an identifier may be equal in every cell and still be two customers."""
    original = [bad(None), bad(None), good("c")]
    batch.enrol("in.csv", original)
    batch.enrol("rejects.csv", [good("a").corrected(1), good("b").corrected(2)])
    batch.enrol("in.csv", original)
    assert batch.results() == [(1, "a", PENDING), (2, "b", PENDING), (3, "c", PENDING)]


def test_a_customer_that_came_from_a_corrected_row_may_appear_later_in_the_original(batch: Batch) -> None:
    """Then the uncorrected row is rejected again, although it is read first."""
    batch.enrol("in.csv", [bad(None), good("z")])
    batch.enrol("rejects.csv", [good("a").corrected(1)])
    batch.enrol("in.csv", [bad(None), good("z"), good("a")], at_once=1)
    assert batch.results() == [(1, None, REJECTED), (2, "z", PENDING), (3, "a", PENDING)]


def test_our_rejects_file_is_corrected_at_the_same_path_several_times(batch: Batch) -> None:
    """Every run writes it again: the same path is another file, and removes no customer of the last one."""
    batch.enrol("in.csv", [bad("a"), bad("b"), bad("c"), good("d")])
    batch.enrol("rejects.csv", [good("a").corrected(1), replace(bad("b"), corrects=2), replace(bad("c"), corrects=3)])
    assert batch.rejected_rows() == [2, 3]
    batch.enrol("rejects.csv", [good("b").corrected(2), replace(bad("c"), corrects=3)])
    batch.enrol("rejects.csv", [good("c").corrected(3)])
    assert batch.results() == [(1, "a", PENDING), (2, "b", PENDING), (3, "c", PENDING), (4, "d", PENDING)]


def test_the_same_corrected_rejects_change_nothing_the_second_time(batch: Batch) -> None:
    """For example when the first run was interrupted."""
    batch.enrol("in.csv", [bad("a"), bad("b"), good("c")])
    corrected = [good("a").corrected(1), replace(bad("b"), corrects=2), replace(bad("x"), corrects=None)]
    batch.enrol("rejects.csv", corrected)
    before = batch.results()
    assert batch.enrol("rejects.csv", corrected) == ImportDiff(same=1, rejected=2)
    assert batch.results() == before


def test_a_corrected_row_must_not_take_the_identifier_of_another(batch: Batch) -> None:
    """It stays rejected in its place, and the other row is untouched."""
    batch.enrol("in.csv", [good("a", name="Acme"), bad(None)])
    batch.enrol("rejects.csv", [replace(good("a", name="Bolt"), corrects=2)])
    assert batch.results() == [(1, "a", PENDING), (2, "a", REJECTED)]
    (problems,) = batch.db.execute("SELECT problems FROM rejections").fetchone()
    assert json.loads(problems) == [{"code": "customer_id_in_batch", "field": "customer_id", "value": "a"}]
    assert batch.db.execute("SELECT company_name FROM customers").fetchall() == [("Acme",)]


@pytest.mark.parametrize(
    ("path", "corrects"), [("wednesday.csv", None), ("rejects.csv", 3)], ids=["another file", "corrected rejects"]
)
def test_a_valid_row_corrects_a_rejected_one_about_a_customer_of_an_earlier_file(
    batch: Batch, path: str, corrects: int | None
) -> None:
    """Files of several days: Tuesday's row about Monday's customer was rejected. There is still one customer."""
    batch.enrol("monday.csv", [good("a"), good("b")])
    batch.create("a", "b")
    tuesday = [bad("a"), good("c")]
    batch.enrol("tuesday.csv", tuesday)
    assert batch.results() == [(1, "a", CREATED), (2, "b", CREATED), (3, "a", REJECTED), (4, "c", PENDING)]

    diff = batch.enrol(path, [replace(good("a", name="Acme & Sons"), corrects=corrects)])

    corrected = [(1, "a", CREATED), (2, "b", CREATED), (4, "c", PENDING)]
    assert diff == ImportDiff(changed=1, is_another=True)
    assert batch.results() == corrected
    assert batch.read("a", "company_name") == {"company_name": "Acme & Sons"}
    batch.enrol("tuesday.csv", tuesday)
    assert batch.results() == corrected
    batch.enrol("tuesday.csv", [bad("a", name="Bolt"), good("c")])
    assert batch.results() == [(1, "a", CREATED), (2, "b", CREATED), (3, "a", REJECTED), (4, "c", PENDING)]


def test_the_number_of_another_customers_row_corrects_nothing(batch: Batch) -> None:
    """The identifier decides: the customer of that row stays rejected, and stays in the reports."""
    batch.enrol("in.csv", [bad("a"), good("b")])
    batch.enrol("other.csv", [good("c").corrected(1)])
    expected = [(1, "a", REJECTED), (2, "b", PENDING), (3, "c", PENDING)]
    assert batch.results() == expected
    batch.enrol("in.csv", [bad("a"), good("b")])
    assert batch.results() == expected


@pytest.mark.parametrize("new", [bad("n"), bad(None)])
def test_a_corrected_copy_from_before_the_rows_moved_corrects_its_own_row(batch: Batch, new: Row) -> None:
    """A newer export has another rejected row above the one that the copy came from."""
    batch.enrol("in.csv", [bad("a"), good("b")])
    batch.enrol("in.csv", [new, bad("a"), good("b")])
    batch.enrol("corrected.csv", [good("a").corrected(1)])
    assert batch.results() == [(1, new.customer_id, REJECTED), (2, "a", PENDING), (3, "b", PENDING)]


def test_a_duplicate_identifier_is_corrected_by_another(batch: Batch) -> None:
    """The row was rejected for its identifier, so the rejection is not about the customer."""
    batch.enrol("in.csv", [good("a"), replace(bad("a"), is_duplicate=True), good("c")])
    batch.enrol("rejects.csv", [good("b").corrected(2)])
    assert batch.results() == [(1, "a", PENDING), (2, "b", PENDING), (3, "c", PENDING)]


@pytest.mark.parametrize("at_once", [1, 1000])
def test_the_same_rows_in_another_file_are_rejected_once(batch: Batch, at_once: int) -> None:
    """For example in a compressed copy: each row takes the place of an equal one, also without an identifier."""
    rows = [bad(None), good("a"), bad("b"), replace(bad("b"), is_duplicate=True), bad(None), bad(None, name="Bolt")]
    batch.enrol("in.csv", rows)
    before = batch.results()
    diff = batch.enrol("in.csv.gz", rows, digest="compressed", at_once=at_once)
    assert diff == ImportDiff(same=1, rejected=5, is_another=True)
    assert batch.results() == before


def test_of_two_rows_that_correct_the_same_one_the_second_gets_its_own_place(batch: Batch) -> None:
    """Somebody copied the line in our rejects file with its number."""
    batch.enrol("in.csv", [bad(None), good("c")])
    batch.enrol("rejects.csv", [good("a").corrected(1), good("b").corrected(1)])
    assert batch.results() == [(1, "a", PENDING), (2, "c", PENDING), (4, "b", PENDING)]
    batch.enrol("in.csv", [bad(None), good("c")])
    assert batch.results() == [(1, "a", PENDING), (2, "c", PENDING), (4, "b", PENDING)]


@pytest.mark.parametrize("at_once", [1, 1000])
def test_two_rejected_rows_for_one_place_are_both_shown(batch: Batch, at_once: int) -> None:
    """No row disappears from the reports, in however many parts the file is read."""
    batch.enrol("in.csv", [bad("a"), good("b")])
    batch.enrol("more.csv", [bad("a"), bad("a")], at_once=at_once)
    assert batch.results() == [(1, "a", REJECTED), (2, "b", PENDING), (4, "a", REJECTED)]


def test_the_invalid_row_of_a_customer_that_codat_has_shows_the_customer(batch: Batch) -> None:
    """One row in, one row out. The problem is still in the rejects file."""
    batch.enrol("in.csv", [good("a"), good("b")])
    batch.create("a")
    batch.enrol("in.csv", [good("b"), bad("a")])
    assert batch.results() == [(1, "b", PENDING), (2, "a", CREATED)]
    assert batch.rejected_rows() == [2]
    batch.enrol("rejects.csv", [good("a").corrected(2)])
    assert batch.results() == [(1, "b", PENDING), (2, "a", CREATED)]
    assert batch.presence()["a"] == "present"
    assert batch.rejected_rows() == []


def test_a_removed_customer_takes_no_place_from_others(batch: Batch) -> None:
    """When it returns in another file, its place is there. The row in its former place stays rejected."""
    batch.enrol("in.csv", [good("a"), good("g"), good("c")])
    batch.create("g")
    batch.enrol("in.csv", [good("a"), bad("f"), good("c")])
    batch.enrol("more.csv", [good("g")])
    assert batch.results() == [(1, "a", PENDING), (2, "f", REJECTED), (3, "c", PENDING), (4, "g", CREATED)]


def test_a_corrected_row_may_be_a_customer_that_was_removed(batch: Batch) -> None:
    """No other row of the input has that identifier."""
    batch.enrol("in.csv", [good("g"), good("b")])
    batch.create("g")
    batch.enrol("in.csv", [good("b"), bad(None)])
    batch.enrol("rejects.csv", [good("g").corrected(2)])
    assert batch.results() == [(1, "b", PENDING), (2, "g", CREATED)]


def test_forgetting_a_removed_customer_shows_no_rejection_behind_another(batch: Batch) -> None:
    """Its former row belongs to another customer."""
    batch.enrol("in.csv", [good("g"), good("h")])
    batch.change("g", name_sent="Acme")
    batch.create("h")
    batch.enrol("in.csv", [bad("h")])
    with database.transaction(batch.db):
        customers.forget(batch.db, batch.seq("g"))
    assert batch.results() == [(1, "h", CREATED)]


def test_forgetting_a_customer_whose_row_is_invalid_shows_the_rejection(batch: Batch) -> None:
    """Codat does not have the customer, so only the rejected row is left."""
    batch.enrol("in.csv", [good("h")])
    batch.change("h", name_sent="Acme")
    batch.enrol("in.csv", [bad("h")])
    assert batch.results() == [(1, "h", PENDING)]
    with database.transaction(batch.db):
        customers.forget(batch.db, batch.seq("h"))
    assert batch.results() == [(1, "h", REJECTED)]


def test_a_customer_that_returns_is_the_one_that_was_removed(batch: Batch) -> None:
    """It has its company, and counts as changed."""
    batch.enrol("in.csv", [good("a"), good("b")])
    batch.create("b")
    batch.enrol("in.csv", [good("a")])
    assert batch.enrol("in.csv", [good("b"), good("a")]) == ImportDiff(same=1, changed=1)
    assert batch.results() == [(1, "b", CREATED), (2, "a", PENDING)]


@pytest.mark.parametrize(
    ("changed", "state"),
    [
        (good("a", name="Bolt"), "pending"),  # a name that Codat may take
        (good("a", platform="qhyg"), "pending"),  # another platform
        (good("a", email="a@example.com"), "failed"),  # nothing that is sent
        (good("a"), "failed"),  # nothing at all
    ],
)
def test_a_failed_customer_is_pending_again_when_its_values_have_changed(
    batch: Batch, changed: Row, state: str
) -> None:
    """Otherwise Codat would reject it again."""
    batch.enrol("in.csv", [good("a")])
    batch.change("a", state="failed")
    batch.enrol("in.csv", [changed, good("z")])
    assert {customer: state for _, customer, state in batch.results()}["a"] == state


@pytest.mark.parametrize(
    ("limit", "counted"),
    [
        (1, 1),  # the first customer of the input, not the first enrolled
        (3, 3),  # one in another file
        (9, 3),  # more than there are
    ],
)
def test_a_limit_counts_customers_of_the_input_in_its_order(batch: Batch, limit: int, counted: int) -> None:
    """Rejected rows do not count."""
    batch.enrol("in.csv", [good("b")])
    batch.enrol("more.csv", [good("c")])
    batch.enrol("in.csv", [bad("x"), good("a"), good("b")])
    assert customers.count_pending(batch.db, limit=limit) == counted
    first = customers.pending(batch.db, begun=False, after=0, most=9, limit=limit)
    assert sorted(entry.customer_id for entry in first) == ["a", "b", "c"][:counted]


def test_a_customers_number_is_never_used_twice(batch: Batch) -> None:
    """The requests for a forgotten customer must not count for the next one."""
    batch.enrol("in.csv", [good("a"), good("b")])
    seq = batch.seq("b")
    batch.enrol("in.csv", [good("a")])
    batch.enrol("in.csv", [good("a"), good("c")])
    assert batch.seq("c") > seq
    assert pending(batch.db) == ["a", "c"]


IDS = st.sampled_from(["a", "b", "c", None])
ROWS = st.lists(st.builds(Row, IDS, st.booleans(), st.sampled_from(["Acme", "Bolt"])), min_size=1, max_size=6)
CHANGES = st.sets(st.sampled_from(["a", "b", "c"]), max_size=2)
GIVEN = st.tuples(st.sampled_from(["in.csv", "more.csv", "rejects.csv"]), ROWS, CHANGES, st.integers(1, 3))


def as_checked(rows: list[Row]) -> list[Row]:
    """Reject rows without an identifier, or with the identifier of an earlier row."""
    checked: list[Row] = []
    for row in rows:
        is_duplicate = row.customer_id is not None and row.customer_id in {before.customer_id for before in checked}
        is_invalid = row.is_invalid or row.customer_id is None or is_duplicate
        checked.append(replace(row, is_invalid=is_invalid, is_duplicate=is_duplicate))
    return checked


@settings(max_examples=80, deadline=None)
@given(st.lists(GIVEN, min_size=1, max_size=6))
@example([("in.csv", [good("b")], {"b"}, 1), ("in.csv", [bad("b")], set(), 1), ("rejects.csv", [good("a")], set(), 1)])
def test_every_row_is_shown_once_after_any_sequence_of_files(steps: list[tuple[str, list[Row], set[str], int]]) -> None:
    """Each row of the first file, each of further files in its own or an earlier place, and removed customers."""
    with tempfile.TemporaryDirectory() as folder, closing((batch := Batch(Path(folder, "b"))).db):
        first, rows = steps[0][0], 0
        for path, content, sent, at_once in [("in.csv", *steps[0][1:]), *steps[1:]]:
            content = as_checked(content)
            if path == "rejects.csv":
                places = batch.rejected_rows()
                content = [replace(row, corrects=place) for row, place in zip(content, places, strict=False)]
                if not content:
                    continue
            batch.enrol(path, content, at_once=at_once, digest=repr((path, content)))
            rows = len(content) if path == "in.csv" else rows
            batch.create(*sent.intersection(batch.presence()))

            shown = batch.results()
            places = [row for row, _, _ in shown if row is not None]
            assert len(places) == len(set(places)), "each place has one row"
            assert [place for place in places if place <= rows] == list(range(1, rows + 1))
            for row in content:
                if not row.is_invalid:
                    found = [(place, state) for place, name, state in shown if name == row.customer_id]
                    assert any(place is not None and state != REJECTED for place, state in found) or (
                        row.corrects in batch.rejected_rows()
                    ), "accepted, or rejected because another row has its identifier"
            removed = [name for name, presence in batch.presence().items() if presence == "removed"]
            assert sorted(name or "" for row, name, _ in shown if row is None) == sorted(removed)
        assert first
