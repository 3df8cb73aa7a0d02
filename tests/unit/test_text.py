"""Texts that all layers write in the same form."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from bulk.text import timestamp


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        (0.9, "1970-01-01T00:00:00Z"),
        (1_790_000_000.999, "2026-09-21T14:13:20Z"),
        (datetime(2026, 9, 21, 14, 13, 20, 999_999, tzinfo=UTC), "2026-09-21T14:13:20Z"),
        (datetime(2026, 9, 21, 16, 13, 20, tzinfo=timezone(timedelta(hours=2))), "2026-09-21T14:13:20Z"),
        (datetime.max.replace(tzinfo=UTC), "9999-12-31T23:59:59Z"),
    ],
)
def test_a_timestamp_has_whole_seconds_in_utc(at: float | datetime, expected: str) -> None:
    """It never lies in the future."""
    assert timestamp(at) == expected
