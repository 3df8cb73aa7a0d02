"""When an operation counts as broken."""

from __future__ import annotations

import pytest

from bulk.engine.broken import BrokenOperations
from bulk.model import Outcome

CONCURRENCY = 10


def broken(*notes: tuple[str, int, Outcome]) -> set[str]:
    """Return which of two operations are broken after these outcomes."""
    operations = BrokenOperations(CONCURRENCY)
    for note in notes:
        operations.note(*note)
    return {each for each in ("create", "read") if operations.includes_any((each,))}


@pytest.mark.parametrize("outcome", [Outcome.UNKNOWN, Outcome.SERVER_ERROR, Outcome.NOT_SENT, Outcome.BLOCKED])
def test_an_operation_that_fails_for_as_many_customers_as_there_are_requests_in_flight_is_broken(
    outcome: Outcome,
) -> None:
    """Other operations are not."""
    faults = [("create", customer, outcome) for customer in range(CONCURRENCY)]
    assert broken(*faults[:-1]) == set()
    assert broken(*faults) == {"create"}
    assert broken(*faults, ("read", 1, Outcome.DONE)) == {"create"}


def test_many_faults_of_one_customer_say_nothing_about_the_others() -> None:
    """Only the number of customers counts."""
    assert broken(*[("create", 1, Outcome.SERVER_ERROR)] * 50) == set()


@pytest.mark.parametrize("outcome", [Outcome.DONE, Outcome.REJECTED, Outcome.FOUND, Outcome.NOT_FOUND])
def test_a_response_of_codat_shows_that_the_operation_works(outcome: Outcome) -> None:
    """The count begins again."""
    faults = [("create", customer, Outcome.UNKNOWN) for customer in range(CONCURRENCY)]
    assert broken(*faults, ("create", 99, outcome), *faults[1:]) == set()


@pytest.mark.parametrize("outcome", [Outcome.RATE_LIMITED, Outcome.CONFLICT])
def test_a_request_to_wait_says_nothing(outcome: Outcome) -> None:
    """All operations get it."""
    assert broken(*[("create", customer, outcome) for customer in range(50)]) == set()


def test_one_of_several_operations_is_enough() -> None:
    """A customer needs all of them."""
    operations = BrokenOperations(1)
    for customer in range(5):
        operations.note("read", customer, Outcome.UNKNOWN)
    assert operations.includes_any(("create", "read"))
    assert not operations.includes_any(())
