"""Rows that could reach the wrong customer are held until a person has decided."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from support.batches import Batch, Row, bad, good

from bulk.errors import BatchError
from bulk.journal import conflicts, database, enrolment
from bulk.reports.rows import Reader


def held(batch: Batch) -> list[tuple[str | None, str]]:
    """Return the identifiers of the rows in conflict, each with what it is in conflict with."""
    query = "SELECT customer_id, json_extract(problems, '$[0].found') FROM rejections WHERE state = 'conflict'"
    return [(customer_id, found) for customer_id, found in batch.db.execute(query + " ORDER BY source, row")]


def enrol(batch: Batch, path: str, rows: Sequence[Row], *, accepts: Sequence[str] = ()) -> None:
    """Enrol a file, and accept the conflicts of these customers."""
    with database.transaction(batch.db):
        conflicts.accept(batch.db, accepts)
    batch.enrol(path, rows)


def test_a_row_of_another_file_that_changes_a_customer_in_codat_is_held(batch: Batch) -> None:
    """Two systems may both number their customers 1, 2, 3."""
    enrol(batch, "uk.csv", [good("1", name="Ash", email="a@uk"), good("2", name="Birch")])
    batch.create("1")
    enrol(batch, "us.csv", [good("1", name="Texas", email="t@us"), good("3", name="Utah")])
    assert held(batch) == [("1", "Ash")]
    assert batch.read("1", "company_name", "email", "state") == {
        "company_name": "Ash",
        "email": "a@uk",
        "state": "link_ready",
    }
    assert batch.results() == [
        (1, "1", "link_ready"),
        (2, "2", "pending"),
        (3, "1", "conflict"),
        (4, "3", "pending"),
    ]


@pytest.mark.parametrize(
    ("row", "is_held"),
    [
        (good("1", name="Ash Ltd", email="a@uk"), False),  # a corrected name
        (good("1", name="Ash", email="t@us", platform="qhyg"), False),  # another address and other software
        (good("1", name="Texas", email="t@us"), True),
        (good("1", name="Texas", email="a@uk", platform="qhyg"), True),
    ],
)
def test_a_customer_is_another_one_if_its_name_and_its_platform_or_email_differ(
    batch: Batch, row: Row, is_held: bool
) -> None:
    """One difference is a correction."""
    enrol(batch, "uk.csv", [good("1", name="Ash", email="a@uk")])
    batch.create("1")
    enrol(batch, "us.csv", [row])
    assert bool(held(batch)) == is_held


def test_a_customer_that_codat_does_not_have_yet_takes_the_new_values(batch: Batch) -> None:
    """Until a customer is sent, new values replace old ones."""
    enrol(batch, "uk.csv", [good("1", name="Ash", email="a@uk")])
    enrol(batch, "us.csv", [good("1", name="Texas", email="t@us")])
    assert held(batch) == []
    assert batch.read("1", "company_name") == {"company_name": "Texas"}


def test_an_edited_file_changes_its_own_customers(batch: Batch) -> None:
    """The same file numbers its customers in one way."""
    enrol(batch, "uk.csv", [good("1", name="Ash", email="a@uk")])
    batch.create("1")
    enrol(batch, "uk.csv", [good("1", name="Texas", email="t@us")])
    assert held(batch) == []


def test_an_accepted_row_updates_its_customer_and_stays_accepted(batch: Batch) -> None:
    """A later run need not accept it again."""
    files = [good("1", name="Ash", email="a@uk")], [good("1", name="Texas", email="t@us")]
    enrol(batch, "uk.csv", files[0])
    batch.create("1")
    enrol(batch, "us.csv", files[1])
    enrol(batch, "us.csv", files[1], accepts=["1"])
    assert held(batch) == []
    assert batch.read("1", "company_name", "email") == {"company_name": "Texas", "email": "t@us"}
    enrol(batch, "uk.csv", files[0])
    enrol(batch, "us.csv", files[1])
    assert held(batch) == []


def test_a_row_that_was_accepted_once_is_held_if_it_meets_another_customer(batch: Batch) -> None:
    """A person has accepted what was found then, and nothing else."""
    enrol(batch, "uk.csv", [good("1", name="Ash", email="a@uk")])
    batch.create("1")
    enrol(batch, "us.csv", [good("1", name="Texas", email="t@us")])
    enrol(batch, "us.csv", [good("1", name="Texas", email="t@us")], accepts=["1"])
    enrol(batch, "fr.csv", [good("1", name="Loire", email="l@fr")])
    assert held(batch) == [("1", "Texas")]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("00123", "123"),
        ("123", "00123"),
        ("1001", "1001.0"),
        ("1,001", "1001"),
        ("12345678901234567890", "1.23457E+19"),
        ("1.23457E+19", "12345678901234567890"),
        ("12345678901234567890", "12345678901234500000"),
        ("1E5", "100000"),
        ("1E5", "1.00E+05"),
        ("1.00E+05", "1E5"),
        ('="001"', "001"),
        ("6f6a4c0e7a585c1b9d1e2b7f0c8f3a11", "{6F6A4C0E-7A58-5C1B-9D1E-2B7F0C8F3A11}"),
        ("a\u00a0b", "a b"),
        ("\uff11\uff12\uff13", "123"),
    ],
)
@pytest.mark.parametrize("path", ["in.csv", "other.csv"])
def test_another_spelling_of_a_missing_identifier_is_held(batch: Batch, old: str, new: str, path: str) -> None:
    """An edited or an additional file has lost the identifier's form."""
    enrol(batch, "in.csv", [good(old), good("x")])
    batch.create(old)
    enrol(batch, path, [good(new), good("x")])
    assert held(batch) == [(new, old)]
    assert batch.read(old, "state") == {"state": "link_ready"}


@pytest.mark.parametrize(("old", "new"), [("ab", "AB"), ("123", "124"), ("a1", "a01")])
def test_other_identifiers_are_other_customers(batch: Batch, old: str, new: str) -> None:
    """Letter case alone makes another customer."""
    enrol(batch, "in.csv", [good(old)])
    batch.create(old)
    enrol(batch, "in.csv", [good(new)])
    assert held(batch) == []


def test_two_spellings_in_one_file_are_two_customers(batch: Batch) -> None:
    """The identifier is not missing from the file."""
    enrol(batch, "in.csv", [good("00123")])
    batch.create("00123")
    enrol(batch, "in.csv", [good("00123"), good("123")])
    assert held(batch) == []
    assert batch.results() == [(1, "00123", "link_ready"), (2, "123", "pending")]


@pytest.mark.parametrize(
    ("ids", "found"),
    [
        (("123", "x", "00123"), (3, "00123", 1, "123", 1)),
        (("00123", "123.0", "123"), (2, "123.0", 1, "00123", 2)),
        (("001", "002", "x"), None),
    ],
    ids=["the plain one first", "three spellings", "none"],
)
def test_two_spellings_in_one_file_are_found(
    batch: Batch, ids: tuple[str, ...], found: tuple[object, ...] | None
) -> None:
    """The first of them, with the row that it may repeat, and their number."""
    batch.enrol("a.csv", [good(each) for each in ids])
    assert conflicts.same_spelling(batch.db, run=batch.runs) == found
    batch.enrol("b.csv", [good("y")])
    assert conflicts.same_spelling(batch.db, run=batch.runs) is None


def test_a_spelling_of_a_customer_that_was_never_sent_replaces_it(batch: Batch) -> None:
    """The file was corrected before anything was created."""
    enrol(batch, "in.csv", [good("00123")])
    enrol(batch, "in.csv", [good("123")])
    assert held(batch) == []
    assert batch.results() == [(1, "123", "pending")]


def test_an_accepted_spelling_is_a_customer_of_its_own(batch: Batch) -> None:
    """It gets its own company."""
    enrol(batch, "in.csv", [good("00123")])
    batch.create("00123")
    enrol(batch, "in.csv", [good("123")])
    enrol(batch, "in.csv", [good("123")], accepts=["123"])
    assert held(batch) == []
    assert batch.read("123", "state") == {"state": "pending"}


@pytest.mark.parametrize(
    ("uk", "us", "found"), [("Ash", "Utah", "Ash"), ("Oak", "Texas", "Oak")], ids=["another row", "another customer"]
)
def test_a_person_accepts_the_row_and_what_was_found_then(batch: Batch, uk: str, us: str, found: str) -> None:
    """If either has another name since, it is a conflict again."""
    enrol(batch, "uk.csv", [good("1", name="Ash", email="a@uk")])
    batch.create("1")
    enrol(batch, "us.csv", [good("1", name="Texas", email="t@us")])
    enrol(batch, "uk.csv", [good("1", name=uk, email="a@uk")])
    enrol(batch, "us.csv", [good("1", name=us, email="t@us")], accepts=["1"])
    assert held(batch) == [("1", found)]


def test_nothing_is_accepted_before_it_was_shown(batch: Batch) -> None:
    """The customers without a conflict are returned: a spreadsheet may have changed their identifiers."""
    enrol(batch, "uk.csv", [good("007"), good("2", name="Ash", email="a@uk")])
    batch.create("007", "2")
    with database.transaction(batch.db):
        assert conflicts.accept(batch.db, ["7", "2"]) == ["2", "7"]
    batch.enrol("us.csv", [good("7"), good("2", name="Texas", email="t@us")])
    assert sorted(held(batch), key=str) == [("2", "Ash"), ("7", "007")]
    with database.transaction(batch.db):
        assert conflicts.accept(batch.db, ["7", "2", "99"]) == ["99"]
    batch.enrol("us.csv", [good("7"), good("2", name="Texas", email="t@us")])
    assert held(batch) == []


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("00301", "301"),
        ("1E5", "100000"),
        ("1E5", "1.00E+05"),
        ("12345678901234567890", "1.23456789012346E+019"),  # in LibreOffice
        ("12345678901234567890", "12345678901234500000"),
        ("1.23457E+19", "12345678901234567890"),
    ],
)
def test_another_spelling_of_a_rejected_row_is_held(batch: Batch, old: str, new: str) -> None:
    """A spreadsheet may have changed the identifier while a person corrected the row."""
    enrol(batch, "in.csv", [bad(old), good("302")])
    enrol(batch, "fixed.csv", [good(new)])
    assert held(batch) == [(new, old)]
    enrol(batch, "fixed.csv", [good(new)], accepts=[new])
    assert held(batch) == []


def test_two_spellings_in_one_file_are_two_customers_even_if_one_is_rejected(batch: Batch) -> None:
    """Only a row of another file may be the same one."""
    enrol(batch, "in.csv", [bad("00301"), good("301")])
    assert held(batch) == []
    enrol(batch, "other.csv", [bad("1E5"), good("100000")])
    assert held(batch) == []


def test_a_file_with_the_right_spelling_again_ends_the_conflict(batch: Batch) -> None:
    """The customer is present again."""
    enrol(batch, "in.csv", [good("00123")])
    batch.create("00123")
    enrol(batch, "in.csv", [good("123")])
    enrol(batch, "in.csv", [good("00123")])
    assert held(batch) == []
    assert batch.presence() == {"00123": "present"}


def test_a_held_row_returns_with_the_cells_of_its_file(batch: Batch) -> None:
    """A person reads them in conflicts.csv."""
    enrol(batch, "in.csv", [good("00123")])
    batch.create("00123")
    enrol(batch, "in.csv", [good("123", name="Acme Ltd")])
    with Reader(batch.path) as reader:
        ((row, conflict, found, *_),) = reader.rows(
            "SELECT row, reasons(problems), json_extract(problems, '$[0].found') FROM rejections"
        )
    assert (row, found) == (1, "00123")
    assert conflict.startswith('customer_id "123" is another spelling of "00123"')


def test_a_conflict_ends_with_the_customer_that_it_was_with(batch: Batch) -> None:
    """`undo` has deleted the company. The same file is read again, because it has a row in conflict."""
    enrol(batch, "in.csv", [good("00123")])
    batch.create("00123")
    enrol(batch, "in.csv", [good("123")])
    assert held(batch) == [("123", "00123")]
    ((digest,),) = batch.db.execute("SELECT digest FROM sources")
    assert enrolment.compare_unchanged(batch.db, digest) is None
    batch.change("00123", name_sent=None, company_id=None, state="pending")
    enrol(batch, "in.csv", [good("123")])
    assert held(batch) == []
    assert batch.results() == [(1, "123", "pending")]


def test_another_export_in_the_place_of_the_file_is_refused(batch: Batch) -> None:
    """It numbers other customers in the same way. Nothing changes."""
    enrol(batch, "in.csv", [good("1", name="Ash", email="a@uk"), good("2", name="Birch", email="b@uk"), good("3")])
    batch.create("1", "2", "3")
    before = batch.results()
    with pytest.raises(BatchError, match="of 3 customers that Codat may have, 2 have another name"):
        enrol(batch, "in.csv", [good("1", name="Texas", email="t@us"), good("2", name="Utah", email="u@us"), good("3")])
    assert batch.results() == before
    assert batch.read("1", "company_name") == {"company_name": "Ash"}


def test_an_edit_of_fewer_than_half_of_the_customers_is_no_other_export(batch: Batch) -> None:
    """The differences are listed."""
    old = [good(str(number), name=f"Old {number}") for number in range(5)]
    enrol(batch, "in.csv", old)
    batch.create(*"01234")
    enrol(batch, "in.csv", [*(good(each, name=f"New {each}", email="n@uk") for each in "01"), *old[2:]])
    assert held(batch) == []
    assert batch.read("1", "company_name") == {"company_name": "New 1"}
