"""The webhook events that were received, and which of them were processed."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

from bulk.journal.facts import get


@dataclass(frozen=True, slots=True)
class WebhookEvent:
    """A webhook event about a connection of one of the batch's customers, as it was delivered."""

    id: str  # the same each time the event is delivered
    seq: int
    type: str
    connection_id: str
    generated_at: str
    body: str


def add_event(connection: sqlite3.Connection, delivery: WebhookEvent, received_at: str) -> bool:
    """Write down a delivery; gives whether it is the first of its event."""
    cursor = connection.execute(
        "INSERT OR IGNORE INTO deliveries (id, customer, type, connection_id, generated_at, received_at, body) "
        "VALUES (?, ?, ?, ?, ?, ?, ?)",
        (
            delivery.id,
            delivery.seq,
            delivery.type,
            delivery.connection_id,
            delivery.generated_at,
            received_at,
            delivery.body,
        ),
    )
    return cursor.rowcount == 1


def unprocessed_events(connection: sqlite3.Connection) -> list[tuple[int, str]]:
    """Read the deliveries that nobody has acted on: their customer's seq and what they said, in the order it happened.

    Of several on a connection, heeded or not, only the newest still says how it is.
    """
    return connection.execute(
        """
        SELECT customer, body FROM deliveries d
        WHERE n > ? AND NOT EXISTS (
            SELECT 1 FROM deliveries newer WHERE newer.connection_id = d.connection_id
            AND (newer.generated_at, newer.n) > (d.generated_at, d.n))
        ORDER BY generated_at, n
        """,
        (last_processed(connection),),
    ).fetchall()


def newest_event_at(connection: sqlite3.Connection, connection_id: str) -> str:
    """Give the time of the newest event on a connection; of none, a text that sorts before any time."""
    row = connection.execute("SELECT max(generated_at) FROM deliveries WHERE connection_id = ?", (connection_id,))
    return str(row.fetchone()[0] or "")


def last_processed(connection: sqlite3.Connection) -> int:
    """Give the number of the last delivery that was acted on."""
    return int(get(connection, "heeded") or 0)


def newest_event(connection: sqlite3.Connection) -> int:
    """Give the number of the last delivery."""
    (number,) = connection.execute("SELECT coalesce(max(n), 0) FROM deliveries").fetchone()
    return int(number)
