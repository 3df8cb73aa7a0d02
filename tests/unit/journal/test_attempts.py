"""The journal's requests: intents, outcomes, and a customer's attempts."""

from __future__ import annotations

from typing import Any

import pytest
from support.batches import Batch, good

from bulk.journal import attempts, customers, database
from bulk.journal.attempts import Intent, Result
from bulk.model import Attempt, Outcome, Problem

from .requests import record_request


def row(batch: Batch, number: int, *columns: str) -> tuple[Any, ...]:
    """Return columns of a request."""
    cursor = batch.db.execute("SELECT * FROM requests WHERE id = ?", (number,))
    found = dict(zip([column[0] for column in cursor.description], cursor.fetchone(), strict=True))
    return tuple(found[column] for column in columns)


def test_an_intent_has_no_outcome_until_one_is_recorded(batch: Batch) -> None:
    """A run that dies in between leaves it that way."""
    batch.enrol("in.csv", [good("a")])
    number = record_request(batch, "a", None, at=7.0)
    assert row(batch, number, "run", "step", "key", "body", "sent_at", "outcome", "answered_at") == (
        *(1, "company", "k", "{}", 7.0, None, None),
    )


@pytest.mark.parametrize(
    ("problem", "expected"),
    [
        (None, (None, None, None)),
        (Problem("no"), (None, "no", None)),
        (Problem("no", "400", "c0ffee"), ("400", "no", "c0ffee")),
    ],
)
def test_an_outcome_is_recorded_with_its_problem(
    batch: Batch, problem: Problem | None, expected: tuple[str | None, ...]
) -> None:
    """Codat's support asks for the correlation id."""
    batch.enrol("in.csv", [good("a")])
    number = record_request(batch, "a", None)
    with database.transaction(batch.db):
        attempts.record_outcome(batch.db, number, Result(Outcome.REJECTED, 9.0, 400, problem))
    assert row(batch, number, "outcome", "answered_at", "status") == ("rejected", 9.0, 400)
    assert row(batch, number, "error_code", "error", "correlation_id") == expected


def test_the_attempts_of_a_customer_come_in_the_order_in_which_they_were_recorded(batch: Batch) -> None:
    """A clock can be set back, so times do not order them; pages of the company list are not among them."""
    batch.enrol("in.csv", [good("a"), good("b"), good("c")])
    record_request(batch, "a", Outcome.UNKNOWN, at=90.0)
    record_request(batch, "b", Outcome.DONE, step="connection", key="b", run=2)
    with database.transaction(batch.db):
        attempts.record_intent(batch.db, 1, Intent(None, None, "list_companies", 5.0))
    record_request(batch, "a", Outcome.NOT_FOUND, key=None, at=10.0)
    with database.transaction(batch.db):
        number = attempts.record_intent(batch.db, 1, Intent(batch.seq("c"), "company", "create_company", 5.0, "k"))
        attempts.record_outcome(batch.db, number, Result(Outcome.CONFLICT, 9.0, 409, Problem("no", "409", "c1")))
    found = attempts.attempts_of(batch.db, [batch.seq("a"), batch.seq("b"), batch.seq("c")])
    assert found[batch.seq("a")] == [
        Attempt("company", "k", "{}", 90.0, Outcome.UNKNOWN, 200, 1),
        Attempt("company", None, "{}", 10.0, Outcome.NOT_FOUND, 200, 1),
    ]
    assert [attempt.run for attempt in found[batch.seq("b")]] == [2]
    assert found[batch.seq("c")] == [Attempt("company", "k", None, 5.0, Outcome.CONFLICT, 409, 1, "c1")]


def test_the_attempts_of_many_customers_are_read_at_once(batch: Batch) -> None:
    """More than SQLite takes as parameters of one statement."""
    batch.enrol("in.csv", [good("a")])
    record_request(batch, "a", Outcome.DONE)
    assert len(attempts.attempts_of(batch.db, range(1, 100_000))[batch.seq("a")]) == 1


def test_a_customer_that_codat_does_not_have_keeps_its_attempts(batch: Batch) -> None:
    """A look-up that found nothing leaves the key to repeat, and an intent after it leaves a doubt."""
    batch.enrol("in.csv", [good("a")])
    record_request(batch, "a", Outcome.UNKNOWN)
    record_request(batch, "a", Outcome.NOT_FOUND, key=None)
    record_request(batch, "a", None)
    (customer,) = customers.pending(batch.db, begun=False, after=0, most=9)
    assert [(attempt.key, attempt.outcome) for attempt in customer.history] == [
        ("k", Outcome.UNKNOWN),
        (None, Outcome.NOT_FOUND),
        ("k", None),
    ]


def test_the_newest_requests_are_known_by_their_age(batch: Batch) -> None:
    """A run that begins within a minute of them does not have the full rate."""
    batch.enrol("in.csv", [good("a")])
    assert attempts.recent_requests(batch.db, now=1000.0, limit=9) == []
    for sent_at in (100.0, 960.0, 990.0):  # each ends a second later
        record_request(batch, "a", Outcome.DONE, at=sent_at)
    record_request(batch, "a", None, at=995.0)  # it may end now
    assert attempts.recent_requests(batch.db, now=1000.0, limit=9) == [39.0, 9.0, 0.0]
    assert attempts.recent_requests(batch.db, now=1000.0, limit=2) == [9.0, 0.0]
    assert attempts.recent_requests(batch.db, now=9000.0, limit=9) == []
