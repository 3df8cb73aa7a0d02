"""An event loop on which time runs faster: what waits two seconds by its clock waits a few milliseconds of ours."""

from __future__ import annotations

import asyncio
import selectors
import time

SPEED = 400.0


def fast_monotonic() -> float:
    """Give the seconds of the fast clock, on any thread."""
    return time.monotonic() * SPEED


class _Selector(selectors.DefaultSelector):
    """Waits for the shorter time that a wait takes."""

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """Wait for a file to be ready, at most so many seconds of the loop's clock."""
        return super().select(timeout / SPEED if timeout else timeout)


class FastLoop(asyncio.SelectorEventLoop):
    """A loop whose clock, and every sleep on it, is `SPEED` times as fast as the real one."""

    def __init__(self) -> None:
        super().__init__(_Selector())

    def time(self) -> float:
        """Give the seconds of the loop's clock."""
        return fast_monotonic()
