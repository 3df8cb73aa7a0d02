"""The estimates by which people plan: today's share, the day of the end, and what customers who link change."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime

import pytest

from bulk.cli.estimates import Estimate, Pace, Work, days_forms, estimate, fitting, speed_forms, waiting_forms
from bulk.model import Quota

NOON = datetime(2026, 11, 28, 12, tzinfo=UTC).timestamp()
MIDNIGHT = datetime(2026, 11, 29, tzinfo=UTC).timestamp()


def quota(remaining: int, limit: int | None = 1000, *, resets_at: float = MIDNIGHT) -> Quota:
    """Return the quota of a client, by default of a new one."""
    return Quota(limit, remaining, resets_at)


@pytest.mark.parametrize(
    ("work", "known", "reserve", "expected"),
    [
        # a new client's first day: 499 customers, and the last of 7,543 on the sixteenth day
        (Work(7543, 0, 2), quota(998), 0, Estimate(math.inf, 499, 7543, date(2026, 12, 13), 3)),
        # in the middle of that day nothing changes
        (Work(7343, 200, 2), quota(598), 0, Estimate(math.inf, 499, 7543, date(2026, 12, 13), 3)),
        # and at its end, while the run waits for the reset
        (Work(7044, 499, 2), quota(0), 0, Estimate(math.inf, 499, 7543, date(2026, 12, 13), 3)),
        (Work(7044, 499, 2), quota(1), 0, Estimate(math.inf, 499, 7543, date(2026, 12, 13), 3)),
        # the reset has passed, and no response has arrived yet
        (Work(7044, 499, 2), quota(0, resets_at=NOON - 60), 0, Estimate(math.inf, 500, 7044, date(2026, 12, 12), 3)),
        # today's quota is enough
        (Work(499, 0, 2), quota(998), 0, Estimate(499.0)),
        (Work(998, 0), quota(998), 0, Estimate(998.0)),
        # one customer more
        (Work(500, 0, 2), quota(998), 0, Estimate(math.inf, 499, 500, date(2026, 11, 29))),
        # the reserve is not used
        (Work(500, 0, 2), quota(998), 500, Estimate(math.inf, 249, 500, date(2026, 11, 30), 2)),
        (Work(500, 0, 2), quota(998), 1000, Estimate(math.inf, 0, 500)),
        # Codat does not say how large the quota is
        (Work(7543, 0, 2), quota(998, None), 0, Estimate(math.inf, 499, 7543)),
        # Codat has not reported it
        (Work(10, 0, 2), None, 0, Estimate(10.0)),
        # links need one request each; from the second day on, a page of the company list counts too
        (Work(5_000, 0), quota(1000), 0, Estimate(math.inf, 1000, 5000, date(2026, 12, 3), 2)),
    ],
)
def test_the_estimate(work: Work, known: Quota | None, reserve: int, expected: Estimate) -> None:
    """At a speed of one customer a second, at noon."""
    assert estimate(work, known, pace=Pace(reserve=reserve), per_second=1.0, now=NOON) == expected


def test_without_a_speed_the_end_is_unknown() -> None:
    """Nobody is done yet."""
    found = estimate(Work(10, 0, 2), None, pace=Pace(), per_second=0.0, now=NOON)
    assert list(speed_forms(found, speed="0.0 customers/s", quota=None)) == [
        "0.0 customers/s, time left unknown",
        "time left unknown",
    ]


WEEKS = Estimate(math.inf, 499, 7543, date(2026, 12, 13), 3)


@pytest.mark.parametrize(
    ("found", "room", "expected"),
    [
        (WEEKS, math.inf, "499 of 7,543 today, done about 13 December; 3 days if 10% link"),
        (WEEKS, 62, "499 of 7,543 today, done about 13 December; 3 days if 10% link"),
        (WEEKS, 61, "499 of 7,543 today, done about 13 December"),
        (WEEKS, 41, "499 today, done about 13 December"),
        (WEEKS, 32, "done about 13 December"),
        (WEEKS, 21, "13 December"),
        (WEEKS, 1, "13 December"),
        (Estimate(math.inf, 1, 9, date(2027, 1, 2)), math.inf, "1 of 9 today, done about 2 January 2027"),
        (Estimate(math.inf, 499, 7543), math.inf, "499 of 7,543 today, end unknown"),
        (Estimate(math.inf, 499, 7543), 20, "499 of 7,543 today"),
    ],
)
def test_the_longest_text_that_has_room_is_shown(found: Estimate, room: float, expected: str) -> None:
    """A narrow terminal shows the end at least."""
    assert fitting(list(days_forms(found, this_year=2026)), room) == expected


@pytest.mark.parametrize(
    ("room", "expected"),
    [
        (math.inf, "8.0 customers/s, quota 958 left, 2 min 0 s left"),
        (47, "8.0 customers/s, quota 958 left, 2 min 0 s left"),
        (46, "8.0 customers/s, 2 min 0 s left"),
        (20, "2 min 0 s left"),
    ],
)
def test_on_the_last_day_the_speed_is_shown(room: float, expected: str) -> None:
    """And what is left of the quota, if there is room."""
    forms = list(speed_forms(Estimate(120.0), speed="8.0 customers/s", quota=quota(958)))
    assert fitting(forms, room) == expected


def test_a_wait_comes_first() -> None:
    """It stays even without room for the day."""
    forms = list(waiting_forms(57_060, list(days_forms(WEEKS, this_year=2026))))
    assert forms[0] == "waiting 15 h 51 min; 499 of 7,543 today, done about 13 December; 3 days if 10% link"
    assert fitting(forms, 45) == "waiting 15 h 51 min; done about 13 December"
    assert fitting(forms, 20) == "waiting 15 h 51 min"
