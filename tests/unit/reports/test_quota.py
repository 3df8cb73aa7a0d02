"""The daily quota: used, left, and the days that the rest takes."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bulk.reports.figures import QuotaFigures
from bulk.reports.summary.quota import quota as quota_of

from .sample_figures import UNKNOWN_QUOTA, figures

TOMORROW = "2026-11-24T00:00:00Z"


@pytest.mark.parametrize(
    ("quota", "to_do", "used", "left", "days"),
    [
        # no work takes no day, with any quota
        (QuotaFigures(1000, 0, TOMORROW), 0, 1000, 0, 0),
        # the rest of today is enough
        (QuotaFigures(1000, 900, TOMORROW), 900, 100, 900, 1),
        # the rest of today and one more day; a day with nothing left does not count
        (QuotaFigures(1000, 900, TOMORROW), 901, 100, 900, 2),
        (QuotaFigures(1000, 0, TOMORROW), 1001, 1000, 0, 2),
        # the reset has passed since the last response: the whole quota is left again
        (QuotaFigures(1000, 10, "2026-11-23T00:00:00Z"), 1500, 990, 10, 2),
        # Codat has not reported it
        (UNKNOWN_QUOTA, 5, None, None, None),
        (QuotaFigures(None, 5, TOMORROW), 5, None, 5, None),
    ],
)
def test_the_quota_determines_the_days_of_the_remaining_work(
    quota: QuotaFigures, to_do: int, used: int | None, left: int | None, days: int | None
) -> None:
    """Today counts, and the forecast assumes that no more customers link."""
    known = figures(requests_to_do=to_do)
    found = quota_of(replace(known, summary=replace(known.summary, quota=quota)))
    assert (found.used, found.left, found.days) == (used, left, days)
    assert found.is_over == (quota.resets_at == "2026-11-23T00:00:00Z")
