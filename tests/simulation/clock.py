"""Virtual time: one clock for a whole scenario, and an event loop that moves it to the next timer."""

from __future__ import annotations

import asyncio
import selectors
import threading
from collections.abc import Callable
from contextvars import Context
from dataclasses import dataclass
from typing import TypeVarTuple

Ts = TypeVarTuple("Ts")
START = 1_795_392_000.0  # 2026-11-23T00:00:00Z
A_TURN = 1e-6  # seconds: if the clock stood still, a timer without delay could loop for ever
MAX_THREAD = 600.0  # real seconds that the thread that prepares a command may take: a million rows need some time


class Stuck(AssertionError):  # noqa: N818 - an outcome, not an error of the simulation
    """A run waits for an event that never comes, or takes too long."""


@dataclass
class Time:
    """The time. `now` is exact and only grows; `skew` is the error of this machine's wall clock."""

    now: float = 0.0  # seconds since the scenario began
    skew: float = 0.0
    deadline: float = float("inf")  # of the current run

    def wall(self) -> float:
        """Return the seconds since 1970 by this machine's clock."""
        return START + self.now + self.skew

    def text(self) -> str:
        """Return the exact time, as `2d 03:04:05.678`."""
        minutes, seconds = divmod(self.now, 60)
        hours, minutes = divmod(int(minutes), 60)
        return f"{hours // 24}d {hours % 24:02}:{minutes:02}:{seconds:06.3f}"


class _Jumping(selectors.DefaultSelector):
    """Never waits: it moves the clock to the next timer."""

    def __init__(self, time: Time) -> None:
        super().__init__()
        self._time = time

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """Move the clock instead of waiting. Only if there is no timer, wait for a thread."""
        if timeout is None:
            ready = super().select(MAX_THREAD)
            if not ready:
                raise Stuck("every task waits, and no event will come")
            return ready
        self._time.now += max(timeout, A_TURN)
        if self._time.now > self._time.deadline:
            self._time.deadline = float("inf")  # raised once; then the run may clean up
            raise Stuck("a run takes too long")
        return []  # there are no other events, and a call of the kernel would be slow


class Loop(asyncio.SelectorEventLoop):
    """An event loop in virtual time."""

    def __init__(self, time: Time) -> None:
        super().__init__(_Jumping(time))
        self._virtual = time
        self._own_thread = threading.get_ident()

    def time(self) -> float:
        """Return the seconds of the loop's clock."""
        return self._virtual.now

    def call_soon_threadsafe(
        self, callback: Callable[[*Ts], object], *args: *Ts, context: Context | None = None
    ) -> asyncio.Handle:
        """Call soon; wake the loop only from another thread."""
        is_own = threading.get_ident() == self._own_thread
        call = super().call_soon if is_own else super().call_soon_threadsafe
        return call(callback, *args, context=context)
