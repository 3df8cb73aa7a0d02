"""Webhook events are stored for their customer. The newest event of a connection decides its status."""

from __future__ import annotations

import itertools
import json
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from support.listeners import event

from bulk.codat.webhooks import read_event
from bulk.engine.commands import listen
from bulk.engine.commands.listen import ApplyEvents, has_work, record_event
from bulk.journal import database, facts
from bulk.model import customer_tag

COMPANY, OWN, OTHER = "company", "own", "other"


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    """Return a journal of two customers with links. Their companies have the same name."""
    with closing(database.open_journal(tmp_path / "batch")) as connection:
        for seq, company in ((1, COMPANY), (2, "second")):
            connection.execute(
                "INSERT INTO customers (seq, source, row, enrolment, customer_id, tag, company_name, name, "
                "platform, platform_key, extra, state, company_id, connection_id, connection_status) "
                "VALUES (?, 1, ?, 1, ?, ?, 'Acme', 'Acme', 'Xero', 'gbol', '{}', 'link_ready', ?, ?, 'PendingAuth')",
                (seq, seq, f"c{seq}", customer_tag(f"c{seq}"), company, OWN if seq == 1 else "second own"),
            )
        yield connection


def receive(journal: sqlite3.Connection, kind: str = "connected", delivery: str | None = None, **parts: Any) -> bool:
    """Store an event; return whether there is something new to apply."""
    body = event(kind, **({"company": COMPANY, "connection": OWN} | parts))
    found = read_event(json.loads(body))
    assert found
    return record_event(journal, delivery or body.decode(), found, body.decode(), "2026-10-28T09:01:02Z")


def apply(journal: sqlite3.Connection) -> tuple[str, str, str]:
    """Apply the stored events; return the first customer's connection, its status and the customer's state."""
    ApplyEvents("2026-10-28T09:01:02Z").prepare(journal, 1)
    found = journal.execute("SELECT connection_id, connection_status, state FROM customers WHERE seq = 1").fetchone()
    connection_id, status, state = map(str, found)
    return connection_id, status, state


@pytest.mark.parametrize(
    ("parts", "seq"),
    [
        ({"tags": {"bulk_uid": customer_tag("c1"), "uid": "c1"}}, 1),
        ({"tags": {"uid": "c1"}}, 1),
        ({}, 1),
        ({"tags": {"uid": "somebody"}}, 1),  # the company is in the journal, so its tags do not matter
        ({"tags": {"uid": "c2"}, "company": "second"}, 2),
        ({"tags": {"bulk_uid": customer_tag("c1")}, "company": "of another batch"}, None),
        ({"tags": {"bulk_uid": customer_tag("c3")}, "company": "of another batch"}, None),
        ({"company": "unknown"}, None),
    ],
)
def test_the_customer_of_an_event_is_found_by_its_tags_or_its_company(
    journal: sqlite3.Connection, parts: dict[str, Any], seq: int | None
) -> None:
    """An event about no customer of this batch is not stored."""
    assert receive(journal, **parts) is (seq is not None)
    assert journal.execute("SELECT customer FROM deliveries").fetchone() == (seq and (seq,))
    assert has_work(journal) is (seq is not None)


def test_a_repeated_event_changes_nothing(journal: sqlite3.Connection) -> None:
    """Every delivery of an event has the same identifier."""
    assert [receive(journal, delivery="msg_1"), receive(journal, delivery="msg_1")] == [True, False]
    assert apply(journal) == (OWN, "Linked", "linked")
    journal.execute("UPDATE customers SET connection_status = 'Unlinked', state = 'unlinked' WHERE seq = 1")
    assert not receive(journal, delivery="msg_1")
    assert not has_work(journal)
    assert apply(journal) == (OWN, "Unlinked", "unlinked")


# The customer links, unlinks, and links another platform; then the old connection is deleted.
SCENARIO: Sequence[tuple[str, str]] = (
    ("connected", OWN),
    ("disconnected", OWN),
    ("connected", OTHER),
    ("deleted", OWN),
)


@pytest.mark.parametrize("at_once", [False, True])
@pytest.mark.parametrize("order", list(itertools.permutations(range(4))))
def test_events_in_any_order_end_in_the_same_state(
    journal: sqlite3.Connection, order: Sequence[int], at_once: bool
) -> None:
    """This is true if each is applied before the next arrives, and if all are applied together."""
    for number in order:
        kind, connection = SCENARIO[number]
        receive(journal, kind, connection=connection, at=1e9 + number)
        if not at_once:
            apply(journal)
    assert apply(journal) == (OTHER, "Linked", "linked")


@pytest.mark.parametrize("order", list(itertools.permutations(range(4))))
def test_the_newest_event_of_a_connection_decides_its_status(journal: sqlite3.Connection, order: Sequence[int]) -> None:
    """The order of arrival does not matter, and a fraction of a second is enough."""
    kinds = ("connected", "disconnected", "reconnected", "disconnected")
    for number in order:
        receive(journal, kinds[number], at=1e9 + number / 1000, status="Unlinked")
        apply(journal)
    assert apply(journal) == (OWN, "Unlinked", "unlinked")


def test_an_event_much_older_than_the_last_list_changes_nothing(journal: sqlite3.Connection) -> None:
    """The list was read after the event. An event that may be newer is applied."""
    read_at = 2e9
    facts.put(journal, {"list_read_at": read_at})
    receive(journal, at=read_at - listen.LAG - 1)
    assert apply(journal) == (OWN, "PendingAuth", "link_ready")
    assert not has_work(journal)
    receive(journal, at=read_at - listen.LAG + 1)
    assert apply(journal) == (OWN, "Linked", "linked")


def test_a_clock_five_minutes_ahead_misses_no_event(journal: sqlite3.Connection) -> None:
    """A signature allows such an error: an event right after a list was read still counts."""
    facts.put(journal, {"list_read_at": 2e9 + 300})
    receive(journal, at=2e9 + 1)
    assert apply(journal) == (OWN, "Linked", "linked")


def test_an_odd_event_does_not_stop_another(journal: sqlite3.Connection) -> None:
    """Odd events: one with .NET's smallest time, and one whose platform is not text."""
    receive(journal, at=-62135596800)
    receive(journal, connection="second own", company="second", integrationKey=["gbol"])
    apply(journal)
    assert [row[0] for row in journal.execute("SELECT state FROM customers ORDER BY seq")] == ["link_ready", "linked"]
