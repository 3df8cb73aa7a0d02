"""How long a company list may be relied on."""

from __future__ import annotations

import pytest

from bulk.codat.deadline import Now
from bulk.engine.list_validity import MAX_PAUSE, ListValidity


def test_a_run_without_a_list_relies_on_none() -> None:
    """It looks up each customer instead."""
    assert not ListValidity().has_ended(Now(1e9, 1e9))


def test_a_run_that_creates_all_the_time_reads_the_list_once() -> None:
    """However long it takes."""
    validity = ListValidity()
    validity.begin(Now(0.0, 0.0))
    assert not any(validity.has_ended(Now(at, at)) for at in range(0, 86_400, int(MAX_PAUSE) - 1))


@pytest.mark.parametrize(
    ("steady", "wall"),
    [(MAX_PAUSE, MAX_PAUSE), (MAX_PAUSE, 1.0), (1.0, MAX_PAUSE)],
    ids=["frozen", "and the clock was set back", "the machine slept"],
)
def test_after_a_long_pause_the_list_is_read_again(steady: float, wall: float) -> None:
    """Until then, nothing is created, however often it is asked."""
    validity = ListValidity()
    validity.begin(Now(0.0, 0.0))
    assert validity.has_ended(Now(steady, wall))
    assert validity.has_ended(Now(steady, wall))
    validity.begin(Now(steady, wall))
    assert not validity.has_ended(Now(steady + 1.0, wall + 1.0))
