"""Running a library call from a command: with progress on standard error, and ended in order by Ctrl-C and SIGTERM.

The first Ctrl-C or SIGTERM ends the run in order; the second at once, which loses nothing either.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import TypeVar

import anyio

from bulk.cli import signals
from bulk.cli.console import echo
from bulk.cli.progress import Progress

T = TypeVar("T")


def run(call: Callable[[Progress, anyio.Event], Awaitable[T]]) -> T:
    """Wait for a call that tells its progress and ends when the event is set."""

    async def main() -> T:
        interrupt, loop = anyio.Event(), asyncio.get_running_loop()

        def stop() -> None:
            interrupt.set()
            echo("Stopping: what is in flight is finished and written down (Ctrl-C again stops at once) ...")

        signals.call(partial(loop.call_soon_threadsafe, stop))
        signals.raise_if_come()
        try:
            with Progress() as progress:
                return await call(progress, interrupt)
        finally:
            signals.prepare()

    try:
        return anyio.run(main)
    except BaseExceptionGroup as group:
        raise _first(group) from None


def _first(group: BaseExceptionGroup[BaseException]) -> BaseException:
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
