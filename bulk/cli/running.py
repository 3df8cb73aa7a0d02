"""Running a library call from a command: with progress on standard error, and ended in order by Ctrl-C and SIGTERM."""

from __future__ import annotations

import os
import signal
from collections.abc import Awaitable, Callable
from typing import TypeVar

import anyio
from anyio.abc import TaskStatus

from bulk.cli.progress import Progress
from bulk.cli.words import say

T = TypeVar("T")


def run(call: Callable[[Progress, anyio.Event], Awaitable[T]]) -> T:
    """Wait for a call that tells its progress and ends when the event is set."""

    async def main() -> T:
        interrupt = anyio.Event()
        async with anyio.create_task_group() as group:
            await group.start(_listen, interrupt)  # before anybody is told that it is at work
            with Progress() as progress:
                result = await call(progress, interrupt)
            group.cancel_scope.cancel()
        return result

    try:
        return anyio.run(main)
    except BaseExceptionGroup as group:
        raise _first(group) from None
    finally:  # asyncio leaves SIGTERM to the system, which would end the process in the middle of what it says
        signal.signal(signal.SIGTERM, signal.default_int_handler)


async def _listen(interrupt: anyio.Event, *, task_status: TaskStatus[None]) -> None:
    """The first Ctrl-C or SIGTERM ends the run in order; the second at once, which loses nothing either."""
    with anyio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
        task_status.started()
        async for _ in signals:
            if interrupt.is_set():
                os._exit(130)
            interrupt.set()
            say("Stopping: what is in flight is finished and written down (Ctrl-C again stops at once) ...")


def _first(group: BaseExceptionGroup[BaseException]) -> BaseException:
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
