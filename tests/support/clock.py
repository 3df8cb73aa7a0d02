"""An event loop whose clock jumps to the next timer instead of waiting for it: hours pass in no time."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Awaitable, Callable
from typing import TypeVar

import anyio

T = TypeVar("T")
START = 1_795_392_000.0  # 2026-11-23T00:00:00Z
MAX_SECONDS = 40 * 86_400.0  # a run longer than this waits for something that never comes


class _Jumping(selectors.DefaultSelector):
    now = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            raise RuntimeError("everybody waits, and nothing will ever come")
        self.now += max(timeout, 1e-6)  # a clock that stands still makes a timer of no delay an endless loop
        if self.now > MAX_SECONDS:
            raise RuntimeError("still waiting after forty days")
        return super().select(0)


class Loop(asyncio.SelectorEventLoop):
    """A loop for code without threads and sockets, because it never waits for them."""

    def __init__(self) -> None:
        self._jumping = _Jumping()
        super().__init__(self._jumping)

    def time(self) -> float:
        """Return the seconds that have passed, by the clock that jumps."""
        return self._jumping.now


def wall() -> float:
    """Return seconds since 1970 on that clock; the run begins at midnight UTC."""
    return START + asyncio.get_running_loop().time()


def run(function: Callable[[], Awaitable[T]]) -> T:
    """Run an async function to its end, on a new clock."""
    return anyio.run(function, backend_options={"loop_factory": Loop})
