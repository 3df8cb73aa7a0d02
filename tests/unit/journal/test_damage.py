"""Customers of damaged rows are held until the row is corrected or accepted, and lose nothing that Codat has."""

from __future__ import annotations

import pytest
from support.batches import Batch, Row, good

from bulk.journal import conflicts, database
from bulk.reports.rows import Reader

DAMAGED = good("1", name="CafÃ©", damage="Cafe")
UNKNOWN = good("1", name="Caf\ufffd", damage="")


def damaged(batch: Batch) -> dict[str, str]:
    """Return the state of each customer with damage."""
    return dict(batch.db.execute("SELECT customer_id, state FROM customers WHERE damage IS NOT NULL ORDER BY seq"))


def accept(batch: Batch, *customer_ids: str) -> list[str]:
    """Accept the conflicts of these customers."""
    with database.transaction(batch.db):
        return conflicts.accept(batch.db, customer_ids)


def differences(batch: Batch) -> list[tuple[str, ...]]:
    """Return the lines of differences.csv."""
    with Reader(batch.path) as reader:
        return [line for frame in reader.differences() or () for line in frame.rows()]


def test_a_new_customer_with_a_damaged_name_is_held(batch: Batch) -> None:
    """Nothing is sent for it."""
    diff = batch.enrol("in.csv", [DAMAGED, good("2")])
    assert (diff.new, diff.conflicts) == (1, 1)
    assert batch.results() == [(1, "1", "conflict"), (2, "2", "pending")]
    assert batch.read("1", "error_step", "error_code") == {
        "error_step": "conflict",
        "error_code": "company_name_damaged",
    }


@pytest.mark.parametrize("row", [good("1", name="Café"), good("1", name="Ash")])
def test_a_corrected_row_is_sent(batch: Batch, row: Row) -> None:
    """Nothing of the conflict is left."""
    batch.enrol("in.csv", [DAMAGED])
    batch.enrol("in.csv", [row])
    assert batch.read("1", "state", "conflict", "error_step", "error_code") == {
        "state": "pending",
        "conflict": None,
        "error_step": None,
        "error_code": None,
    }


def test_an_accepted_row_is_sent_as_it_is(batch: Batch) -> None:
    """A person accepts this name, and no other one."""
    batch.enrol("in.csv", [DAMAGED])
    assert accept(batch, "1") == []
    batch.enrol("in.csv", [DAMAGED])
    assert batch.results() == [(1, "1", "pending")]
    assert batch.read("1", "name", "damage") == {"name": "CafÃ©", "damage": None}
    batch.enrol("in.csv", [good("1", name="BistrÃ³", damage="Bistro")])
    assert batch.results() == [(1, "1", "conflict")]


@pytest.mark.parametrize(
    ("accepted", "later"),
    [
        (DAMAGED, good("1", name="Caf&eacute;", damage="Cafe")),
        (UNKNOWN, good("1", name="Bistr\ufffd", damage="")),
    ],
)
def test_only_the_accepted_text_is_accepted(batch: Batch, accepted: Row, later: Row) -> None:
    """The same customer with another damaged name is held again."""
    batch.enrol("in.csv", [accepted])
    assert accept(batch, "1") == []
    batch.enrol("in.csv", [later])
    assert batch.results() == [(1, "1", "conflict")]


def test_nothing_is_accepted_before_it_was_shown(batch: Batch) -> None:
    """The customer is returned."""
    assert accept(batch, "1") == ["1"]
    batch.enrol("in.csv", [DAMAGED])
    assert damaged(batch) == {"1": "conflict"}


@pytest.mark.parametrize("row", [DAMAGED, UNKNOWN])
@pytest.mark.parametrize("path", ["in.csv", "other.csv"])
def test_a_customer_that_codat_has_keeps_its_name_and_its_state(batch: Batch, row: Row, path: str) -> None:
    """Its name is not sent again. The difference is listed, and other values are updated."""
    batch.enrol("in.csv", [good("1", name="Cafe", email="old@uk"), good("2")])
    batch.change("1", name_sent="Cafe", company_id="c 1", state="link_ready")
    email = "new@uk" if path == "in.csv" else "old@uk"  # another name and address would be another customer
    batch.enrol(path, [good("1", name=row.name, damage=row.damage or "", email=email), good("2")])
    assert batch.results() == [(1, "1", "link_ready"), (2, "2", "pending")]
    assert batch.read("1", "name", "email", "conflict") == {"name": "Cafe", "email": email, "conflict": None}
    assert differences(batch) == [("1", "company_name", "Cafe", row.name)]
    with Reader(batch.path) as reader:
        assert reader.rows("SELECT count(*) FROM rejections")[0][0] == 0
    batch.enrol("in.csv", [good("1", name="Cafe"), good("2")])
    assert differences(batch) == []


@pytest.mark.parametrize("state", ["pending", "failed"])
def test_a_customer_that_codat_may_have_is_looked_up_by_its_good_name(batch: Batch, state: str) -> None:
    """If Codat does not have it, the name of the earlier row is sent."""
    batch.enrol("in.csv", [good("1", name="Cafe")])
    batch.change("1", name_sent="Cafe", state=state)
    batch.enrol("in.csv", [UNKNOWN])
    assert batch.read("1", "name", "state") == {"name": "Cafe", "state": state}


def test_the_known_name_of_a_customer_that_was_not_sent_is_used(batch: Batch) -> None:
    """The damaged name is the same one. Another one is a conflict."""
    batch.enrol("in.csv", [good("1", name="Cafe")])
    batch.enrol("in.csv", [DAMAGED])
    assert batch.read("1", "company_name", "state", "damage") == {
        "company_name": "Cafe",
        "state": "pending",
        "damage": None,
    }
    batch.enrol("in.csv", [UNKNOWN])
    assert damaged(batch) == {"1": "conflict"}


@pytest.mark.parametrize("is_sent", [False, True])
def test_a_correction_stays_when_the_file_is_read_again(batch: Batch, is_sent: bool) -> None:
    """The corrected name may be another one than the probable one."""
    batch.enrol("in.csv", [good("2"), DAMAGED])
    batch.enrol("fixed.csv", [good("1", name="Kaffee").corrected(2)])
    assert batch.results() == [(1, "2", "pending"), (2, "1", "pending")]
    if is_sent:
        batch.change("1", name_sent="Kaffee", company_id="c 1", state="link_ready")
    batch.enrol("in.csv", [good("2"), DAMAGED], digest="again")
    assert batch.results() == [(1, "2", "pending"), (2, "1", "link_ready" if is_sent else "pending")]
    assert batch.read("1", "company_name", "name") == {"company_name": "Kaffee", "name": "Kaffee"}


def test_a_damaged_row_that_was_removed_is_forgotten(batch: Batch) -> None:
    """Nothing was sent for it."""
    batch.enrol("in.csv", [DAMAGED, good("2")])
    batch.enrol("in.csv", [good("2")])
    assert batch.results() == [(1, "2", "pending")]


def test_a_name_that_codat_has_is_no_damage(batch: Batch) -> None:
    """A person accepted it before the journal was lost."""
    batch.enrol("in.csv", [DAMAGED])
    batch.change("1", name_sent="CafÃ©", company_id="c 1", state="link_ready", conflict=None, damage=None)
    batch.enrol("in.csv", [DAMAGED, good("2")])
    assert differences(batch) == []
    assert damaged(batch) == {}


def test_the_row_of_another_customer_with_a_damaged_name_is_held(batch: Batch) -> None:
    """The older conflict comes first."""
    batch.enrol("uk.csv", [good("1", name="Ash", email="a@uk")])
    batch.create("1")
    batch.enrol("us.csv", [good("1", name="CafÃ©", damage="Cafe", email="t@us")])
    assert batch.results() == [(1, "1", "link_ready"), (2, "1", "conflict")]
    assert batch.read("1", "company_name") == {"company_name": "Ash"}
