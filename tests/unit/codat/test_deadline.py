"""The length of a wait when clocks are set and machines sleep."""

from __future__ import annotations

import pytest

from bulk.codat.deadline import MAX_WAIT, Deadline, Now, remaining_wait

AN_HOUR = 3600.0
A_MONTH = 30 * 86_400.0
NOTED = 1_795_392_000.0  # 2026-11-23T00:00:00Z


@pytest.mark.parametrize(
    ("until", "now", "wait"),
    [
        (AN_HOUR, 0.0, AN_HOUR),  # noted just now
        (AN_HOUR, 600.0, 3000.0),  # some time ago
        (AN_HOUR, AN_HOUR, 0.0),  # it has passed
        (AN_HOUR, A_MONTH, 0.0),  # long ago
        (AN_HOUR, -600.0, AN_HOUR),  # the clock was set back by ten minutes
        (AN_HOUR, -A_MONTH, AN_HOUR),  # the clock was a month ahead when it was noted
        (A_MONTH, 0.0, MAX_WAIT),  # no wait is honoured for more than 48 hours
        (A_MONTH, -A_MONTH, MAX_WAIT),
        (A_MONTH, A_MONTH - 60.0, 60.0),
        (-AN_HOUR, -2 * AN_HOUR, 0.0),  # it had passed when it was noted
    ],
)
def test_a_stored_wait_is_never_longer_than_it_was_when_it_was_noted(until: float, now: float, wait: float) -> None:
    """All times are relative to the moment at which it was noted."""
    assert remaining_wait(NOTED, NOTED + until, NOTED + now) == wait


@pytest.mark.parametrize(
    ("steady", "wall", "left"),
    [
        (0.0, 0.0, AN_HOUR),
        (600.0, 600.0, 3000.0),  # both clocks agree
        (600.0, 2400.0, 1200.0),  # the machine slept for half an hour
        (600.0, AN_HOUR, 0.0),  # it slept until after the end
        (600.0, -A_MONTH, 3000.0),  # the wall clock was set back
        (AN_HOUR, -A_MONTH, 0.0),  # and an hour has passed
    ],
)
def test_a_deadline_passes_as_soon_as_one_of_the_clocks_reaches_it(steady: float, wall: float, left: float) -> None:
    """Both clocks count from its creation."""
    deadline = Deadline.after(AN_HOUR, Now(5.0, NOTED))
    assert deadline.remaining(Now(5.0 + steady, NOTED + wall)) == left


def test_no_deadline_is_further_away_than_48_hours() -> None:
    """A Retry-After of a year is not honoured."""
    assert Deadline.after(365 * 86_400.0, Now(0.0, NOTED)).until == NOTED + 48 * AN_HOUR
