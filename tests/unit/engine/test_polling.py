"""When `follow-up --watch` reads the company list again, for each state of the day's quota."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulk.engine.polling import AFTER_TROUBLE, next_poll, next_try
from bulk.model import Quota, Stop

NOW = 1_000_000.0
HOUR = 3600.0


@pytest.mark.parametrize(
    ("remaining", "resets_in", "pages", "waiting", "seconds"),
    [
        (None, 0.0, 1, 1, 60.0),  # no response has named the quota yet
        (10, -1.0, 1, 1, 60.0),  # the quota is of a day that is over
        (10, 0.0, 1, 1, 60.0),  # or that ends now
        (10_000, HOUR, 1, 10, 60.0),  # plenty: as often as requested
        (12, HOUR, 1, 3, 360.0),  # 9 readings are left, so 10 pauses
        (12, HOUR, 3, 3, 900.0),  # of 3 pages each
        (12, HOUR, 1, 5_000, HOUR / 7),  # many customers wait: half of what is left is for them
        (1, HOUR, 1, 0, 1800.0),  # the last request
        (1, HOUR, 1, 1, 1800.0),  # half of one request is not one
        (0, HOUR, 1, 1, HOUR),  # none: after the reset
        (2, HOUR, 3, 0, HOUR),  # too few for a whole list
    ],
)
def test_readings_are_spread_over_the_rest_of_the_day(
    remaining: int | None, resets_in: float, pages: int, waiting: int, seconds: float
) -> None:
    """No sooner than requested, and some requests are kept for customers that link."""
    quota = None if remaining is None else Quota(1000, remaining, NOW + resets_in)
    assert next_poll(NOW, 60.0, pages=pages, waiting=waiting, quota=quota) == NOW + seconds


@given(
    every=st.floats(1, 86_400),
    pages=st.integers(1, 500),
    waiting=st.integers(0, 1_000_000),
    remaining=st.integers(0, 1_000_000),
    resets_in=st.floats(1, 86_400),
)
def test_a_watch_leaves_the_requests_that_customers_need_to_link(
    every: float, pages: int, waiting: int, remaining: int, resets_in: float
) -> None:
    """However long the day still is: one request for each waiting customer, or half of all that are left."""
    quota = Quota(None, remaining, NOW + resets_in)
    pause = next_poll(NOW, every, pages=pages, waiting=waiting, quota=quota) - NOW
    assert pause >= every - 1e-6
    readings = max(round(resets_in / pause, 6) - 1, 0)  # the reading right at the reset is of the next day
    assert int(readings) * pages <= remaining - min(waiting, remaining // 2)


@pytest.mark.parametrize(
    ("every", "until", "seconds"),
    [
        (10.0, None, AFTER_TROUBLE),  # not at once if Codat was out of reach
        (600.0, None, 600.0),  # nor sooner than requested
        (10.0, NOW + HOUR, HOUR),  # the quota's reset
        (10.0, NOW - HOUR, AFTER_TROUBLE),  # one that has passed
    ],
)
def test_after_a_stop_a_watch_waits_until_its_reason_is_over(every: float, until: float | None, seconds: float) -> None:
    """It waits for at least a minute."""
    assert next_try(NOW, every, Stop("no", 75, until)) == NOW + seconds
