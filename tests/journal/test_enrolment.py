"""Files become customers and rejections: once, twice, edited, mended, and in any order."""

from __future__ import annotations

import json
import tempfile
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bulk.journal import customers, database, enrolment
from bulk.journal.enrolment import ImportDiff

from .batches import Batch, Row, bad, good, pending

REJECTED, PENDING, CREATED = "rejected", "pending", "link_ready"


def test_an_edited_file_is_compared_by_identifier_not_by_position(batch: Batch) -> None:
    """New, same, changed and gone are told apart although every row has moved."""
    assert batch.give("in.csv", [good("a"), good("b"), good("c"), good("d")]) == ImportDiff(new=4)
    batch.created("a", "d")
    tally = batch.give("in.csv", [good("n"), good("d"), good("c", name="Cog"), good("b")])
    assert tally == ImportDiff(new=1, same=2, changed=1, removed=1)
    assert batch.shown() == [
        *((1, "n", PENDING), (2, "d", CREATED), (3, "c", PENDING), (4, "b", PENDING)),
        (None, "a", CREATED),
    ]


def test_the_same_bytes_are_compared_without_reading_a_row(batch: Batch) -> None:
    """And only while they are the batch's one input."""
    batch.give("in.csv", [good("a"), bad("b")], digest="d")
    assert enrolment.compare_unchanged(batch.db, "d") == ImportDiff(same=1, rejected=1)
    assert enrolment.compare_unchanged(batch.db, "e") is None
    batch.give("more.csv", [good("c")])
    assert enrolment.compare_unchanged(batch.db, "d") is None


def test_who_leaves_the_file_before_anything_was_sent_is_forgotten(batch: Batch) -> None:
    """Whom Codat has, or may have, stays."""
    batch.give("in.csv", [good("a"), good("b"), good("c")])
    batch.created("b")
    batch.write("c", name_sent="Acme")
    batch.give("in.csv", [good("z")])
    assert batch.presence() == {"b": "removed", "c": "removed", "z": "present"}


def test_another_file_only_adds(batch: Batch) -> None:
    """Only the same file again can say that somebody is gone."""
    batch.give("in.csv", [good("a"), good("b")])
    assert batch.give("more.csv", [good("b"), good("c")]) == ImportDiff(new=1, same=1, is_another=True)
    assert batch.shown() == [(1, "a", PENDING), (2, "b", PENDING), (4, "c", PENDING)]
    batch.give("more.csv", [good("x")])
    assert batch.presence() == {"a": "present", "b": "present", "x": "present"}


def test_another_file_given_twice_takes_nobody_from_the_first(batch: Batch) -> None:
    """A customer of both files stands in the first, whatever becomes of the second."""
    batch.give("in.csv", [good("a"), good("b")])
    for _ in range(2):
        batch.give("more.csv", [good("b"), good("c")])
    batch.give("more.csv", [good("c")])
    assert batch.shown() == [(1, "a", PENDING), (2, "b", PENDING), (3, "c", PENDING)]


def test_a_mended_row_stands_where_the_faulty_one_stood(batch: Batch) -> None:
    """By the row that our rejects file names, even under another identifier."""
    faulty = bad(None)
    batch.give("in.csv", [good("a"), faulty, good("c")])
    batch.give("rejects.csv", [faulty.correcting(2, "b")])
    assert batch.shown() == [(1, "a", PENDING), (2, "b", PENDING), (3, "c", PENDING)]


def test_a_row_of_another_file_mends_the_one_faulty_row_with_its_identifier(batch: Batch) -> None:
    """There is no need to use our rejects file."""
    batch.give("in.csv", [bad("a"), good("b")])
    batch.give("more.csv", [good("x"), good("a")])
    assert batch.shown() == [(1, "a", PENDING), (2, "b", PENDING), (3, "x", PENDING)]


def test_a_faulty_row_stays_mended_when_the_original_is_given_again(batch: Batch) -> None:
    """The original has the fault still; the customer it became goes on."""
    original = [good("a"), bad(None, name="Bolt"), good("c")]
    batch.give("in.csv", original)
    batch.give("rejects.csv", [good("b").correcting(2)])
    batch.created("b")
    tally = batch.give("in.csv", [good("n"), *original])
    assert tally == ImportDiff(new=1, same=3)
    assert batch.shown() == [(1, "n", PENDING), (2, "a", PENDING), (3, "b", CREATED), (4, "c", PENDING)]


def test_alike_faulty_rows_stay_mended_each_for_itself(batch: Batch) -> None:
    """Two rows without an identifier may be alike to the letter and still be two customers."""
    original = [bad(None), bad(None), good("c")]
    batch.give("in.csv", original)
    batch.give("rejects.csv", [good("a").correcting(1), good("b").correcting(2)])
    batch.give("in.csv", original)
    assert batch.shown() == [(1, "a", PENDING), (2, "b", PENDING), (3, "c", PENDING)]


def test_a_mended_customer_may_come_later_in_the_original(batch: Batch) -> None:
    """The faulty row is then a faulty row again, although it is read first."""
    batch.give("in.csv", [bad(None), good("z")])
    batch.give("rejects.csv", [good("a").correcting(1)])
    batch.give("in.csv", [bad(None), good("z"), good("a")], at_once=1)
    assert batch.shown() == [(1, None, REJECTED), (2, "z", PENDING), (3, "a", PENDING)]


def test_our_rejects_file_is_mended_and_given_in_the_same_place_again_and_again(batch: Batch) -> None:
    """Every run writes it anew: the same path is another file, and nobody of the last round is gone."""
    batch.give("in.csv", [bad("a"), bad("b"), bad("c"), good("d")])
    batch.give("rejects.csv", [good("a").correcting(1), replace(bad("b"), corrects=2), replace(bad("c"), corrects=3)])
    assert batch.rejects() == [2, 3]
    batch.give("rejects.csv", [good("b").correcting(2), replace(bad("c"), corrects=3)])
    batch.give("rejects.csv", [good("c").correcting(3)])
    assert batch.shown() == [(1, "a", PENDING), (2, "b", PENDING), (3, "c", PENDING), (4, "d", PENDING)]


def test_the_same_mended_rejects_twice_change_nothing(batch: Batch) -> None:
    """As when the first run on them was interrupted."""
    batch.give("in.csv", [bad("a"), bad("b"), good("c")])
    mended = [good("a").correcting(1), replace(bad("b"), corrects=2), replace(bad("x"), corrects=None)]
    batch.give("rejects.csv", mended)
    before = batch.shown()
    assert batch.give("rejects.csv", mended) == ImportDiff(same=1, rejected=2)
    assert batch.shown() == before


def test_a_mended_row_must_not_take_the_identifier_of_another(batch: Batch) -> None:
    """It stays rejected, in its place, and the other is untouched."""
    batch.give("in.csv", [good("a", name="Acme"), bad(None)])
    batch.give("rejects.csv", [replace(good("a", name="Bolt"), corrects=2)])
    assert batch.shown() == [(1, "a", PENDING), (2, "a", REJECTED)]
    (problems,) = batch.db.execute("SELECT problems FROM rejections").fetchone()
    assert json.loads(problems) == [{"code": "customer_id_in_batch", "field": "customer_id", "value": "a"}]
    assert batch.db.execute("SELECT company_name FROM customers").fetchall() == [("Acme",)]


@pytest.mark.parametrize(
    ("path", "corrects"), [("wednesday.csv", None), ("rejects.csv", 3)], ids=["another file", "mended rejects"]
)
def test_a_faulty_row_of_a_customer_from_another_file_is_settled_by_a_good_one(
    batch: Batch, path: str, corrects: int | None
) -> None:
    """Files of several days: on Tuesday the row of Monday's customer was faulty. It is no other customer."""
    batch.give("monday.csv", [good("a"), good("b")])
    batch.created("a", "b")
    tuesday = [bad("a"), good("c")]
    batch.give("tuesday.csv", tuesday)
    assert batch.shown() == [(1, "a", CREATED), (2, "b", CREATED), (3, "a", REJECTED), (4, "c", PENDING)]

    tally = batch.give(path, [replace(good("a", name="Acme & Sons"), corrects=corrects)])

    settled = [(1, "a", CREATED), (2, "b", CREATED), (4, "c", PENDING)]
    assert tally == ImportDiff(changed=1, is_another=True)
    assert batch.shown() == settled
    assert batch.read("a", "company_name") == {"company_name": "Acme & Sons"}
    batch.give("tuesday.csv", tuesday)
    assert batch.shown() == settled
    batch.give("tuesday.csv", [bad("a", name="Bolt"), good("c")])
    assert batch.shown() == [(1, "a", CREATED), (2, "b", CREATED), (3, "a", REJECTED), (4, "c", PENDING)]


def test_a_row_number_that_is_another_customers_mends_nothing(batch: Batch) -> None:
    """Customers are told apart by identifier: the one of that row stays rejected there, and is in the reports."""
    batch.give("in.csv", [bad("a"), good("b")])
    batch.give("other.csv", [good("c").correcting(1)])
    expected = [(1, "a", REJECTED), (2, "b", PENDING), (3, "c", PENDING)]
    assert batch.shown() == expected
    batch.give("in.csv", [bad("a"), good("b")])
    assert batch.shown() == expected


@pytest.mark.parametrize("new", [bad("n"), bad(None)])
def test_a_mended_copy_of_before_the_rows_moved_mends_its_own_row(batch: Batch, new: Row) -> None:
    """A new export has a new faulty row on top of the one that the copy was made from."""
    batch.give("in.csv", [bad("a"), good("b")])
    batch.give("in.csv", [new, bad("a"), good("b")])
    batch.give("mended.csv", [good("a").correcting(1)])
    assert batch.shown() == [(1, new.customer_id, REJECTED), (2, "a", PENDING), (3, "b", PENDING)]


def test_a_repeated_identifier_is_mended_by_another(batch: Batch) -> None:
    """Its row was rejected for it, so that it is not the customer's."""
    batch.give("in.csv", [good("a"), replace(bad("a"), is_repeated=True), good("c")])
    batch.give("rejects.csv", [good("b").correcting(2)])
    assert batch.shown() == [(1, "a", PENDING), (2, "b", PENDING), (3, "c", PENDING)]


@pytest.mark.parametrize("at_once", [1, 1000])
def test_the_same_rows_in_another_file_are_rejected_once(batch: Batch, at_once: int) -> None:
    """As when it was compressed: each row stands for the one that it is like, also without an identifier."""
    rows = [bad(None), good("a"), bad("b"), replace(bad("b"), is_repeated=True), bad(None), bad(None, name="Bolt")]
    batch.give("in.csv", rows)
    before = batch.shown()
    tally = batch.give("in.csv.gz", rows, digest="compressed", at_once=at_once)
    assert tally == ImportDiff(same=1, rejected=5, is_another=True)
    assert batch.shown() == before


def test_one_faulty_row_made_into_two_gives_the_second_a_place_of_its_own(batch: Batch) -> None:
    """Somebody copied the line in our rejects file, `row` and all."""
    batch.give("in.csv", [bad(None), good("c")])
    batch.give("rejects.csv", [good("a").correcting(1), good("b").correcting(1)])
    assert batch.shown() == [(1, "a", PENDING), (2, "c", PENDING), (4, "b", PENDING)]
    batch.give("in.csv", [bad(None), good("c")])
    assert batch.shown() == [(1, "a", PENDING), (2, "c", PENDING), (4, "b", PENDING)]


@pytest.mark.parametrize("at_once", [1, 1000])
def test_two_faulty_rows_for_one_place_are_both_shown(batch: Batch, at_once: int) -> None:
    """No row of any file vanishes from the reports, however many parts it is read in."""
    batch.give("in.csv", [bad("a"), good("b")])
    batch.give("more.csv", [bad("a"), bad("a")], at_once=at_once)
    assert batch.shown() == [(1, "a", REJECTED), (2, "b", PENDING), (4, "a", REJECTED)]


def test_a_faulty_row_of_a_customer_whom_codat_has_shows_the_customer(batch: Batch) -> None:
    """One row in, one row out; the fault is still in the rejects file."""
    batch.give("in.csv", [good("a"), good("b")])
    batch.created("a")
    batch.give("in.csv", [good("b"), bad("a")])
    assert batch.shown() == [(1, "b", PENDING), (2, "a", CREATED)]
    assert batch.rejects() == [2]
    batch.give("rejects.csv", [good("a").correcting(2)])
    assert batch.shown() == [(1, "b", PENDING), (2, "a", CREATED)]
    assert batch.presence()["a"] == "present"
    assert batch.rejects() == []


def test_the_gone_have_no_place_that_they_could_take_from_others(batch: Batch) -> None:
    """Who returns with another file stands there; the faulty row that stands where it stood once is still rejected."""
    batch.give("in.csv", [good("a"), good("g"), good("c")])
    batch.created("g")
    batch.give("in.csv", [good("a"), bad("f"), good("c")])
    batch.give("more.csv", [good("g")])
    assert batch.shown() == [(1, "a", PENDING), (2, "f", REJECTED), (3, "c", PENDING), (4, "g", CREATED)]


def test_a_mended_row_may_be_a_customer_who_was_gone(batch: Batch) -> None:
    """Nobody else has that identifier in the input now."""
    batch.give("in.csv", [good("g"), good("b")])
    batch.created("g")
    batch.give("in.csv", [good("b"), bad(None)])
    batch.give("rejects.csv", [good("g").correcting(2)])
    assert batch.shown() == [(1, "b", PENDING), (2, "g", CREATED)]


def test_forgetting_one_of_the_gone_shows_no_rejection_that_another_hides(batch: Batch) -> None:
    """Its old row belongs to somebody else now."""
    batch.give("in.csv", [good("g"), good("h")])
    batch.write("g", name_sent="Acme")
    batch.created("h")
    batch.give("in.csv", [bad("h")])
    with database.transaction(batch.db):
        customers.forget(batch.db, batch.seq("g"))
    assert batch.shown() == [(1, "h", CREATED)]


def test_forgetting_a_customer_whose_row_is_faulty_shows_the_rejection(batch: Batch) -> None:
    """Codat turned out not to have it: the row is rejected, no more."""
    batch.give("in.csv", [good("h")])
    batch.write("h", name_sent="Acme")
    batch.give("in.csv", [bad("h")])
    assert batch.shown() == [(1, "h", PENDING)]
    with database.transaction(batch.db):
        customers.forget(batch.db, batch.seq("h"))
    assert batch.shown() == [(1, "h", REJECTED)]


def test_a_customer_who_returns_is_the_customer_who_was_gone(batch: Batch) -> None:
    """With its company, and counted as changed."""
    batch.give("in.csv", [good("a"), good("b")])
    batch.created("b")
    batch.give("in.csv", [good("a")])
    assert batch.give("in.csv", [good("b"), good("a")]) == ImportDiff(same=1, changed=1)
    assert batch.shown() == [(1, "b", CREATED), (2, "a", PENDING)]


@pytest.mark.parametrize(
    ("changed", "state"),
    [
        (good("a", name="Bolt"), "pending"),  # a name that Codat may take
        (good("a", platform="qhyg"), "pending"),  # another platform
        (good("a", email="a@example.com"), "failed"),  # nothing that is sent
        (good("a"), "failed"),  # nothing at all
    ],
)
def test_a_failed_customer_is_asked_for_again_once_what_is_sent_has_changed(
    batch: Batch, changed: Row, state: str
) -> None:
    """Anything else would be refused again."""
    batch.give("in.csv", [good("a")])
    batch.write("a", state="failed")
    batch.give("in.csv", [changed, good("z")])
    assert {customer: state for _, customer, state in batch.shown()}["a"] == state


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
    batch.give("in.csv", [good("b")])
    batch.give("more.csv", [good("c")])
    batch.give("in.csv", [bad("x"), good("a"), good("b")])
    assert customers.count_pending(batch.db, limit=limit) == counted
    first = customers.pending(batch.db, begun=False, after=0, most=9, limit=limit)
    assert sorted(entry.customer_id for entry in first) == ["a", "b", "c"][:counted]


def test_a_number_of_a_customer_is_never_given_twice(batch: Batch) -> None:
    """What was asked for one who was forgotten must not be taken for what was asked for the next."""
    batch.give("in.csv", [good("a"), good("b")])
    seq = batch.seq("b")
    batch.give("in.csv", [good("a")])
    batch.give("in.csv", [good("a"), good("c")])
    assert batch.seq("c") > seq
    assert pending(batch.db) == ["a", "c"]


IDS = st.sampled_from(["a", "b", "c", None])
ROWS = st.lists(st.builds(Row, IDS, st.booleans(), st.sampled_from(["Acme", "Bolt"])), min_size=1, max_size=6)
CHANGES = st.sets(st.sampled_from(["a", "b", "c"]), max_size=2)
GIVEN = st.tuples(st.sampled_from(["in.csv", "more.csv", "rejects.csv"]), ROWS, CHANGES, st.integers(1, 3))


def as_judged(rows: list[Row]) -> list[Row]:
    """Reject what has no identifier, and what has that of a row before it."""
    judged: list[Row] = []
    for row in rows:
        is_repeated = row.customer_id is not None and row.customer_id in {before.customer_id for before in judged}
        is_faulty = row.is_faulty or row.customer_id is None or is_repeated
        judged.append(replace(row, is_faulty=is_faulty, is_repeated=is_repeated))
    return judged


@settings(max_examples=150, deadline=None)
@given(st.lists(GIVEN, min_size=1, max_size=6))
@example([("in.csv", [good("b")], {"b"}, 1), ("in.csv", [bad("b")], set(), 1), ("rejects.csv", [good("a")], set(), 1)])
def test_every_row_is_shown_once_after_any_sequence_of_files(steps: list[tuple[str, list[Row], set[str], int]]) -> None:
    """The first file's rows one by one, further files' in a place of their own or an earlier one, and the gone."""
    with tempfile.TemporaryDirectory() as folder, closing((batch := Batch(Path(folder, "b"))).db):
        first, rows = steps[0][0], 0
        for path, content, sent, at_once in [("in.csv", *steps[0][1:]), *steps[1:]]:
            content = as_judged(content)
            if path == "rejects.csv":
                places = batch.rejects()
                content = [replace(row, corrects=place) for row, place in zip(content, places, strict=False)]
                if not content:
                    continue
            batch.give(path, content, at_once=at_once, digest=repr((path, content)))
            rows = len(content) if path == "in.csv" else rows
            batch.created(*sent.intersection(batch.presence()))

            shown = batch.shown()
            places = [row for row, _, _ in shown if row is not None]
            assert len(places) == len(set(places)), "no two stand in one place"
            assert [place for place in places if place <= rows] == list(range(1, rows + 1))
            for row in content:
                if not row.is_faulty:
                    found = [(place, state) for place, name, state in shown if name == row.customer_id]
                    assert any(place is not None and state != REJECTED for place, state in found) or (
                        row.corrects in batch.rejects()
                    ), "accepted, or rejected since another row has its identifier"
            gone = [name for name, presence in batch.presence().items() if presence == "removed"]
            assert sorted(name or "" for row, name, _ in shown if row is None) == sorted(gone)
        assert first
