"""Running a library call from a command: with progress on standard error, and ended in order by Ctrl-C and SIGTERM."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable
from typing import TypeVar

import anyio
from anyio.abc import TaskStatus

from bulk.cli import signals
from bulk.cli.progress import Progress
from bulk.cli.words import say

T = TypeVar("T")


def run(call: Callable[[Progress, anyio.Event], Awaitable[T]]) -> T:
    """Wait for a call that tells its progress and ends when the event is set."""

    async def main() -> T:
        interrupt = anyio.Event()
        try:
            async with anyio.create_task_group() as group:
                await group.start(_listen, interrupt)  # before anybody is told that it is at work
                with Progress() as progress:
                    result = await call(progress, interrupt)
                group.cancel_scope.cancel()
        finally:  # asyncio leaves SIGTERM to the system, which would end the process in the middle of what it says
            signals.prepare()
        return result

    try:
        return anyio.run(main)
    except BaseExceptionGroup as group:
        raise _first(group) from None


async def _listen(interrupt: anyio.Event, *, task_status: TaskStatus[None]) -> None:
    """The first Ctrl-C or SIGTERM ends the run in order; the second at once, which loses nothing either."""
    with anyio.open_signal_receiver(*signals.STOPPED_BY) as received:
        task_status.started()
        async for _ in received:
            if interrupt.is_set():
                os._exit(signals.EXIT_CODE)
            interrupt.set()
            say("Stopping: what is in flight is finished and written down (Ctrl-C again stops at once) ...")


def _first(group: BaseExceptionGroup[BaseException]) -> BaseException:
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
