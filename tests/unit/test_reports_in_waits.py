"""A run that begins to wait for long has its reports written, so that the links of this day can be emailed."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

import anyio
import pytest

from bulk.codat.limits import Hold
from bulk.engine.events import Event, Warned
from bulk.errors import BatchError
from bulk.job import reports_in_waits


def received(folder: Path, events: Sequence[Event], seconds: float) -> list[Event]:
    """Return what the caller's hook receives, if a run emits these events and ends after some seconds."""
    of_caller: list[Event] = []

    async def some_run() -> None:
        more = anyio.Event()

        def hook_of_caller(event: Event) -> None:
            of_caller.append(event)
            if len(of_caller) > len(events):
                more.set()

        async with reports_in_waits(folder, hook_of_caller, quiet=0.0) as hook:
            for event in events:
                hook(event)
            with anyio.move_on_after(seconds):
                await more.wait()

    anyio.run(some_run)
    return of_caller


@pytest.mark.parametrize("minutes", [1, 4])
def test_no_reports_are_written_in_a_short_wait(tmp_path: Path, minutes: int) -> None:
    """The run continues soon."""
    hold = Hold("the rate", time.time() + 60 * minutes)
    assert received(tmp_path, [hold], 0.05) == [hold]


def test_an_error_of_the_run_comes_through(tmp_path: Path) -> None:
    """It is not part of an ExceptionGroup, so the caller can catch it by its class."""

    async def some_run() -> None:
        async with reports_in_waits(tmp_path, lambda _: None):
            raise BatchError("this batch")

    with pytest.raises(BatchError, match="this batch"):
        anyio.run(some_run)


def test_reports_that_cannot_be_written_are_a_warning(tmp_path: Path) -> None:
    """The run continues after the wait, and writes them at its end."""
    hold = Hold("the quota", time.time() + 3600)
    first, warning = received(tmp_path, [hold], 60)
    assert first == hold
    assert isinstance(warning, Warned)
    assert warning.text.startswith("the reports were not written during the wait: ")
    assert "no journal" in warning.text
