"""The events that are to be sent, or were: kept in the same transaction as the change that they tell of.

They are kept whether or not there is anybody to send them to, so that a server that gets a receiver later tells it of
what came before, and of what happened while no server ran.
"""

from __future__ import annotations

import json
import random
import sqlite3
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from bulk.sandbox.store import Store

_SHOWN = ("n", "id", "type", "connection", "status", "attempts", "answer", "forgery")


@dataclass(frozen=True, slots=True)
class Event:
    """An event that is due; `tries` counts since it was last asked for, `forgery` says what is wrong with it, if so."""

    n: int
    id: str
    body: bytes
    asked: int
    tries: int
    forgery: str | None


class Outbox:
    """What is to be sent, in which order, and what became of it. Times are monotonic seconds of this process."""

    def __init__(self, store: Store) -> None:
        self._db: sqlite3.Connection = store.db
        self._notify: Callable[[], None] | None = None

    def watch(self, notify: Callable[[], None]) -> None:
        """Have somebody called whenever there is more to send, and make all that still waits due at once."""
        self._notify = notify
        self._db.execute("UPDATE event SET due = 0 WHERE status = 'pending'")

    def add(self, event_type: str, connection_id: str, body: Mapping[str, Any], *, forgery: str | None = None) -> None:
        """Add an event; the caller holds the transaction of the change."""
        row = self._db.execute(
            "INSERT INTO event (id, type, connection, body, forgery) VALUES (?, ?, ?, ?, ?)",
            (
                f"msg_{uuid4().hex}",
                event_type,
                connection_id,
                # Not ASCII only: whoever checks the signature over anything but the raw bytes must fail.
                json.dumps(body, separators=(",", ":"), ensure_ascii=False).encode(),
                forgery,
            ),
        )
        self._db.execute("UPDATE event SET place = n WHERE n = ?", (row.lastrowid,))
        self._more()

    def was_sent_of(self, connection_id: str, event_type: str) -> bool:
        """Say whether there has been an event of a type about a connection."""
        sql = "SELECT 1 FROM event WHERE connection = ? AND type = ? AND forgery IS NULL LIMIT 1"
        return self._db.execute(sql, (connection_id, event_type)).fetchone() is not None

    def due(self, now: float, *, most: int) -> list[Event]:
        """Give the next events that are to be sent."""
        sql = """
            SELECT n, id, body, asked, tries, forgery FROM event
            WHERE status = 'pending' AND due <= ? ORDER BY place LIMIT ?
        """
        return [Event(*row) for row in self._db.execute(sql, (now, most))]

    def next_due(self) -> float | None:
        """Give the time at which the next event is due, or None if none waits."""
        found: float | None = self._db.execute("SELECT min(due) FROM event WHERE status = 'pending'").fetchone()[0]
        return found

    def note(self, event: Event, status: str, answer: str, *, due: float = 0.0) -> None:
        """Write down what became of an attempt: the event's status now, and what the receiver answered.

        One that was asked for again while it was on its way still has to be sent.
        """
        self._db.execute("UPDATE event SET answer = ?, attempts = attempts + 1 WHERE n = ?", (answer, event.n))
        sql = "UPDATE event SET status = ?, due = ?, tries = tries + 1 WHERE n = ? AND asked = ?"
        self._db.execute(sql, (status, due, event.n, event.asked))

    def repeat(self, chance: random.Random | None) -> int:
        """Send everything once more, in the order in which it happened or (with chance) in any; give how many."""
        numbers = [row[0] for row in self._db.execute("SELECT n FROM event WHERE forgery IS NULL ORDER BY n")]
        places = list(numbers)
        if chance:
            chance.shuffle(places)
        self._db.executemany(
            "UPDATE event SET status = 'pending', due = 0, asked = asked + 1, tries = 0, place = ? WHERE n = ?",
            zip(places, numbers, strict=True),
        )
        self._more()
        return len(numbers)

    def counts(self) -> dict[str, int]:
        """Count the events by their status."""
        return {str(status): int(n) for status, n in self._db.execute("SELECT status, count(*) FROM event GROUP BY 1")}

    def listed(self, after: int) -> list[dict[str, Any]]:
        """List the events that came after one, by its number."""
        rows = self._db.execute(f"SELECT {', '.join(_SHOWN)} FROM event WHERE n > ? ORDER BY n", (after,))  # noqa: S608 - the columns are a constant
        return [dict(zip(_SHOWN, row, strict=True)) for row in rows]

    def _more(self) -> None:
        if self._notify:
            self._notify()
