"""Progress on standard error: a bar on a terminal, a plain line now and then elsewhere."""

from __future__ import annotations

import contextlib
import sys
import time
from types import TracebackType
from typing import Never, Self

from tqdm import tqdm

from bulk.cli.console import echo, shown
from bulk.codat.limits import Hold
from bulk.engine.events import Advanced, Enrolled, Event, Reconciled, Resting, Started, Warned
from bulk.model import Quota
from bulk.text import count, duration, moment

SECONDS_BETWEEN_LINES = 10.0


class Progress:
    """A hook for a run's events. A context manager, so that the bar is closed whatever happens."""

    def __init__(self) -> None:
        self._bar: tqdm[Never] | None = None
        self._is_terminal = sys.stderr is not None and sys.stderr.isatty()
        self._done = self._at_start = self._total = 0
        self._began = self._said_at = time.monotonic()
        self._quota: Quota | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._bar is not None:
            with contextlib.suppress(OSError, ValueError):
                self._bar.close()
        elif self._done > self._at_start:
            echo(self._line())

    def __call__(self, event: Event) -> None:
        """Show an event."""
        match event:
            case Enrolled():
                self._say(_enrolled(event))
            case Started(to_do, done):
                self._start(to_do, done)
            case Reconciled(companies, taken_over) if companies or taken_over:
                listed = count(companies, "company", "companies")
                self._say(f"A page of Codat's list: {listed}, {taken_over:,} with something new")
            case Advanced():
                self._advance(event)
            case Hold(why, until):
                self._say(f"Waiting until {moment(until)}: {shown(why, 300)}")
            case Resting(waiting, until, stop):
                why = f" after: {shown(stop.reason, 300)}" if stop is not None else ""
                self._say(f"{count(waiting, 'customer')} waited for; asking again at {moment(until)}{why}")
            case Warned(text):
                self._say("Warning: " + shown(text, 1000))
            case _:
                pass

    def _start(self, to_do: int, done: int) -> None:
        self._done = self._at_start = done
        self._total = to_do + done
        self._began = self._said_at = time.monotonic()
        if to_do and self._is_terminal:
            with contextlib.suppress(OSError, ValueError):
                self._bar = tqdm(
                    total=self._total,
                    initial=done,
                    unit=" customers",
                    file=sys.stderr,
                    dynamic_ncols=True,
                    bar_format="{n_fmt}/{total_fmt} |{bar}| {rate_fmt}{postfix}, {remaining} left",
                )
        elif to_do:
            echo(f"{count(to_do, 'customer')} to do, {done:,} done before")

    def _advance(self, event: Advanced) -> None:
        self._quota = event.quota or self._quota
        if event.is_left:
            return
        self._done += 1
        if self._bar is not None:
            with contextlib.suppress(OSError, ValueError):
                if self._quota is not None:
                    self._bar.set_postfix_str(f"quota {self._quota.remaining:,} left", refresh=False)
                self._bar.update()
        elif not self._is_terminal and time.monotonic() - self._said_at >= SECONDS_BETWEEN_LINES:
            self._said_at = time.monotonic()
            echo(self._line())

    def _line(self) -> str:
        minutes = (time.monotonic() - self._began) / 60
        rate = (self._done - self._at_start) / minutes if minutes > 0 else 0.0
        left = (self._total - self._done) / rate * 60 if rate else float("inf")
        quota = f", quota {self._quota.remaining:,} left" if self._quota is not None else ""
        return f"{self._done:,} of {self._total:,} customers, {rate:,.0f} a minute{quota}, {duration(left)} left"

    def _say(self, text: str) -> None:
        if self._bar is not None:
            with contextlib.suppress(OSError, ValueError):
                self._bar.write(text, file=sys.stderr)
        else:
            echo(text)


def _enrolled(event: Enrolled) -> str:
    parts = [f"{event.new:,} new", f"{event.same:,} same", f"{event.changed:,} changed", f"{event.gone:,} gone"]
    rejected = f"; {count(event.rejected, 'row')} rejected" if event.rejected else ""
    another = " (another file than before: it adds to the batch, nobody is gone for it)" if event.is_another else ""
    return f"Customers: {', '.join(parts)}{rejected}{another}"
