"""Identifiers that a spreadsheet has changed on the way back: nobody gets a second company under another one."""

from __future__ import annotations

import json
import tempfile
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bulk.journal.enrolment import ImportDiff
from bulk.journal.id_spellings import in_full, in_short, is_spoilt

from .batches import Batch, Row, bad, good
from .test_enrolment import as_judged

REJECTED, PENDING, CREATED = "rejected", "pending", "link_ready"
LONG = "4123456789012345678"


def reasons(batch: Batch) -> list[str]:
    """Give why rows are rejected."""
    return [text for (text,) in batch.db.execute("SELECT reasons FROM rejections ORDER BY source, row")]


def ids(batch: Batch) -> list[str | None]:
    """Give the identifiers as our own rejects file has them."""
    return [json.loads(text)["customer_id"] for (text,) in batch.db.execute("SELECT cells FROM rejections")]


@pytest.mark.parametrize(
    ("now", "before", "expected"),
    [
        ("123", "00123", True),
        ("0", "000", True),
        ("123.0", "00123", True),
        ("123,00", "00123", True),
        ("1200000", "12E5", True),
        ("1.2E+06", "12E5", True),
        ("1.1", "1.10", True),
        ("4123456789012340000", LONG, True),  # cut to 15 digits
        ("4123456789012350000", LONG, True),  # rounded
        ("4.12346E+18", LONG, True),
        ("4,12346E+18", LONG, True),
        ("4.1E+12", "4100000000000", True),
        ("123", "123", False),
        ("00123", "123", False),  # written back
        ("0123", "00123", False),  # by hand
        ("124", "00123", False),
        ("1.2E+02", "00123", False),  # so short a number is not shortened
        ("4123456789012360000", LONG, False),
        ("412345678901234567", LONG, False),
        ("C123", "C00123", False),
        ("1E+999", LONG, False),
        (None, "00123", False),
        ("123", None, False),
    ],
)
def test_what_only_a_spreadsheet_does_to_an_identifier(now: str | None, before: str | None, expected: bool) -> None:
    """Zeros and digits lost; never gained."""
    assert is_spoilt(now, before) is expected


@given(st.from_regex(r"[0-9]{1,30}", fullmatch=True))
def test_what_a_spreadsheet_makes_of_an_identifier_is_known_as_that(before: str) -> None:
    """In full or shortened."""
    for now in (in_full(before), in_short(before)):
        assert now is None or is_spoilt(now, before)


@given(st.text(alphabet="0123456789.,Ee+-x;\u0663 ", max_size=110), st.text(alphabet="0123456789.Ee+-", max_size=110))
def test_any_texts_can_be_compared(now: str, before: str) -> None:
    """Never both ways."""
    assert not (is_spoilt(now, before) and is_spoilt(before, now) and now == before)


@pytest.mark.parametrize(("before", "now"), [("00123", "123"), (LONG, "4.12346E+18"), (LONG, in_full(LONG) or "")])
@pytest.mark.parametrize("is_mended", [True, False])
def test_a_mended_row_whose_identifier_a_spreadsheet_changed_stays_rejected(
    batch: Batch, before: str, now: str, *, is_mended: bool
) -> None:
    """With its own identifier and cells, however often it comes back so; then it is mended all the same."""
    batch.give("in.csv", [good("a"), bad(before)])
    for turn in range(3):
        mended = replace(good(now) if is_mended else bad(now), corrects=2)
        batch.give("rejects.csv", [mended], digest=f"{turn // 2}")
        assert batch.shown() == [(1, "a", PENDING), (2, before, REJECTED)]
        assert ids(batch) == [before]
        (text,) = reasons(batch)
        assert text.startswith("platform is unknown")
        assert text.count(f"customer_id: {now} was {before} before") == 1
    batch.give("rejects.csv", [good(before).correcting(2)])
    assert batch.shown() == [(1, "a", PENDING), (2, before, PENDING)]
    batch.give("rejects.csv", [good(now).correcting(2)], digest="late")
    assert batch.presence() == {"a": "present", before: "present"}
    assert [shown[1:] for shown in batch.shown()[2:]] == [(before, REJECTED)], "a row that came late, of the customer"
    assert ids(batch) == [before]


def test_the_customer_of_that_identifier_is_somebody_else(batch: Batch) -> None:
    """A batch may have both: the mended row of the one is no word of the other."""
    batch.give("in.csv", [good("123", name="Bolt"), bad("00123")])
    batch.give("rejects.csv", [replace(good("123"), corrects=2)])
    assert batch.shown() == [(1, "123", PENDING), (2, "00123", REJECTED)]
    assert batch.db.execute("SELECT company_name FROM customers").fetchall() == [("Bolt",)]


def test_both_may_be_mended_at_once(batch: Batch) -> None:
    """Each is known by its own identifier."""
    batch.give("in.csv", [bad("123"), bad("00123")])
    batch.give("rejects.csv", [good("00123").correcting(2), good("123").correcting(1)])
    assert batch.shown() == [(1, "123", PENDING), (2, "00123", PENDING)]


def test_it_is_found_where_the_rows_have_moved(batch: Batch) -> None:
    """Its number is another row's now."""
    batch.give("in.csv", [bad("00123"), good("b")])
    batch.give("in.csv", [good("n"), good("b"), bad("00123")])
    batch.give("rejects.csv", [good("123").correcting(1)])
    assert batch.shown() == [(1, "n", PENDING), (2, "b", PENDING), (3, "00123", REJECTED)]


def test_a_faulty_row_of_a_customer_whom_codat_has_is_not_made_another(batch: Batch) -> None:
    """The customer stays as it is."""
    batch.give("in.csv", [good("00123")])
    batch.created("00123")
    batch.give("in.csv", [bad("00123")])
    batch.give("rejects.csv", [good("123").correcting(1)])
    assert batch.shown() == [(1, "00123", CREATED)]
    assert batch.rejects() == [1]


@pytest.mark.parametrize(
    ("faulty", "written"),
    [
        (bad("123"), "00123"),  # the zeros that a spreadsheet had dropped before
        (bad("00123"), "124"),
        (bad(None), "123"),
        (bad("C1"), "123"),
    ],
)
def test_an_identifier_changed_on_purpose_goes_through(batch: Batch, faulty: Row, written: str) -> None:
    """As any other mended row."""
    batch.give("in.csv", [good("a"), faulty])
    batch.give("rejects.csv", [faulty.correcting(2, written)])
    assert batch.presence() == {"a": "present", written: "present"}


def test_a_repeated_row_does_not_become_another_customer_by_a_spreadsheet(batch: Batch) -> None:
    """All rejected rows go through it, those with nothing mended too."""
    batch.give("in.csv", [good("00123"), replace(bad("00123"), is_repeated=True)])
    batch.give("rejects.csv", [good("123").correcting(2)])
    assert batch.shown() == [(1, "00123", PENDING), (2, "00123", REJECTED)]
    batch.give("rejects.csv", [good("124").correcting(2)])
    assert batch.shown() == [(1, "00123", PENDING), (2, "124", PENDING)]


def test_a_file_saved_by_a_spreadsheet_makes_nobody_anew(batch: Batch) -> None:
    """Its rows are faulty rows of those whom Codat has, until the file is as it was."""
    original = [good("00123"), good("00456"), bad("00789"), good("1234567")]
    batch.give("in.csv", original)
    batch.created("00123", "1234567")
    saved = [good("123"), good("456"), good("789"), good("1234567"), good("999")]
    for turn in range(2):
        tally = batch.give("in.csv", saved, digest=str(turn))
        assert tally == ImportDiff(new=1 - turn, same=1 + turn, rejected=3)
        assert batch.presence() == {"00123": "invalid", "1234567": "present", "999": "present"}
        assert batch.shown() == [
            *((1, "00123", CREATED), (2, "00456", REJECTED), (3, "00789", REJECTED)),
            *((4, "1234567", CREATED), (5, "999", PENDING)),
        ]
        assert ids(batch) == ["00123", "00456", "00789"]
        assert all(" before; a spreadsheet drops leading zeros: write it as it was" in text for text in reasons(batch))
    batch.give("rejects.csv", [good("456").correcting(2), good("00789").correcting(3)])
    assert batch.presence() == {"00123": "invalid", "1234567": "present", "999": "present", "00789": "present"}
    batch.give("in.csv", saved, digest="2")
    assert batch.presence() == {"00123": "invalid", "1234567": "present", "999": "present", "00789": "present"}
    batch.give("in.csv", [*original[:2], good("00789"), good("1234567")], digest="3")
    assert batch.shown()[:4] == [
        *((1, "00123", CREATED), (2, "00456", PENDING), (3, "00789", PENDING), (4, "1234567", CREATED)),
    ]
    assert batch.rejects() == []


def test_a_faulty_row_saved_by_a_spreadsheet_keeps_its_identifier(batch: Batch) -> None:
    """Or it would be mended under the other one."""
    batch.give("in.csv", [bad("00123"), good("00456")])
    batch.created("00456")
    batch.give("in.csv", [bad("123"), bad("456")])
    assert batch.shown() == [(1, "00123", REJECTED), (2, "00456", CREATED)]
    assert ids(batch) == ["00123", "00456"]


def test_a_file_with_both_has_both(batch: Batch) -> None:
    """In a system where they are two customers."""
    batch.give("in.csv", [good("00123")])
    batch.created("00123")
    assert batch.give("in.csv", [good("00123"), good("123")]) == ImportDiff(new=1, same=1)
    assert batch.give("in.csv", [good("123")]) == ImportDiff(same=1, removed=1)


@pytest.mark.parametrize("is_sent", [True, False])
def test_zeros_are_given_back_to_those_of_whom_nothing_was_sent(batch: Batch, *, is_sent: bool) -> None:
    """Whom Codat has under the shortened identifier keeps it: another would be another company."""
    batch.give("in.csv", [good("123")])
    if is_sent:
        batch.created("123")
    batch.give("in.csv", [good("00123")])
    assert batch.shown() == [(1, "123", CREATED) if is_sent else (1, "00123", PENDING)]
    assert batch.rejects() == ([1] if is_sent else [])
    if is_sent:
        assert reasons(batch)[0].startswith("customer_id: 00123 was 123 before; Codat has the customer under 123")
        batch.give("rejects.csv", [good("00123").correcting(1)])
        assert batch.presence() == {"123": "invalid"}
        batch.give("rejects.csv", [good("123").correcting(1)])
        assert batch.presence() == {"123": "present"}


def test_of_several_who_may_have_been_meant_none_is_taken(batch: Batch) -> None:
    """The cell is empty then, to be filled in."""
    batch.give("in.csv", [good("00123"), good("0123")])
    batch.created("00123")
    batch.give("in.csv", [good("123")])
    assert batch.presence() == {"00123": "removed"}
    assert ids(batch) == [""]
    assert reasons(batch)[0].startswith("customer_id: 123 was 00123 or another before")
    batch.give("rejects.csv", [good("00123").correcting(1)])
    assert batch.shown() == [(1, "00123", CREATED)]


def test_a_customer_who_came_from_two_faulty_rows_stands_for_one_of_them(batch: Batch) -> None:
    """The other one is faulty still: no row of the input is lost."""
    batch.give("in.csv", as_judged([bad("01"), bad("01")]))
    batch.give("rejects.csv", [good("01").correcting(1), good("001").correcting(2)])
    batch.give("in.csv", [bad("001")], digest="2")
    batch.give("more.csv", [good("001")])
    batch.give("in.csv", [bad("001"), bad("01")], digest="3")
    assert batch.shown() == [(1, "001", PENDING), (2, "01", REJECTED)]


IDS = st.sampled_from(["001", "01", "1", "7", None])
ROWS = st.lists(st.builds(Row, IDS, st.booleans()), min_size=1, max_size=5)
GIVEN = st.tuples(st.sampled_from(["in.csv", "more.csv", "rejects.csv"]), ROWS, st.sets(IDS, max_size=2))


@settings(max_examples=150, deadline=None)
@given(st.lists(GIVEN, min_size=1, max_size=6), st.integers(1, 3))
def test_every_row_has_a_place_of_its_own_whatever_a_spreadsheet_has_done(
    steps: list[tuple[str, list[Row], set[str | None]]], at_once: int
) -> None:
    """The first file's rows one by one; and whom Codat has stays in the reports under the same identifier."""
    with tempfile.TemporaryDirectory() as folder, closing((batch := Batch(Path(folder, "b"))).db):
        sent: set[str | None] = set()
        rows = 0
        for path, content, chosen in [("in.csv", *steps[0][1:]), *steps[1:]]:
            content = as_judged(content)
            if path == "rejects.csv":
                content = [replace(row, corrects=n) for row, n in zip(content, batch.rejects(), strict=False)]
            if not content:
                continue
            batch.give(path, content, at_once=at_once, digest=repr((path, content)))
            rows = len(content) if path == "in.csv" else rows
            new = chosen & batch.presence().keys()
            batch.created(*(each for each in new if each))
            sent |= new
            shown = batch.shown()
            places = [place for place, _, _ in shown if place is not None]
            assert len(places) == len(set(places))
            assert [place for place in places if place <= rows] == list(range(1, rows + 1))
            assert sent <= {name for _, name, state in shown if state == CREATED}
