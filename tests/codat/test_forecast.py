"""How long a migration takes, as `check` says: a quota that stays, one that grows, and the limit of a minute."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulk.codat.forecast import NOBODY, Linking, forecast

requests = st.integers(0, 3_000_000)
linked = st.integers(0, 3_000)
linkings = st.builds(Linking, st.floats(0.0, 1.0), st.integers(1, 30))


@pytest.mark.parametrize(
    ("requests", "linked", "linking", "days", "elapsed"),
    [
        # nothing to send
        (0, 0, NOBODY, 0, 0.0),
        # the quota is used up to its last request
        (1_000, 0, NOBODY, 1, 1_000 / 1_440_000),
        # one more is for the next day
        (1_001, 0, NOBODY, 2, 1.0),
        (100_001, 0, NOBODY, 101, 100.0),
        (100_001, 100, NOBODY, 1, 100_001 / 1_440_000),
        # the quota would allow it in a day, a thousand a minute do not
        (20_000_001, 100_000, NOBODY, 14, 20_000_001 / 1_440_000),
        # nobody links at all
        (10_001, 0, Linking(0.0), 11, 10.0),
        # of 499.5 a tenth on each of two days: 1,000 + 49,950 requests on the second
        (10_001, 0, Linking(0.2, 2), 2, 1 + 9_001 / 1_440_000),
        # by hand: 1,000; + 0.999 linked: 1,999; + 0.999 + 1.999: 4,997; the rest
        (10_001, 0, Linking(0.01, 5), 4, 3 + 2_005 / 1_440_000),
    ],
)
def test_days_are_those_that_can_be_counted_by_hand(
    requests: int, linked: int, linking: Linking, days: int, elapsed: float
) -> None:
    """At 1,000 requests a day and linked company, and at most 1,000 a minute."""
    told = forecast(requests, quota=1000 * (1 + linked), rate=1000, linking=linking, reading=min(requests, 1))
    assert told.days == days
    assert told.elapsed == pytest.approx(elapsed, abs=1e-5)


def test_who_links_counts_no_longer_than_the_days_it_is_spread_over() -> None:
    """All of a day's share, and no more: in the end as many have linked as the share says."""
    once = forecast(100_000, quota=1000, rate=10_000, linking=Linking(0.002, 1))
    slowly = forecast(100_000, quota=1000, rate=10_000, linking=Linking(0.002, 10))
    # 500 a day, of whom one links: 1,000, 2,000, 4,000, ... requests
    assert once.days == 7
    assert once.days < slowly.days < 50


@given(requests, linked, linkings)
def test_more_who_link_never_make_it_longer(requests: int, linked: int, linking: Linking) -> None:
    """Neither those who have linked before, nor those who do meanwhile; the limit of a minute holds all the same."""
    told = forecast(requests, quota=1000 * (1 + linked), rate=1000, linking=linking)
    assert requests / 1_440_000 <= told.elapsed + 1e-9
    assert told.elapsed <= forecast(requests, quota=1000 * (1 + linked), rate=1000).elapsed + 1e-9
    assert forecast(requests, quota=1000 * (2 + linked), rate=1000, linking=linking).days <= told.days
