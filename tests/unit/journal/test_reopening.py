"""Failed customers are taken up again where their failure left them."""

from __future__ import annotations

import pytest
from support.batches import Batch, good

from bulk.journal import reopening

PENDING = "pending"


def test_only_failed_customers_of_the_input_are_reopened(batch: Batch) -> None:
    """Customers that left the input stay as they are."""
    batch.enrol("in.csv", [good("a"), good("b")])
    batch.create("b")
    batch.change("a", state="failed")
    batch.change("b", state="failed")
    batch.enrol("in.csv", [good("a")])
    reopening.reopen_failed(batch.db)
    assert batch.results() == [(1, "a", PENDING), (None, "b", "failed")]


LINKED: dict[str, object] = {"connection_id": "n", "connection_status": "Linked", "state": "failed"}
WAITING = {"connection_id": "n", "connection_status": "PendingAuth", "link_url": "https://l", "state": "failed"}
DELETED = LINKED | {"connection_status": "Deleted"}
PARTNER = {"partner_connection_id": "p", "partner_status": "Linked"}
NO_PARTNER = {"partner_connection_id": None, "partner_status": None}
NO_CONNECTION = {"connection_id": None, "connection_status": None, "link_url": None, "link_issued_at": None}


@pytest.mark.parametrize(
    ("failed", "after"),
    [
        # its company was rejected: it is sent again
        ({"state": "failed", "company_id": None, "name_sent": None}, {"state": PENDING, "company_origin": "created"}),
        # its connection was rejected
        ({"state": "failed", "connection_id": None}, {"state": PENDING, "company_id": "c a"}),
        # another linkUrl was rejected: the run finds nothing to do
        (WAITING, {"state": PENDING, "link_url": "https://l"}),
        # its partner connection was rejected: the next follow-up creates it
        (LINKED | {"error_step": "partner"}, {"state": "linked", "knows_connections": 1}),
        # its partner connection was deleted: created after a look-up
        (LINKED | {"partner_connection_id": "p", "partner_status": "Deleted", "error_step": "partner"},
         NO_PARTNER | {"state": "linked", "knows_connections": 0}),
        # its accounting connection was deleted: created after a look-up; the partner connection stays
        (DELETED | PARTNER | {"error_step": "connection"},
         NO_CONNECTION | PARTNER | {"state": PENDING, "company_id": "c a", "knows_connections": 0}),
        # its company was deleted, with everything in it
        (DELETED | PARTNER | {"error_step": "company"},
         NO_CONNECTION | NO_PARTNER
         | {"state": PENDING, "company_id": None, "company_origin": "missing", "name_sent": "Acme"}),
        # the same for a company that was only found
        (DELETED | {"error_step": "company", "company_origin": "taken_over", "company_batch": "t"},
         {"company_id": None, "company_origin": "missing", "company_batch": None, "name_sent": None}),
    ],
)  # fmt: skip
def test_each_kind_of_failure_returns_to_the_state_before_it(
    batch: Batch, failed: dict[str, object], after: dict[str, object]
) -> None:
    """Something that Codat has lost is looked up once more before it is created again."""
    batch.enrol("in.csv", [good("a")])
    batch.create("a")
    batch.change("a", company_origin="created")
    batch.change("a", **failed)
    reopening.reopen_failed(batch.db)
    assert batch.read("a", *after) == after


@pytest.mark.parametrize(
    ("failed", "state"),
    [
        (LINKED | {"error_step": "partner"}, "linked"),  # rejected
        (LINKED | {"partner_connection_id": "p", "partner_status": "Deleted"}, "linked"),  # deleted
        (WAITING, "failed"),  # not a follow-up's work
        (DELETED | {"error_step": "connection"}, "failed"),
        (LINKED | {"state": "complete"} | PARTNER, "complete"),  # not failed
    ],
)
def test_a_follow_up_reopens_partner_connections_only(batch: Batch, failed: dict[str, object], state: str) -> None:
    """The other failures are the work of migrate."""
    batch.enrol("in.csv", [good("a")])
    batch.create("a")
    batch.change("a", **failed)
    reopening.reopen_partners(batch.db)
    assert batch.read("a", "state") == {"state": state}
