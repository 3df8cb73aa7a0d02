"""How long a migration takes: with a constant quota, with a growing one, and at the limit of a minute."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulk.codat.forecast import NOBODY, Linking, forecast

REQUESTS = st.integers(0, 3_000_000)
LINKED = st.integers(0, 3_000)
LINKINGS = st.builds(Linking, st.floats(0.0, 1.0), st.integers(1, 30))


@pytest.mark.parametrize(
    ("requests", "linked", "linking", "days", "elapsed"),
    [
        # nothing to send
        (0, 0, NOBODY, 0, 0.0),
        # the quota is used up to its last request
        (1_000, 0, NOBODY, 1, 1_000 / 1_440_000),
        # one more has to wait for the next day
        (1_001, 0, NOBODY, 2, 1.0),
        (100_001, 0, NOBODY, 101, 100.0),
        (100_001, 100, NOBODY, 1, 100_001 / 1_440_000),
        # the quota would allow it in a day, 1,000 a minute do not
        (20_000_001, 100_000, NOBODY, 14, 20_000_001 / 1_440_000),
        # no customer links
        (10_001, 0, Linking(0.0), 11, 10.0),
        # of 499.5 customers a tenth on each of two days: 1,000 + 49,950 requests on the second day
        (10_001, 0, Linking(0.2, 2), 2, 1 + 9_001 / 1_440_000),
        # by hand: 1,000; + 0.999 linked: 1,999; + 0.999 + 1.999: 4,997; the rest
        (10_001, 0, Linking(0.01, 5), 4, 3 + 2_005 / 1_440_000),
    ],
)
def test_days_are_as_many_as_a_person_would_count(
    requests: int, linked: int, linking: Linking, days: int, elapsed: float
) -> None:
    """With 1,000 requests a day for each linked company, and at most 1,000 a minute."""
    expected = forecast(requests, quota=1000 * (1 + linked), rate=1000, linking=linking, reading=min(requests, 1))
    assert expected.days == days
    assert expected.elapsed == pytest.approx(elapsed, abs=1e-5)


def test_customers_link_during_the_given_days_and_no_longer() -> None:
    """In the end the share that has linked is the given one."""
    at_once = forecast(100_000, quota=1000, rate=10_000, linking=Linking(0.002, 1))
    slowly = forecast(100_000, quota=1000, rate=10_000, linking=Linking(0.002, 10))
    # 500 customers a day, one of whom links: 1,000, 2,000, 4,000, ... requests
    assert at_once.days == 7
    assert at_once.days < slowly.days < 50


@given(REQUESTS, LINKED, LINKINGS)
def test_more_linked_customers_never_take_longer(requests: int, linked: int, linking: Linking) -> None:
    """Customers linked before and during the migration both count, and the limit of a minute stays."""
    growing = forecast(requests, quota=1000 * (1 + linked), rate=1000, linking=linking)
    assert requests / 1_440_000 <= growing.elapsed + 1e-9
    assert growing.elapsed <= forecast(requests, quota=1000 * (1 + linked), rate=1000).elapsed + 1e-9
    assert forecast(requests, quota=1000 * (2 + linked), rate=1000, linking=linking).days <= growing.days
