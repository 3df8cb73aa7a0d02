"""Shows progress on standard error: a bar on a terminal, otherwise a plain line every few seconds."""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import MutableMapping
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Never, Self

from tqdm import tqdm

from bulk.cli.batch_text import wave_text
from bulk.cli.console import echo, fit, printable
from bulk.cli.estimates import Pace
from bulk.cli.run_state import RunState
from bulk.codat.limits import Hold
from bulk.engine.events import Advanced, Enrolled, Event, Reconciled, Resting, Started, Warned, WaveWritten
from bulk.text import count, moment

SECONDS_BETWEEN_LINES: Final = 10.0
SECONDS_BETWEEN_WAITING_LINES: Final = 600.0
BAR: Final = "{n_fmt}/{total_fmt} |{bar}| {end}"
MIN_BAR: Final = 4  # columns


if TYPE_CHECKING:
    _Tqdm = tqdm[Never]
else:
    _Tqdm = tqdm  # its types exist in the stubs only


class _Bar(_Tqdm):
    """A bar with the state of the run behind it."""

    def __init__(self, state: RunState) -> None:
        self._state = state
        super().__init__(total=state.total, initial=state.done, file=sys.stderr, dynamic_ncols=True, bar_format=BAR)

    @property
    def format_dict(self) -> MutableMapping[str, Any]:
        """Return the values for BAR."""
        known = super().format_dict
        before = len(f"{known['n']}/{known['total']} || ") + MIN_BAR
        room = (known["ncols"] or 80) - before
        known["end"] = self._state.end(room, now=time.time(), steady=time.monotonic())
        return known


class Progress:
    """A hook that shows a run's events. A context manager, which closes the bar at the end."""

    def __init__(self, pace: Pace | None = None) -> None:
        """Show nothing yet. `pace` has the limits of the run."""
        self._bar: _Bar | None = None
        self._is_terminal = _has_room_for_a_bar()
        self._state = RunState(pace or Pace())
        self._printed_at = time.monotonic()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._close_bar()
        if not self._is_terminal and self._state.done > self._state.done_before:
            echo(self._state.line(now=time.time(), steady=time.monotonic()))

    def __call__(self, event: Event) -> None:
        """Show an event."""
        match event:
            case Started():
                self._start(event)
            case Advanced():
                self._advance(event)
            case Hold():
                self._wait(event)
            case Resting():
                self._close_bar()
                self._echo(_resting(event))
            case _:
                if message := _message(event):
                    self._echo(message)

    def tick(self) -> None:
        """Show how long the run still waits. The caller calls this every second."""
        if not self._state.waiting(time.time()):
            return
        if self._bar is not None:
            with contextlib.suppress(OSError, ValueError):
                self._bar.refresh()
        elif self._is_due(SECONDS_BETWEEN_WAITING_LINES):
            echo(self._state.waiting_line(now=time.time(), steady=time.monotonic()))

    def _start(self, event: Started) -> None:
        self._close_bar()  # of the previous round
        self._printed_at = time.monotonic()
        self._state.start(event, self._printed_at)
        if event.to_do and self._is_terminal:
            self._open_bar()
        elif event.to_do:
            echo(f"{count(event.to_do, 'customer')} to do, {event.done:,} already done")

    def _open_bar(self) -> None:
        with contextlib.suppress(OSError, ValueError):
            self._bar = _Bar(self._state)

    def _close_bar(self) -> None:
        if self._bar is not None:
            with contextlib.suppress(OSError, ValueError):
                self._bar.close()
        self._bar = None

    def _advance(self, event: Advanced) -> None:
        self._state.advance(event, time.monotonic())
        if event.is_left:
            return
        if self._bar is not None:
            with contextlib.suppress(OSError, ValueError):
                self._bar.update()
        elif not self._is_terminal and self._is_due(SECONDS_BETWEEN_LINES):
            echo(self._state.line(now=time.time(), steady=time.monotonic()))

    def _wait(self, event: Hold) -> None:
        self._state.hold(event)
        days = self._state.days(now=time.time(), steady=time.monotonic())
        self._echo(f"Waiting until {moment(event.until)}: {fit(event.why, 300)}{days and '; ' + days}")
        self._printed_at = time.monotonic()

    def _is_due(self, seconds: float) -> bool:
        """Return whether the last line was printed this long ago, and count the one that the caller prints now."""
        now = time.monotonic()
        if self._is_terminal or now - self._printed_at < seconds:
            return False
        self._printed_at = now
        return True

    def _echo(self, text: str) -> None:
        """Print a message above the bar, if there is one."""
        if self._bar is None:
            echo(text)
            return
        with contextlib.suppress(OSError, ValueError):
            self._bar.write(printable(text), file=sys.stderr)


def _has_room_for_a_bar() -> bool:
    """Return whether standard error is a terminal with a width. That of `docker exec -t` has none."""
    if sys.stderr is None or not sys.stderr.isatty():
        return False
    try:
        return os.get_terminal_size(sys.stderr.fileno()).columns > 0
    except (OSError, ValueError):
        return True


def _message(event: Event) -> str:
    """Return the message for an event, or "" if it has none."""
    match event:
        case Enrolled():
            return _enrolled(event)
        case Reconciled(companies, changed) if companies or changed:
            listed = count(companies, "company", "companies")
            return f"Read {listed} of Codat's company list: {count(changed, 'change')}"
        case WaveWritten(number, links, file, without_address):
            return wave_text(number, links, without_address, file)
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
