"""When Codat counts as down, and for how long all requests pause."""

from __future__ import annotations

import pytest

from bulk.codat.circuit_breaker import GIVE_UP_AFTER, MAX_PAUSE, CircuitBreaker
from bulk.model import Outcome

UNKNOWN, DONE = Outcome.UNKNOWN, Outcome.DONE


@pytest.mark.parametrize(
    ("outcomes", "is_tripped"),
    [
        ([(UNKNOWN, True)] * 4, False),  # too few
        ([(UNKNOWN, True)] * 5, True),  # as many in a row as there may be in flight
        ([(UNKNOWN, True)] * 4 + [(DONE, True)] + [(UNKNOWN, True)] * 4, False),  # not in a row
        ([(UNKNOWN, True), (DONE, True)] * 9, False),  # too few to say
        ([(DONE, True), (UNKNOWN, True)] * 10, True),  # half of the last twenty
        ([(DONE, True)] * 11 + [(UNKNOWN, True), (DONE, True)] * 4, False),  # fewer
        ([(UNKNOWN, True)] * 4 + [(DONE, False)] + [(UNKNOWN, True)], True),  # a look-up proves nothing for POSTs
        ([(UNKNOWN, False), (DONE, False)] * 9, False),  # look-ups prove that look-ups work
        # neither a fault nor a success
        ([(UNKNOWN, True)] * 4 + [(Outcome.RATE_LIMITED, True), (Outcome.CONFLICT, True), (UNKNOWN, True)], True),
        ([(Outcome.NOT_SENT, True)] * 5, True),  # no connection
        ([(Outcome.SERVER_ERROR, True)] * 5, True),  # 5xx
        ([(UNKNOWN, True)] * 9 + [(Outcome.REJECTED, True)] * 9, True),  # it may respond to some only
        ([(UNKNOWN, True)] * 9 + [(Outcome.REJECTED, True)] * 10, False),  # Codat responds
        ([(UNKNOWN, False)] * 9 + [(Outcome.NOT_FOUND, False)] * 10, False),  # so it does to a look-up
        ([(UNKNOWN, True)] * 9 + [(Outcome.FOUND, False)] * 10, True),  # which proves nothing for POSTs
        ([(UNKNOWN, True), (UNKNOWN, False)] * 5 + [(DONE, False)] * 10, True),  # as before
        ([(Outcome.BLOCKED, True)] * 99, False),  # a firewall's response says nothing about Codat
    ],
)
def test_as_many_faults_in_a_row_as_there_are_requests_in_flight_trip_it(
    outcomes: list[tuple[Outcome, bool]], is_tripped: bool
) -> None:
    """The faults of all customers count together, and a success ends the row."""
    breaker = CircuitBreaker(concurrency=5)
    for outcome, creates in outcomes:
        breaker.on_outcome(outcome, 0.0, creates=creates)
    assert breaker.is_tripped is is_tripped


def test_pauses_grow_up_to_ten_seconds_until_the_run_gives_up() -> None:
    """The last pause ends exactly at the time at which the run gives up."""
    breaker, now, pauses = CircuitBreaker(concurrency=1), 0.0, []
    while not breaker.is_hopeless(now):
        if pause := breaker.on_outcome(UNKNOWN, now, creates=True):
            pauses.append(pause)
        now += pause
    assert pauses[:6] == [1, 2, 4, 8, MAX_PAUSE, MAX_PAUSE]
    assert MAX_PAUSE == 10
    assert now == GIVE_UP_AFTER


def test_faults_of_requests_that_left_before_the_pause_do_not_lengthen_it() -> None:
    """If ten requests are in flight, nine more faults follow the one that trips the breaker."""
    breaker = CircuitBreaker(concurrency=10)
    pauses = [breaker.on_outcome(UNKNOWN, 0.1, creates=True) for _ in range(19)]
    assert pauses == [0] * 9 + [1] + [0] * 9
    assert breaker.on_outcome(UNKNOWN, 1.2, creates=True) == 2


def test_pauses_start_small_again_after_a_success() -> None:
    """During a partial outage the work continues with the requests that succeed."""
    breaker, now = CircuitBreaker(concurrency=5), 0.0
    for _ in range(10):
        now += breaker.on_outcome(UNKNOWN, now, creates=True)
    assert not breaker.on_outcome(DONE, now, creates=True)
    assert breaker.is_tripped
    pauses = []
    for _ in range(4):
        pauses.append(breaker.on_outcome(UNKNOWN, now, creates=True))
        now += pauses[-1]
    assert pauses == [2, 4, 8, 10]


def test_the_share_of_answers_is_that_since_the_outage_began() -> None:
    """Successes from before say nothing about it."""
    breaker = CircuitBreaker(concurrency=5)
    for outcome in [*[DONE] * 30, *[UNKNOWN] * 5, DONE]:
        breaker.on_outcome(outcome, 0.0, creates=True)
    assert (sum(breaker.recent), len(breaker.recent)) == (1, 6)


def test_look_ups_that_succeed_keep_a_run_going_until_twenty_posts_in_a_row_have_failed() -> None:
    """In a partial outage most requests are look-ups. Posts that never succeed end the run."""
    breaker, now = CircuitBreaker(concurrency=1), 0.0
    for _ in range(5):
        breaker.on_outcome(UNKNOWN, now, creates=True)
    for number in range(20):
        assert not breaker.is_hopeless(now), number
        now += 20.0
        for outcome, creates in [(UNKNOWN, False), (Outcome.NOT_FOUND, False), (UNKNOWN, True)]:
            breaker.on_outcome(outcome, now, creates=creates)
    assert breaker.is_hopeless(now)


def test_a_success_restarts_the_five_minutes() -> None:
    """Only faults without a success between them add up to an outage that ends the run."""
    breaker = CircuitBreaker(concurrency=1)
    for _ in range(9):
        breaker.on_outcome(UNKNOWN, 0.0, creates=True)
    for _ in range(10):
        breaker.on_outcome(DONE, 200.0, creates=True)
    for _ in range(9):
        breaker.on_outcome(UNKNOWN, GIVE_UP_AFTER, creates=True)
    assert breaker.is_tripped
    assert not breaker.is_hopeless(GIVE_UP_AFTER)
