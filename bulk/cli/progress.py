"""Shows progress on standard error: a bar on a terminal, otherwise a plain line every few seconds."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import MutableMapping
from types import TracebackType
from typing import TYPE_CHECKING, Any, Never, Self

from tqdm import tqdm

from bulk.cli.console import echo, fit, printable
from bulk.codat.limits import Hold
from bulk.engine.events import Advanced, Enrolled, Event, Reconciled, Resting, Started, Warned
from bulk.model import Quota
from bulk.text import count, duration, moment

SECONDS_BETWEEN_LINES = 10.0
BAR = "{n_fmt}/{total_fmt} |{bar}| {rate_noinv_fmt}{postfix}{time_left}"


if TYPE_CHECKING:
    _Tqdm = tqdm[Never]
else:
    _Tqdm = tqdm  # its types exist in the stubs only


class _Bar(_Tqdm):
    """A bar that shows the time left in words."""

    @property
    def format_dict(self) -> MutableMapping[str, Any]:
        """Return the values for BAR."""
        known = super().format_dict
        rate = known["rate"] or (known["n"] - known["initial"]) / max(known["elapsed"], 0.001)
        known["time_left"] = _time_left(known["total"] - known["n"], rate)
        return known


class Progress:
    """A hook that shows a run's events. A context manager, which closes the bar at the end."""

    def __init__(self) -> None:
        self._bar: _Bar | None = None
        self._is_terminal = sys.stderr is not None and sys.stderr.isatty()
        self._done = self._done_before = self._total = 0
        self._started_at = self._printed_at = time.monotonic()
        self._quota: Quota | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._close_bar()
        if not self._is_terminal and self._done > self._done_before:
            echo(self._line())

    def __call__(self, event: Event) -> None:
        """Show an event."""
        match event:
            case Started(to_do, done):
                self._start(to_do, done)
            case Advanced():
                self._advance(event)
            case Resting():
                self._close_bar()
                self._echo(_resting(event))
            case _:
                if message := _message(event):
                    self._echo(message)

    def _start(self, to_do: int, done: int) -> None:
        self._close_bar()  # of the previous round
        self._done = self._done_before = done
        self._total = to_do + done
        self._started_at = self._printed_at = time.monotonic()
        if to_do and self._is_terminal:
            self._open_bar()
        elif to_do:
            echo(f"{count(to_do, 'customer')} to do, {done:,} already done")

    def _open_bar(self) -> None:
        with contextlib.suppress(OSError, ValueError):
            self._bar = _Bar(
                total=self._total,
                initial=self._done,
                unit=" customers",
                file=sys.stderr,
                dynamic_ncols=True,
                bar_format=BAR,
            )

    def _close_bar(self) -> None:
        if self._bar is not None:
            with contextlib.suppress(OSError, ValueError):
                self._bar.close()
        self._bar = None

    def _advance(self, event: Advanced) -> None:
        self._quota = event.quota or self._quota
        if event.is_left:
            return
        self._done += 1
        if self._bar is not None:
            self._move(self._bar)
        elif not self._is_terminal and time.monotonic() - self._printed_at >= SECONDS_BETWEEN_LINES:
            self._printed_at = time.monotonic()
            echo(self._line())

    def _move(self, bar: _Bar) -> None:
        with contextlib.suppress(OSError, ValueError):
            if self._quota is not None:
                bar.set_postfix_str(f"quota {self._quota.remaining:,} left", refresh=False)
            bar.update()

    def _line(self) -> str:
        minutes = (time.monotonic() - self._started_at) / 60
        rate = (self._done - self._done_before) / minutes if minutes > 0 else 0.0
        quota = f", quota {self._quota.remaining:,} left" if self._quota is not None else ""
        done = f"{self._done:,} of {count(self._total, 'customer')}"
        return f"{done}, {rate:,.0f} per minute{quota}{_time_left(self._total - self._done, rate / 60)}"

    def _echo(self, text: str) -> None:
        """Print a message above the bar, if there is one."""
        if self._bar is None:
            echo(text)
            return
        with contextlib.suppress(OSError, ValueError):
            self._bar.write(printable(text), file=sys.stderr)


def _time_left(customers: int, rate: float) -> str:
    """Return the end of a line of progress for the customers left to do. The rate is in customers per second."""
    if not customers:
        return ""
    return f", {duration(customers / rate)} left" if rate > 0 else ", time left unknown"


def _message(event: Event) -> str:
    """Return the message for an event, or "" if it has none."""
    match event:
        case Enrolled():
            return _enrolled(event)
        case Reconciled(companies, changed) if companies or changed:
            listed = count(companies, "company", "companies")
            return f"Read {listed} of Codat's company list: {count(changed, 'change')}"
        case Hold(why, until):
            return f"Waiting until {moment(until)}: {fit(why, 300)}"
        case Warned(text):
            return f"Warning: {fit(text, 1000)}"
        case _:
            return ""


def _enrolled(event: Enrolled) -> str:
    parts = [f"{event.new:,} new", f"{event.same:,} same", f"{event.changed:,} changed", f"{event.gone:,} gone"]
    rejected = f"; {count(event.rejected, 'row')} rejected" if event.rejected else ""
    conflicts = f"; {count(event.conflicts, 'row')} in conflict" if event.conflicts else ""
    another = "\nThis file is new to the batch: it adds customers and removes none." if event.is_another else ""
    return f"Customers: {', '.join(parts)}{rejected}{conflicts}{another}"


def _resting(event: Resting) -> str:
    reason = f" The last round stopped: {fit(event.stop.reason, 300)}." if event.stop is not None else ""
    return f"{count(event.waiting, 'customer')} pending. Next round at {moment(event.until)}.{reason}"
