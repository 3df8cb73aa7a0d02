"""How a webhook event changes its customer."""

from __future__ import annotations

import json
from typing import Any

import pytest
from support.listeners import event

from bulk.codat.webhooks import ConnectionEvent, read_event
from bulk.engine.event_changes import event_changes
from bulk.model import CustomerRecord, State, customer_tag

COMPANY, OWN, OTHER, PARTNER = "company", "own", "other", "partner"
STATES = {
    "PendingAuth": "link_ready",
    "Linked": "linked",
    "Unlinked": "unlinked",
    "Deauthorized": "unlinked",
    "Deleted": "failed",
}


def received(kind: str = "connected", **parts: Any) -> ConnectionEvent:
    """Return an event about the customer's company."""
    found = read_event(json.loads(event(kind, **({"company": COMPANY, "connection": OWN} | parts))))
    assert found
    return found


def customer(status: str | None, *, partner: str | None = None, **others: Any) -> CustomerRecord:
    """Return a customer whose connections have these statuses; None: it has no such connection."""
    known: dict[str, Any] = {
        "company_id": COMPANY,
        "connection_id": OWN if status else None,
        "connection_status": status,
        "partner_connection_id": PARTNER if partner else None,
        "partner_status": partner,
        "state": State(STATES[status]) if status else State.PENDING,
    }
    return CustomerRecord(1, "7", customer_tag("7"), "Acme", "gbol", None).evolve(**(known | others))


@pytest.mark.parametrize("has_partner", [False, True])
@pytest.mark.parametrize("known", [*STATES, None])
@pytest.mark.parametrize(
    ("kind", "after"),
    [("connected", "Linked"), ("reconnected", "Linked"), ("disconnected", "Deauthorized"), ("deleted", "Deleted")],
)
def test_an_event_on_the_customers_own_connection_sets_its_status(
    kind: str, after: str, known: str | None, has_partner: bool
) -> None:
    """The earlier status does not matter, and an event without news changes nothing."""
    found = event_changes(
        customer(known, partner="Linked" if has_partner else None), received(kind, integrationKey="gbol")
    )
    if known == after or (known is None and after != "Linked"):
        assert found == {}
        return
    state = "complete" if after == "Linked" and has_partner else STATES[after]
    assert (found["connection_status"], found["state"]) == (after, state)
    assert (found["error"] is None) == (after != "Deleted")
    assert "link_url" not in found
    assert "partner_connection_id" not in found


@pytest.mark.parametrize("known", [*STATES, None])
@pytest.mark.parametrize("kind", ["connected", "reconnected", "disconnected", "deleted"])
def test_an_event_on_another_accounting_connection_counts_only_if_it_was_linked(kind: str, known: str | None) -> None:
    """A customer that links another platform is linked; the end of another connection does not matter."""
    found = event_changes(customer(known), received(kind, connection=OTHER, integrationKey="gsfp"))
    if kind in ("disconnected", "deleted"):
        assert found == {}
        return
    assert (found["connection_id"], found["state"], found["platform_sent"]) == (OTHER, State.LINKED, "gsfp")


@pytest.mark.parametrize(
    ("kind", "known", "accounting", "expected"),
    [
        ("connected", "Linked", "Linked", {}),
        ("reconnected", "Unlinked", "Linked", {"partner_status": "Linked"}),
        ("disconnected", "Linked", "Linked", {"partner_status": "Deauthorized"}),
        ("disconnected", "Linked", "Unlinked", {"partner_status": "Deauthorized"}),
        ("deleted", "Linked", "Unlinked", {"partner_status": "Deleted"}),
        ("deleted", "Deleted", "Linked", {}),
        ("connected", None, "Linked", {}),
        ("deleted", None, "Linked", {}),
    ],
)
def test_an_event_on_the_partner_connection_changes_only_that(
    kind: str, known: str | None, accounting: str, expected: dict[str, Any]
) -> None:
    """It never replaces the accounting connection."""
    changed = customer(accounting, partner=known)
    assert event_changes(changed, received(kind, connection=PARTNER, sourceType="Expense")) == expected


def test_a_linked_customer_whose_partner_connection_was_deleted_has_failed() -> None:
    """A list would have the same effect. A customer that is not linked has nothing to lose."""
    found = event_changes(
        customer("Linked", partner="Linked"), received("deleted", connection=PARTNER, sourceType="Expense")
    )
    assert (found["partner_status"], found["state"], found["error_step"]) == ("Deleted", "failed", "partner")


def test_a_customer_that_links_again_after_its_partner_connection_was_rejected_gets_another_try() -> None:
    """The request came between two events, while the customer was not linked; only the second event is left."""
    rejected = customer("Linked", state=State.FAILED)
    assert event_changes(rejected, received("reconnected"))["state"] == "linked"
    lost = rejected.evolve(partner_connection_id=PARTNER, partner_status="Deleted")
    assert event_changes(lost, received("reconnected")) == {}
    assert event_changes(customer("Unlinked", state=State.FAILED), received("disconnected"))["state"] == "unlinked"


@pytest.mark.parametrize("company_id", [None, "another"])
def test_an_event_of_another_company_changes_nothing(company_id: str | None) -> None:
    """It may be the company of a customer of another batch, with the same tag."""
    assert event_changes(customer("PendingAuth", company_id=company_id), received()) == {}
