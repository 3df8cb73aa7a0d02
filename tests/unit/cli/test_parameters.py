"""Values of options: the accepted forms, and a clear message for everything else."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import click
import pytest

from bulk.api import Threshold
from bulk.cli.parameters import (
    Duration,
    FutureTime,
    PastTime,
    Percent,
    RememberedThreshold,
    RowThreshold,
    Seconds,
    WholeNumber,
    next_time_of_day,
)

HUGE = "1" + "0" * 23
ENDLESS = "9" * 5000  # Python refuses to convert this many digits


@pytest.mark.parametrize(
    ("parameter", "text", "value"),
    [
        (WholeNumber(), "1", 1),
        (WholeNumber(0, 65535), " 8787 ", 8787),
        (Seconds(), "0.5", 0.5),
        (Duration(), "90", 90.0),
        (Duration(), "1.5h", 5400.0),
        (Duration(), "2D", 172_800.0),
        (Duration(minimum=0), "0", 0.0),
        (Percent(), "10%", 10.0),
        (Percent(), "0.5", 0.5),
        (RowThreshold(), "7", Threshold(7)),
        (RowThreshold(), "5%", Threshold(5, is_percent=True)),
        (RememberedThreshold(), "5%", Threshold(5, is_percent=True)),
        (RememberedThreshold(), "none", "none"),
    ],
)
def test_values_that_are_accepted(parameter: click.ParamType[object], text: str, value: object) -> None:
    """Numbers, durations and percentages as people write them."""
    assert parameter.convert(text, None, None) == value


@pytest.mark.parametrize("text", ["", "x", "nan", "inf", "-1", "1e3", HUGE, ENDLESS, "\x1b[31m"])
@pytest.mark.parametrize(
    ("parameter", "expected"),
    [
        (WholeNumber(), "is not a whole number from 1 to 1,000,000,000"),
        (WholeNumber(1, 500), "is not a whole number from 1 to 500"),
        (Duration(), "duration"),
        (Percent(), "is not a percentage from 0% to 100%"),
        (RowThreshold(), "is not a number up to 1,000,000,000, or a percentage such as 5%"),
        (RememberedThreshold(), "is not a number up to 1,000,000,000, or a percentage such as 5%"),
        (PastTime(), "is not a time"),
        (FutureTime(), "is not a time"),
    ],
)
def test_other_values_are_refused_with_the_limits(parameter: click.ParamType[object], expected: str, text: str) -> None:
    """The message quotes the start of the value, without characters that control the terminal."""
    with pytest.raises(click.BadParameter) as caught:
        parameter.convert(text, None, None)
    assert expected in caught.value.message
    assert "\x1b" not in caught.value.message
    assert len(caught.value.message) < 200


@pytest.mark.parametrize("text", ["0", "-3", "nan", "inf", "86400", HUGE, "x", ""])
def test_a_timeout_is_above_zero_and_below_a_day(text: str) -> None:
    """Everything else is refused."""
    with pytest.raises(click.BadParameter, match="is not a number of seconds above 0 and below 86,400"):
        Seconds().convert(text, None, None)


@pytest.mark.parametrize(("text", "limits"), [("0", "at least 1 second"), ("3651d", "at most 3,650 days")])
def test_a_duration_has_limits(text: str, limits: str) -> None:
    """The message names them."""
    with pytest.raises(click.BadParameter, match=limits):
        Duration().convert(text, None, None)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("10:01", datetime(2026, 11, 27, 10, 1, tzinfo=UTC)),
        ("10:00", datetime(2026, 11, 28, 10, 0, tzinfo=UTC)),  # now is not next
        ("9:30", datetime(2026, 11, 28, 9, 30, tzinfo=UTC)),
        ("00:00", datetime(2026, 11, 28, tzinfo=UTC)),
    ],
)
def test_a_time_of_day_is_the_next_one(text: str, expected: datetime) -> None:
    """Today, or tomorrow if it has passed."""
    assert next_time_of_day(text, datetime(2026, 11, 27, 10, 0, tzinfo=UTC)) == expected


def test_a_time_on_the_wrong_side_of_now_is_refused() -> None:
    """The error has the present time, because times are in UTC."""
    hour = timedelta(hours=1)
    with pytest.raises(click.BadParameter, match=r"has passed: it is .* UTC now"):
        FutureTime().convert((datetime.now(UTC) - hour).isoformat(), None, None)
    with pytest.raises(click.BadParameter, match=r"is in the future: it is .* UTC now"):
        PastTime().convert((datetime.now(UTC) + hour).isoformat(), None, None)
    assert PastTime().convert("7d", None, None) < datetime.now(UTC) - 6 * 24 * hour
