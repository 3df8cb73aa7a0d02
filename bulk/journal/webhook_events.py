"""The webhook events that were received, and the number of the last one processed."""

from __future__ import annotations

import sqlite3
from dataclasses import asdict, dataclass

from bulk.journal import facts, sql

_SQL = sql.load("bulk.journal", "webhook_events.sql")


@dataclass(frozen=True, slots=True)
class WebhookEvent:
    """A webhook event about a connection of one of the batch's customers, as delivered."""

    id: str  # the same for every delivery of the event
    seq: int
    type: str
    connection_id: str
    generated_at: str
    body: str


def add_event(connection: sqlite3.Connection, event: WebhookEvent, received_at: str) -> bool:
    """Store an event; return whether this is its first delivery."""
    values = asdict(event) | {"received_at": received_at}
    return connection.execute(_SQL["add"], values).rowcount == 1


def unprocessed_events(connection: sqlite3.Connection) -> list[tuple[int, str]]:
    """Return the customer's `seq` and the body of the events that no run has applied, in the order of their times.

    Events that a newer event on the same connection supersedes, applied or not, are left out.
    """
    return connection.execute(_SQL["unprocessed"], {"last": last_processed(connection)}).fetchall()


def newest_event_at(connection: sqlite3.Connection, connection_id: str) -> str:
    """Return the time of the newest event on a connection, or "", which sorts before any time."""
    (at,) = connection.execute(_SQL["newest_at"], {"connection_id": connection_id}).fetchone()
    return str(at or "")


def has_unprocessed(connection: sqlite3.Connection) -> bool:
    """Return whether an event has arrived since the last one was applied."""
    return _newest(connection) > last_processed(connection)


def mark_processed(connection: sqlite3.Connection) -> None:
    """Record that all events received so far were applied."""
    facts.put(connection, {"processed_event": _newest(connection)})


def last_processed(connection: sqlite3.Connection) -> int:
    """Return the number of the newest event that was applied."""
    return int(facts.get(connection, "processed_event") or 0)


def _newest(connection: sqlite3.Connection) -> int:
    (number,) = connection.execute(_SQL["newest"]).fetchone()
    return int(number)
