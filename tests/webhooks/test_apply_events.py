"""What an event changes about its customer, by tables; and which of several events holds."""

from __future__ import annotations

import itertools
import json
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from bulk.codat.webhooks import ConnectionEvent, read_event
from bulk.engine.commands import listen
from bulk.engine.commands.listen import ApplyEvents, is_needed, record_event, told
from bulk.journal import database, facts
from bulk.model import CustomerRecord, State, customer_tag
from webhooks.hooks import event

COMPANY, OWN, OTHER, PARTNER = "company", "own", "other", "partner"
STATES = {
    "PendingAuth": "link_ready",
    "Linked": "linked",
    "Unlinked": "unlinked",
    "Deauthorized": "unlinked",
    "Deleted": "failed",
}


def heard(kind: str = "connected", **parts: Any) -> ConnectionEvent:
    """Read an event about the customer's company."""
    found = read_event(json.loads(event(kind, **({"company": COMPANY, "connection": OWN} | parts))))
    assert found
    return found


def customer(status: str | None, *, partner: str | None = None, **others: Any) -> CustomerRecord:
    """Make a customer whose connection has a status, with a partner connection of a status or none."""
    known: dict[str, Any] = {
        "company_id": COMPANY,
        "connection_id": OWN if status else None,
        "connection_status": status,
        "partner_connection_id": PARTNER if partner else None,
        "partner_status": partner,
        "state": State(STATES[status]) if status else State.PENDING,
    }
    entry = CustomerRecord(1, "7", "Acme", "gbol", None, True)
    return entry.evolve(**(known | others))


@pytest.mark.parametrize("has_partner", [False, True])
@pytest.mark.parametrize("known", [*STATES, None])
@pytest.mark.parametrize(
    ("kind", "after"),
    [("connected", "Linked"), ("reconnected", "Linked"), ("disconnected", "Deauthorized"), ("deleted", "Deleted")],
)
def test_each_event_on_the_customers_own_connection(
    kind: str, after: str, known: str | None, has_partner: bool
) -> None:
    """It says how the connection is now, whatever was known; and nothing where that was known."""
    entry = customer(known, partner="Linked" if has_partner else None)
    changes = told(entry, heard(kind, integrationKey="gbol"))
    if known == after or (known is None and after != "Linked"):
        assert changes == {}
        return
    state = "complete" if after == "Linked" and has_partner else STATES[after]
    assert (changes["connection_status"], changes["state"]) == (after, state)
    assert (changes["error"] is None) == (after != "Deleted")
    assert "link_url" not in changes
    assert "partner_connection_id" not in changes


@pytest.mark.parametrize("known", [*STATES, None])
@pytest.mark.parametrize("kind", ["connected", "reconnected", "disconnected", "deleted"])
def test_each_event_on_another_accounting_connection(kind: str, known: str | None) -> None:
    """Who links another platform is linked; what becomes of one that is not theirs any more is nobody's news."""
    changes = told(customer(known), heard(kind, connection=OTHER, integrationKey="gsfp"))
    if not kind.endswith("connected") or kind == "disconnected":
        assert changes == {}
        return
    assert (changes["connection_id"], changes["state"], changes["platform_sent"]) == (OTHER, State.LINKED, "gsfp")


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
def test_each_event_on_the_partner_connection(
    kind: str, known: str | None, accounting: str, expected: dict[str, Any]
) -> None:
    """It changes what is known of the partner connection alone, and never takes one over for the accounting one."""
    assert told(customer(accounting, partner=known), heard(kind, connection=PARTNER, sourceType="Expense")) == expected


def test_a_linked_customer_whose_partner_connection_was_deleted_has_failed() -> None:
    """As the list would say; who is not linked has nothing to lose."""
    changes = told(customer("Linked", partner="Linked"), heard("deleted", connection=PARTNER, sourceType="Expense"))
    assert (changes["partner_status"], changes["state"], changes["error_step"]) == ("Deleted", "failed", "partner")


def test_who_has_linked_again_since_the_partner_connection_was_refused_is_asked_for_once_more() -> None:
    """The request came between two events, while the customer was not linked; only the second one is left to say so."""
    refused = customer("Linked", state=State.FAILED)
    assert told(refused, heard("reconnected"))["state"] == "linked"
    assert told(refused.evolve(partner_connection_id=PARTNER, partner_status="Deleted"), heard("reconnected")) == {}
    assert told(customer("Unlinked", state=State.FAILED), heard("disconnected"))["state"] == "unlinked"


@pytest.mark.parametrize("company_id", [None, "another"])
def test_an_event_of_another_company_says_nothing(company_id: str | None) -> None:
    """A customer of a second batch, say, whose company carries the same tag."""
    assert told(customer("PendingAuth", company_id=company_id), heard()) == {}


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    """Give a journal with one customer who waits, and one that has the same company's name only."""
    with closing(database.open_journal(tmp_path / "batch")) as connection:
        for seq, company in ((1, COMPANY), (2, "second")):
            connection.execute(
                "INSERT INTO customers (seq, source, row, enrolment, customer_id, tag, company_name, name, "
                "platform_key, extra, state, company_id, connection_id, connection_status) "
                "VALUES (?, 1, ?, 1, ?, ?, 'Acme', 'Acme', 'gbol', '{}', 'link_ready', ?, ?, 'PendingAuth')",
                (seq, seq, f"c{seq}", customer_tag(f"c{seq}"), company, OWN if seq == 1 else "second own"),
            )
        yield connection


def take(journal: sqlite3.Connection, kind: str = "connected", delivery: str | None = None, **parts: Any) -> bool:
    """Take an event in."""
    body = event(kind, **({"company": COMPANY, "connection": OWN} | parts))
    found = read_event(json.loads(body))
    assert found
    return record_event(journal, delivery or body.decode(), found, body.decode(), "2026-10-28T09:01:02Z")


def act(journal: sqlite3.Connection) -> tuple[str, str, str]:
    """Act on what was taken in; gives the first customer's connection, its status and the customer's state."""
    ApplyEvents("2026-10-28T09:01:02Z").prepare(journal, 1)
    found = journal.execute("SELECT connection_id, connection_status, state FROM customers WHERE seq = 1").fetchone()
    return tuple(map(str, found))  # type: ignore[return-value]


@pytest.mark.parametrize(
    ("parts", "seq"),
    [
        ({"tags": {"bulk_uid": customer_tag("c1"), "uid": "c1"}}, 1),
        ({"tags": {"uid": "c1"}}, 1),
        ({}, 1),
        ({"tags": {"uid": "somebody"}}, 1),  # the company is ours, whoever has tagged it anew
        ({"tags": {"uid": "c2"}, "company": "second"}, 2),
        ({"tags": {"bulk_uid": customer_tag("c1")}, "company": "of another batch"}, None),
        ({"tags": {"bulk_uid": customer_tag("c3")}, "company": "of another batch"}, None),
        ({"company": "unknown"}, None),
    ],
)
def test_whose_event_it_is(journal: sqlite3.Connection, parts: dict[str, Any], seq: int | None) -> None:
    """It is told by the tags, else by the company; what is of no customer of this batch is not kept."""
    assert take(journal, **parts) is (seq is not None)
    assert journal.execute("SELECT customer FROM deliveries").fetchone() == (seq and (seq,))
    assert is_needed(journal) is (seq is not None)


def test_a_repeated_event_is_no_news(journal: sqlite3.Connection) -> None:
    """It is known by its number."""
    assert [take(journal, delivery="msg_1"), take(journal, delivery="msg_1")] == [True, False]
    assert act(journal) == (OWN, "Linked", "linked")
    journal.execute("UPDATE customers SET connection_status = 'Unlinked', state = 'unlinked' WHERE seq = 1")
    assert not take(journal, delivery="msg_1")
    assert not is_needed(journal)
    assert act(journal) == (OWN, "Unlinked", "unlinked")


STORY: Sequence[tuple[str, str]] = (  # the customer links, ends it, links another platform, and the old one is deleted
    ("connected", OWN),
    ("disconnected", OWN),
    ("connected", OTHER),
    ("deleted", OWN),
)


@pytest.mark.parametrize("at_once", [False, True])
@pytest.mark.parametrize("order", list(itertools.permutations(range(4))))
def test_whatever_the_order_the_end_is_the_same(
    journal: sqlite3.Connection, order: Sequence[int], at_once: bool
) -> None:
    """Also where each is acted on before the next one comes."""
    for number in order:
        kind, connection = STORY[number]
        take(journal, kind, connection=connection, at=1e9 + number)
        if not at_once:
            act(journal)
    assert act(journal) == (OTHER, "Linked", "linked")


@pytest.mark.parametrize("order", list(itertools.permutations(range(4))))
def test_back_and_forth_in_any_order(journal: sqlite3.Connection, order: Sequence[int]) -> None:
    """Of several events on one connection the one that was generated last holds, also by a fraction of a second."""
    kinds = ("connected", "disconnected", "reconnected", "disconnected")
    for number in order:
        take(journal, kinds[number], at=1e9 + number / 1000, status="Unlinked")
        act(journal)
    assert act(journal) == (OWN, "Unlinked", "unlinked")


def test_what_the_list_has_told_since_holds(journal: sqlite3.Connection) -> None:
    """An event that comes long after, for what was before, is not believed; one that may be newer is."""
    swept_at = 2e9
    facts.put(journal, {"swept_at": swept_at})
    take(journal, at=swept_at - listen.LAG - 1)
    assert act(journal) == (OWN, "PendingAuth", "link_ready")
    assert not is_needed(journal)
    take(journal, at=swept_at - listen.LAG + 1)
    assert act(journal) == (OWN, "Linked", "linked")


def test_a_clock_as_wrong_as_a_signature_allows_misses_nothing(journal: sqlite3.Connection) -> None:
    """This machine's is five minutes ahead: who links right after a list was read is heard of."""
    facts.put(journal, {"swept_at": 2e9 + 300})
    take(journal, at=2e9 + 1)
    assert act(journal) == (OWN, "Linked", "linked")


def test_an_odd_event_stops_no_other(journal: sqlite3.Connection) -> None:
    """Not one with the time of .NET's nothing, nor one with a platform that is no text."""
    take(journal, at=-62135596800)
    take(journal, connection="second own", company="second", integrationKey=["gbol"])
    act(journal)
    assert [row[0] for row in journal.execute("SELECT state FROM customers ORDER BY seq")] == ["link_ready", "linked"]
