"""The journal's requests: each intent before it leaves, and the outcome after it."""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bulk.model import Attempt, Outcome, Problem, Step


@dataclass(frozen=True, slots=True)
class Intent:
    """A request that is about to leave: committed first, so that it is known of whatever happens."""

    seq: int | None
    step: Step | None
    operation: str
    sent_at: float
    key: str | None = None
    body: str | None = None


@dataclass(frozen=True, slots=True)
class Result:
    """What became of a request."""

    outcome: Outcome
    answered_at: float
    status: int | None = None
    problem: Problem | None = None


def last_request_at(connection: sqlite3.Connection) -> float | None:
    """When the newest request of this batch was about to leave, seconds since 1970."""
    row = connection.execute("SELECT sent_at FROM requests ORDER BY id DESC LIMIT 1").fetchone()
    return None if row is None else float(row[0])


def record_intent(connection: sqlite3.Connection, run: int, intent: Intent) -> int:
    """Write down what is about to be asked; gives the request's number."""
    cursor = connection.execute(
        "INSERT INTO requests (run, customer, step, operation, key, body, sent_at) VALUES (?, ?, ?, ?, ?, ?, ?)",
        (run, intent.seq, intent.step, intent.operation, intent.key, intent.body, intent.sent_at),
    )
    return int(cursor.lastrowid or 0)


def newest_request(connection: sqlite3.Connection) -> int:
    """Give the number of the newest request; 0 if there is none."""
    (number,) = connection.execute("SELECT coalesce(max(id), 0) FROM requests").fetchone()
    return int(number)


def record_outcome(connection: sqlite3.Connection, request: int, result: Result) -> None:
    """Write down what became of a request."""
    problem = result.problem or Problem("")
    connection.execute(
        "UPDATE requests SET outcome = ?, answered_at = ?, status = ?, correlation_id = ?, error_code = ?, error = ? "
        "WHERE id = ?",
        (
            result.outcome,
            result.answered_at,
            result.status,
            problem.correlation_id,
            problem.code or None,
            problem.text or None,
            request,
        ),
    )


def attempts_of(connection: sqlite3.Connection, customers: Sequence[int]) -> Mapping[int, list[Attempt]]:
    """Read what was asked for each of these customers, oldest first."""
    found: defaultdict[int, list[Attempt]] = defaultdict(list)
    marks = ",".join("?" * len(customers))
    rows = connection.execute(
        "SELECT customer, step, key, body, sent_at, outcome, status, run FROM requests "  # noqa: S608 - marks only
        f"WHERE customer IN ({marks}) AND step IS NOT NULL ORDER BY id",
        customers,
    )
    for seq, step, key, body, sent_at, outcome, status, run in rows:
        found[seq].append(Attempt(Step(step), key, body, sent_at, Outcome(outcome) if outcome else None, status, run))
    return found
