"""Runs a library call for a command: shows its progress, and ends it in order at the first Ctrl-C or SIGTERM.

A second signal ends the process at once. Even then, nothing is lost.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import TypeVar

import anyio

from bulk.cli import signals
from bulk.cli.console import echo
from bulk.cli.estimates import Pace
from bulk.cli.progress import Progress

T = TypeVar("T")
TICK_SECONDS = 1.0


def run(call: Callable[[Progress, anyio.Event], Awaitable[T]], pace: Pace | None = None) -> T:
    """Return the result of `call`, which receives a hook for its progress and an event that ends it when set.

    `pace` has the limits of the run, for the estimate of its end.
    """

    async def main() -> T:
        interrupt, loop = anyio.Event(), asyncio.get_running_loop()

        def stop() -> None:
            interrupt.set()
            echo("Stopping: requests in flight are completed and recorded. Ctrl-C again stops at once.")

        signals.call_on_signal(partial(loop.call_soon_threadsafe, stop))
        signals.raise_if_interrupted()
        try:
            with Progress(pace) as progress:
                async with anyio.create_task_group() as group:
                    group.start_soon(_tick, progress)
                    result = await call(progress, interrupt)
                    group.cancel_scope.cancel()
            return result
        finally:
            signals.raise_on_signal()

    try:
        return anyio.run(main)
    except BaseExceptionGroup as group:
        raise _first(group) from None


async def _tick(progress: Progress) -> None:
    while True:
        await anyio.sleep(TICK_SECONDS)
        progress.tick()


def _first(group: BaseExceptionGroup[BaseException]) -> BaseException:
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
