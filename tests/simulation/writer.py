"""The journal's writer without a thread: it commits waiting operations together, a few virtual milliseconds later."""

from __future__ import annotations

import asyncio
import random
import sqlite3
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

from bulk.journal.writer import Writer

T = TypeVar("T")


class VirtualWriter(Writer):
    """Commits on the event loop."""

    def __init__(self, connection: sqlite3.Connection, folder: Path, rng: random.Random) -> None:
        super().__init__(connection, folder)
        self._rng = rng
        self._is_committing = False

    async def __aenter__(self) -> Self:
        self._loop = asyncio.get_running_loop()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        while not self._waiting.empty():
            self._commit(self._next_batch())
        self._close()

    async def write(self, operation: Callable[[sqlite3.Connection], T]) -> T:
        """Run the operation in the next transaction, and wait for it."""
        return await self._put(operation)

    def _put(self, operation: Callable[[sqlite3.Connection], T]) -> asyncio.Future[T]:
        future: asyncio.Future[T] = self._loop.create_future()
        self._waiting.put((operation, future))
        self._set_off()
        return future

    def _set_off(self) -> None:
        if not self._is_committing:
            self._is_committing = True
            self._loop.call_later(self._rng.uniform(0.0005, 0.01), self._turn)

    def _turn(self) -> None:
        self._is_committing = False
        if self._waiting.empty():  # the run has ended in the meantime
            return
        self._commit_next()
        if not self._waiting.empty():
            self._set_off()

    def _commit_next(self) -> None:
        self._commit(self._next_batch())
