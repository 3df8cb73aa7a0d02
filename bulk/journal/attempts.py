"""The journal's requests: each intent before the request leaves, and its outcome afterwards."""

from __future__ import annotations

import json
import sqlite3
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from bulk.journal import sql
from bulk.model import Attempt, Outcome, Problem

RECENT_SECONDS = 61.0  # Codat limits the requests of a minute
MAX_REQUEST_SECONDS = 300.0  # from the commit of an intent to the commit of its outcome

_SQL: Final = sql.load("bulk.journal", "attempts.sql")


@dataclass(frozen=True, slots=True)
class Intent:
    """A request that is about to leave. It is committed first, so that the journal has it even after a crash."""

    seq: int | None  # the customer; None for a page of the company list
    step: str | None
    operation: str
    sent_at: float
    key: str | None = None
    body: str | None = None


@dataclass(frozen=True, slots=True)
class Result:
    """The result of a request."""

    outcome: Outcome
    answered_at: float
    status: int | None = None
    problem: Problem | None = None


def recent_requests(connection: sqlite3.Connection, *, now: float, limit: int) -> list[float]:
    """Return the seconds since this batch's requests of the last minute ended, oldest first.

    A request without an outcome counts as ended now.
    """
    ages: list[float] = []
    rows = connection.execute(_SQL["recent"], {"limit": limit})
    for sent_at, answered_at in rows:
        if sent_at < now - MAX_REQUEST_SECONDS:
            break
        age = 0.0 if answered_at is None else now - answered_at
        if abs(age) <= RECENT_SECONDS:  # otherwise it is older, or the clock was set
            ages.append(max(age, 0.0))
    return sorted(ages, reverse=True)


def record_intent(connection: sqlite3.Connection, run: int, intent: Intent) -> int:
    """Record a request that is about to leave; return its number."""
    values = (run, intent.seq, intent.step, intent.operation, intent.key, intent.body, intent.sent_at)
    cursor = connection.execute(_SQL["record_intent"], values)
    return int(cursor.lastrowid or 0)


def record_outcome(connection: sqlite3.Connection, request: int, result: Result) -> None:
    """Record the result of a request."""
    problem = result.problem or Problem("")
    error = (problem.correlation_id, problem.code or None, problem.text or None)
    values = (result.outcome, result.answered_at, result.status, *error, request)
    connection.execute(_SQL["record_outcome"], values)


def attempts_of(connection: sqlite3.Connection, customers: Sequence[int]) -> Mapping[int, list[Attempt]]:
    """Return the attempts for each of these customers, the oldest first."""
    attempts: defaultdict[int, list[Attempt]] = defaultdict(list)
    rows = connection.execute(_SQL["attempts"], {"customers": json.dumps(list(customers))})
    for seq, step, key, body, sent_at, outcome, *response in rows:
        attempts[seq].append(Attempt(step, key, body, sent_at, Outcome(outcome) if outcome else None, *response))
    return attempts
