"""When Codat counts as down, and for how long everybody holds."""

from __future__ import annotations

import pytest

from bulk.codat.circuit_breaker import GIVE_UP_AFTER, MAX_PAUSE, CircuitBreaker
from bulk.model import Outcome

LOST, DONE = Outcome.UNKNOWN, Outcome.DONE


@pytest.mark.parametrize(
    ("outcomes", "is_tripped"),
    [
        ([(LOST, True)] * 4, False),  # too few
        ([(LOST, True)] * 5, True),  # as many in a row as may be in flight
        ([(LOST, True)] * 4 + [(DONE, True)] + [(LOST, True)] * 4, False),  # not in a row
        ([(LOST, True)] * 4 + [(DONE, False)] + [(LOST, True)], True),  # a look-up proves nothing for POSTs
        ([(LOST, False), (DONE, False)] * 9, False),  # look-ups prove that look-ups work
        (
            [(LOST, True)] * 4 + [(Outcome.RATE_LIMITED, True), (Outcome.CONFLICT, True), (LOST, True)],
            True,
        ),  # neither this nor that
        ([(Outcome.NOT_SENT, True)] * 5, True),  # no connection
        ([(Outcome.SERVER_ERROR, True)] * 5, True),  # 5xx
        ([(LOST, True)] * 9 + [(Outcome.REJECTED, True)], False),  # it answers: it is there
    ],
)
def test_so_many_faults_in_a_row_are_an_breaker(outcomes: list[tuple[Outcome, bool]], is_tripped: bool) -> None:
    """Over all customers and without a success."""
    breaker = CircuitBreaker(concurrency=5)
    for outcome, creates in outcomes:
        breaker.note(outcome, 0.0, creates=creates)
    assert breaker.is_tripped is is_tripped


def test_the_pauses_grow_and_end_with_the_patience() -> None:
    """One, two, four seconds; never beyond the time at which the run gives up."""
    breaker, now, pauses = CircuitBreaker(concurrency=1), 0.0, []
    while not breaker.is_hopeless(now):
        until = breaker.note(LOST, now, creates=True)
        if until is not None:
            pauses.append(until - now)
            now = until
    assert pauses[:6] == [1, 2, 4, 8, 16, MAX_PAUSE]
    assert now == GIVE_UP_AFTER
