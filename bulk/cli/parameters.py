"""The types of option values, such as numbers, durations and times. Each type parses the user's text."""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal

import click

from bulk.cli.console import fit
from bulk.text import count

if TYPE_CHECKING:
    from bulk.model import Threshold

MAX_NUMBER = 1_000_000_000  # of customers or requests; SQLite and the forecasts calculate exactly up to this
MAX_DURATION = 3650 * 86_400  # seconds
DAY = 86_400  # seconds
_UNITS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86_400}
_DURATION = re.compile(r"(\d{1,20}(?:\.\d{1,20})?)\s*([smhd]?)", re.ASCII)
_PERCENT = re.compile(r"(\d{1,20}(?:\.\d{1,20})?)\s*%?", re.ASCII)
_THRESHOLD = re.compile(r"(\d{1,20}(?:\.\d{1,20})?)\s*(%?)", re.ASCII)
_TIME_OF_DAY = re.compile(r"(\d\d?):(\d\d)", re.ASCII)


class WholeNumber(click.ParamType[int]):
    """A whole number between two limits."""

    name = "n"

    def __init__(self, minimum: int = 1, maximum: int = MAX_NUMBER) -> None:
        """Accept the numbers from `minimum` to `maximum`."""
        self._minimum, self._maximum = minimum, maximum

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Return the number."""
        text = str(value).strip()
        if not re.fullmatch(r"-?\d{1,20}", text, re.ASCII) or not self._minimum <= int(text) <= self._maximum:
            limits = f"{self._minimum:,} to {self._maximum:,}"
            self.fail(f"{fit(text)!r} is not a whole number from {limits}.", param, ctx)
        return int(text)


class Seconds(click.ParamType[float]):
    """A number of seconds, above zero and below a day."""

    name = "seconds"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Return the number."""
        try:
            seconds = float(value)
        except ValueError:
            seconds = math.nan
        if not 0 < seconds < DAY:
            self.fail(f"{fit(value)!r} is not a number of seconds above 0 and below {DAY:,} (a day).", param, ctx)
        return seconds


class Duration(click.ParamType[float]):
    """A duration: a number of seconds, or a number followed by s, m, h or d."""

    name = "duration"

    def __init__(self, minimum: int = 1) -> None:
        """Accept durations of at least `minimum` seconds."""
        self._minimum = minimum

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Return the seconds."""
        match = _DURATION.fullmatch(str(value).strip().lower())
        if not match:
            self.fail(f"{fit(value)!r} is not a duration such as 90 (seconds), 90m, 24h or 2d.", param, ctx)
        seconds = float(match[1]) * _UNITS[match[2]]
        if not self._minimum <= seconds <= MAX_DURATION:
            limits = f"at least {count(self._minimum, 'second')} and at most {MAX_DURATION // DAY:,} days"
            self.fail(f"{fit(value)!r} must be a duration of {limits}.", param, ctx)
        return seconds


class Percent(click.ParamType[float]):
    """A percentage such as 10%. The sign is optional."""

    name = "percent"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Return the number before the sign."""
        match = _PERCENT.fullmatch(str(value).strip())
        if not match or float(match[1]) > 100:
            self.fail(f"{fit(value)!r} is not a percentage from 0% to 100%.", param, ctx)
        return float(match[1])


class RowThreshold(click.ParamType["Threshold"]):
    """A number of customers or rows, or a percentage of all of them."""

    name = "n|n%"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Threshold:
        """Return the threshold."""
        from bulk.model import Threshold

        if isinstance(value, Threshold):
            return value
        match = _THRESHOLD.fullmatch(str(value).strip())
        number, is_percent = (float(match[1]), bool(match[2])) if match else (math.nan, False)
        is_number = number.is_integer() and number <= MAX_NUMBER
        if not (number <= 100 if is_percent else is_number):
            kinds = f"a number up to {MAX_NUMBER:,}, or a percentage such as 5%"
            self.fail(f"{fit(value)!r} is not {kinds}.", param, ctx)
        return Threshold(number, is_percent=is_percent)


class RememberedThreshold(click.ParamType["Threshold | Literal['none']"]):
    """A number of customers or rows, or a percentage, that a batch remembers. `none` removes it."""

    name = "threshold"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> Threshold | Literal["none"]:
        """Return the threshold, or "none"."""
        if str(value).strip().lower() == "none":
            return "none"
        return RowThreshold().convert(value, param, ctx)


class FutureTime(click.ParamType[datetime]):
    """A time of day, or a date and time in the future; UTC unless it has a time zone."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        """Return the time."""
        if isinstance(value, datetime):
            return value
        text, now = str(value).strip(), datetime.now(UTC)
        try:
            time = next_time_of_day(text, now) if _TIME_OF_DAY.fullmatch(text) else _read_time(text)
        except ValueError:
            self.fail(f"{fit(text)!r} is not a time such as 18:00 or 2026-11-30T18:00Z (UTC).", param, ctx)
        if time <= now:
            self.fail(f"{fit(text)!r} has passed: it is {now:%Y-%m-%d %H:%M} UTC now.", param, ctx)
        return time


class PastTime(click.ParamType[datetime]):
    """A date and time in the past, or a duration before now; UTC unless it has a time zone."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        """Return the time."""
        if isinstance(value, datetime):
            return value
        text, now = str(value).strip(), datetime.now(UTC)
        if (ago := _DURATION.fullmatch(text.lower())) and ago[2]:
            return now - timedelta(seconds=Duration().convert(text, param, ctx))
        try:
            time = _read_time(text)
        except ValueError:
            self.fail(f"{fit(text)!r} is not a time such as 7d (ago), 2026-11-19 or 2026-11-19T10:00Z.", param, ctx)
        if time > now:
            self.fail(f"{fit(text)!r} is in the future: it is {now:%Y-%m-%d %H:%M} UTC now.", param, ctx)
        return time


def next_time_of_day(text: str, now: datetime) -> datetime:
    """Return the next time that it is `HH:MM`: today, or tomorrow if that has passed. Raises ValueError."""
    hour, minute = map(int, text.split(":"))
    today = now.replace(hour=hour, minute=minute, second=0, microsecond=0)
    return today if today > now else today + timedelta(days=1)


def _read_time(text: str) -> datetime:
    """Read a date and time, in UTC unless it has a time zone. Raises ValueError."""
    time = datetime.fromisoformat(text)
    try:
        return (time if time.tzinfo else time.replace(tzinfo=UTC)).astimezone(UTC)
    except OverflowError as error:
        raise ValueError("out of range") from error
