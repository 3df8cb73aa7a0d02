"""The events to send, stored in the same transaction as the changes that they announce.

Events are stored even if there is no receiver. A server that later starts with a receiver sends the earlier ones too.
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
    """An event that is due, with the number of earlier attempts to send it."""

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
        """Arrange for `notify` to be called for each new event, and make all pending ones due now."""
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
        """Return the events that are due, earliest first."""
        sql = "SELECT n, id, body, tries FROM event WHERE status = 'pending' AND due <= ? ORDER BY due, n LIMIT ?"
        return [Event(*row) for row in self._db.execute(sql, (now, limit))]

    def next_due(self) -> float | None:
        """Return the time at which the next event is due, or None if none is pending."""
        due: float | None = self._db.execute("SELECT min(due) FROM event WHERE status = 'pending'").fetchone()[0]
        return due

    def record_delivery(self, event: Event, answer: str) -> None:
        """Record that the receiver accepted an event, with its answer."""
        sql = "UPDATE event SET status = 'delivered', answer = ?, tries = tries + 1 WHERE n = ?"
        self._db.execute(sql, (answer, event.n))

    def record_failure(self, event: Event, answer: str, *, due: float) -> None:
        """Record that an attempt failed, with the receiver's answer and the time of the next attempt."""
        sql = "UPDATE event SET answer = ?, due = ?, tries = tries + 1 WHERE n = ?"
        self._db.execute(sql, (answer, due, event.n))
