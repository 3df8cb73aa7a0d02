"""A migration over time fits a chart, whatever happened when."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from bulk.reports.figures import Hold, Minute
from bulk.reports.summary.timeline import MAX_SLICES, timeline

from .sample_figures import figures

MINUTES = st.lists(
    st.builds(Minute, st.integers(0, 3_000_000), st.integers(0, 1000), st.integers(0, 9), st.integers(0, 500)),
    unique_by=lambda minute: minute.at,
    max_size=50,
).map(lambda minutes: tuple(sorted(minutes, key=lambda minute: minute.at)))


@given(MINUTES)
def test_any_time_fits_a_chart_and_no_request_is_lost(minutes: tuple[Minute, ...]) -> None:
    """Slices have no gaps; each rate is an average over the active minutes in it."""
    found = timeline(figures(minutes=minutes))
    assert len(found.slices) <= MAX_SLICES
    begins = [each.begin for each in found.slices]
    assert all(after - before == timedelta(minutes=found.minutes) for before, after in itertools.pairwise(begins))
    active = [sum(1 for m in minutes if m.at // found.minutes * 60 * found.minutes == b.timestamp()) for b in begins]
    assert sum(active) == len(minutes)
    requests = sum(each.requests * number for each, number in zip(found.slices, active, strict=True))
    assert round(requests) == sum(minute.requests for minute in minutes)


def test_a_rate_is_an_average_over_the_active_minutes() -> None:
    """Ten minutes a day at the full rate show the full rate, however long the days between are."""
    minutes = tuple(Minute(day * 1440 + at, 900, 0, 450) for day in range(20) for at in range(10))
    found = timeline(figures(minutes=minutes))
    assert {(each.requests, each.customers) for each in found.slices} == {(900.0, 450.0), (0.0, 0.0)}


def test_holds_are_shown_where_they_were_and_counted_once() -> None:
    """A hold ends where the next one begins."""
    at = datetime.fromtimestamp(600, UTC)
    holds = (
        Hold(at, at + timedelta(minutes=2), "429"),
        Hold(at + timedelta(minutes=1), at + timedelta(minutes=3), "longer"),
    )
    minutes = (Minute(9, 1, 0, 0), Minute(14, 1, 1, 0))
    found = timeline(figures(minutes=minutes, holds=holds))
    assert found.held == timedelta(minutes=3)
    assert [each.held for each in found.slices] == [0, 1, 1, 1, 0, 0]
    assert [hold.why for hold in found.holds] == ["429", "longer"]
    assert found.limited == 1
    assert timeline(figures()).slices == ()
