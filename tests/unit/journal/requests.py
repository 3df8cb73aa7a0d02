"""Requests that a test records in a batch's journal."""

from __future__ import annotations

from support.batches import Batch

from bulk.journal import attempts, database
from bulk.journal.attempts import Intent, Result
from bulk.model import Outcome


def record_request(
    batch: Batch,
    customer_id: str,
    outcome: Outcome | None,
    *,
    key: str | None = "k",
    at: float = 0.0,
    step: str | None = "company",
    run: int = 1,
) -> int:
    """Record a request for a customer and, unless it is None, its outcome; return the request's number."""
    with database.transaction(batch.db):
        intent = Intent(batch.seq(customer_id), step, "create_company", at, key, "{}")
        number = attempts.record_intent(batch.db, run, intent)
        if outcome is not None:
            attempts.record_outcome(batch.db, number, Result(outcome, at + 1, status=200))
    return number
