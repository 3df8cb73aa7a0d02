"""Virtual time: one clock for a whole story, and an event loop on which it jumps to whatever comes next."""

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
A_TURN = 1e-6  # seconds: a clock that stood still would make a timer of no delay an endless loop
MAX_THREAD = (
    600.0  # real seconds in which the thread that prepares a command has something to say: a million rows take some
)


class Stuck(AssertionError):  # noqa: N818 - what happened, not an error of the simulation
    """A run waits for what never comes, or for longer than anything may take."""


@dataclass
class Time:
    """How late it is. `now` is true and only grows; `skew` is how far this machine's wall clock is off."""

    now: float = 0.0  # seconds since the story began
    skew: float = 0.0
    deadline: float = float("inf")  # of the current run

    def wall(self) -> float:
        """Return seconds since 1970 as this machine has them."""
        return START + self.now + self.skew

    def said(self) -> str:
        """Return how late it truly is, as `2d 03:04:05.678`."""
        minutes, seconds = divmod(self.now, 60)
        hours, minutes = divmod(int(minutes), 60)
        return f"{hours // 24}d {hours % 24:02}:{minutes:02}:{seconds:06.3f}"


class _Jumping(selectors.DefaultSelector):
    """Waits for nothing: the moment of the next timer comes at once."""

    def __init__(self, time: Time) -> None:
        super().__init__()
        self._time = time

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """Move the clock instead of waiting; only a thread, next to which nothing else happens, is waited for."""
        if timeout is None:
            ready = super().select(MAX_THREAD)
            if not ready:
                raise Stuck("everybody waits, and nothing will ever come")
            return ready
        self._time.now += max(timeout, A_TURN)
        if self._time.now > self._time.deadline:
            self._time.deadline = float("inf")  # said once; what is to be cleaned up still is
            raise Stuck("a run takes longer than anything may take")
        return []  # nobody else has anything to say: not even the kernel is asked, which takes longer than all else


class Loop(asyncio.SelectorEventLoop):
    """A loop that lives by virtual time."""

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
        """Call soon; only another thread has to wake the loop for it."""
        is_own = threading.get_ident() == self._own_thread
        call = super().call_soon if is_own else super().call_soon_threadsafe
        return call(callback, *args, context=context)
