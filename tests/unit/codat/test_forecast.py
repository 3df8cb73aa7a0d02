"""The forecast of `check`: a constant quota, a growing one, the rate, and the company list that each run reads."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulk.codat.forecast import NOBODY, Forecast, Linking, forecast

CUSTOMERS = st.integers(0, 1_500_000)
LINKED = st.integers(0, 3_000)
LINKINGS = st.builds(Linking, st.floats(0.0, 1.0), st.integers(1, 30))
A_DAY = 1_440_000  # requests that the rate allows


@pytest.mark.parametrize(
    ("customers", "linked", "companies", "linking", "expected"),
    [
        # nothing to send
        (0, 0, 5_000, NOBODY, Forecast(0, 0, 0.0)),
        # the day's last customer: the API key, a page, and two requests each
        (499, 0, 0, NOBODY, Forecast(1_000, 1, 1_000 / A_DAY)),
        # one more is for the next day, which also reads a page
        (500, 0, 0, NOBODY, Forecast(1_000 + 3, 2, 1 + 3 / A_DAY)),
        # from 2,000 companies on there are two pages to read
        (2_600, 0, 0, NOBODY, Forecast(1 + 5 * 999 + 212, 6, 5 + 212 / A_DAY)),
        # others have three pages of companies
        (499, 0, 4_001, NOBODY, Forecast(1 + 999 + 5, 2, 1 + 5 / A_DAY)),
        (50_000, 100, 0, NOBODY, Forecast(100_002, 1, 100_002 / A_DAY)),
        # the quota would allow it in a day, the rate of 1,000 a minute does not: one run for 14 days
        (10_000_000, 100_000, 0, NOBODY, Forecast(20_000_002, 14, 20_000_002 / A_DAY)),
        # no customer links
        (5_000, 0, 0, Linking(0.0), Forecast(1 + 5 * 999 + 4 * 1_000 + 999 + 25, 11, 10 + 25 / A_DAY)),
        # of 499 a tenth on each of two days: 1,000 + 49,900 requests on the second
        (5_000, 0, 0, Linking(0.2, 2), Forecast(1 + 999 + 9_003, 2, 1 + 9_003 / A_DAY)),
        # by hand: 1,000; + 0.998 linked: 1,998; + 0.998 + 1.996: 4,992; the rest
        (5_000, 0, 0, Linking(0.01, 5), Forecast(1 + 999 + 1_997 + 4_991 + 2_018, 4, 3 + 2_018 / A_DAY)),
    ],
)
def test_the_forecast_matches_a_count_by_hand(
    customers: int, linked: int, companies: int, linking: Linking, expected: Forecast
) -> None:
    """The quota is 1,000 requests a day and linked company, and the rate 1,000 a minute."""
    quota = 1000 * (1 + linked)
    found = forecast(customers, quota=quota, rate=1000, companies=companies, linking=linking)
    assert (found.requests, found.days) == (expected.requests, expected.days)
    assert found.elapsed == pytest.approx(expected.elapsed, abs=1e-9)


def test_a_quota_without_room_for_a_customer_still_has_a_forecast() -> None:
    """If the list alone takes the day's quota, the forecast assumes one customer a day."""
    assert forecast(7, quota=1, rate=1000) == Forecast(1 + 7 * 3, 7, 7.0)


def test_customers_count_no_longer_than_the_days_over_which_they_link() -> None:
    """After them, exactly this share of each day's customers has linked."""
    once = forecast(50_000, quota=1000, rate=10_000, linking=Linking(0.002, 1))
    slowly = forecast(50_000, quota=1000, rate=10_000, linking=Linking(0.002, 10))
    # 499 a day, and one of them links: 1,000, 2,000, 4,000, ... requests
    assert once.days == 7
    assert once.days < slowly.days < 50


@given(CUSTOMERS, LINKED, LINKINGS)
def test_more_linking_customers_never_make_it_longer(customers: int, linked: int, linking: Linking) -> None:
    """This is true of customers who linked before, and of those who link during it. The rate is a limit in any case."""
    quota = 1000 * (1 + linked)
    found = forecast(customers, quota=quota, rate=1000, linking=linking)
    assert 2 * customers / A_DAY <= found.elapsed + 1e-9
    assert found.elapsed <= forecast(customers, quota=quota, rate=1000).elapsed + 1e-9
    assert forecast(customers, quota=quota + 1000, rate=1000, linking=linking).days <= found.days
