"""The events to send, kept in the same transaction as the changes that they announce.

Events are kept even if nobody receives them: a server that starts with a receiver sends what happened before, too.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from bulk.sandbox.store import Store


@dataclass(frozen=True, slots=True)
class Event:
    """An event that is due, and how often it was sent so far."""

    n: int
    id: str
    body: bytes
    tries: int


class Outbox:
    """The events in the order in which they are sent. Times are monotonic seconds of this process."""

    def __init__(self, store: Store) -> None:
        self._db = store.db
        self.notify: Callable[[], None] = lambda: None  # called for each new event

    def watch(self, notify: Callable[[], None]) -> None:
        """Call a function for each new event, and make all pending ones due now."""
        self.notify = notify
        self._db.execute("UPDATE event SET due = 0 WHERE status = 'pending'")

    def add(self, event_type: str, connection_id: str, body: Mapping[str, Any]) -> None:
        """Add an event; the caller holds the transaction of the change."""
        # Not ASCII only: a receiver that checks the signature over anything but the raw bytes must fail.
        encoded = json.dumps(body, separators=(",", ":"), ensure_ascii=False).encode()
        self._db.execute(
            "INSERT INTO event (id, type, connection, body) VALUES (?, ?, ?, ?)",
            (f"msg_{uuid4().hex}", event_type, connection_id, encoded),
        )
        self.notify()

    def has_event(self, connection_id: str, event_type: str) -> bool:
        """Return whether there was an event of a type about a connection."""
        sql = "SELECT 1 FROM event WHERE connection = ? AND type = ? LIMIT 1"
        return self._db.execute(sql, (connection_id, event_type)).fetchone() is not None

    def due(self, now: float, *, limit: int) -> list[Event]:
        """Return the next events to send."""
        sql = "SELECT n, id, body, tries FROM event WHERE status = 'pending' AND due <= ? ORDER BY due, n LIMIT ?"
        return [Event(*row) for row in self._db.execute(sql, (now, limit))]

    def next_due(self) -> float | None:
        """Return when the next event is due, or None if none is pending."""
        found: float | None = self._db.execute("SELECT min(due) FROM event WHERE status = 'pending'").fetchone()[0]
        return found

    def record_delivery(self, event: Event, answer: str) -> None:
        """Record that the receiver has taken an event, and what it answered."""
        sql = "UPDATE event SET status = 'delivered', answer = ?, tries = tries + 1 WHERE n = ?"
        self._db.execute(sql, (answer, event.n))

    def record_failure(self, event: Event, answer: str, *, due: float) -> None:
        """Record that the receiver has not taken an event, what it answered, and when the next attempt is due."""
        sql = "UPDATE event SET answer = ?, due = ?, tries = tries + 1 WHERE n = ?"
        self._db.execute(sql, (answer, due, event.n))
