"""The journal's only writer in a run: a thread that commits all waiting operations in one transaction.

So the event loop never blocks, and all workers wait for the disk together. An operation is a function that takes the
connection. When `write` returns, the operation's changes are on disk.
"""

from __future__ import annotations

import asyncio
import queue
import sqlite3
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

from bulk.journal import integrity
from bulk.journal.database import FILE, gone, transaction
from bulk.journal.error_translator import wrap_errors

T = TypeVar("T")
Operation = Callable[[sqlite3.Connection], Any]
MAX_AT_ONCE = 256


class Writer:
    """An async context manager around an open journal, which it closes at the end."""

    def __init__(self, connection: sqlite3.Connection, folder: Path) -> None:
        """Prepare to write to the journal in this folder."""
        self._connection = connection
        self._path = folder / FILE
        self._file = _identity(self._path)
        self._waiting: queue.SimpleQueue[tuple[Operation, asyncio.Future[Any]] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._work, name="journal", daemon=True)

    async def __aenter__(self) -> Self:
        self._loop = asyncio.get_running_loop()
        self._thread.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._waiting.put(None)
        await asyncio.shield(asyncio.to_thread(self._thread.join))

    async def write(self, operation: Callable[[sqlite3.Connection], T]) -> T:
        """Run an operation and wait until its changes are on disk. Raises JournalError, JournalGoneError."""
        future: asyncio.Future[T] = self._loop.create_future()
        self._waiting.put((operation, future))
        return await future

    def _work(self) -> None:
        while batch := self._next_batch():
            self._commit(batch)
        self._close()

    def _close(self) -> None:
        with suppress(OSError):  # then the next run checks the whole file
            if self._is_in_place():
                integrity.close(self._connection, self._path)
        self._connection.close()

    def _next_batch(self) -> list[tuple[Operation, asyncio.Future[Any]]]:
        """Wait for an operation, and return it with all that wait behind it. Return an empty list at the end."""
        first = self._waiting.get()
        batch = [] if first is None else [first]
        while batch and len(batch) < MAX_AT_ONCE:
            try:
                item = self._waiting.get_nowait()
            except queue.Empty:
                break
            if item is None:
                self._waiting.put(None)
                break
            batch.append(item)
        return batch

    def _commit(self, batch: list[tuple[Operation, asyncio.Future[Any]]]) -> None:
        results: list[Any] = []
        failure: BaseException | None = None
        try:
            with wrap_errors(self._path):
                self._require_in_place()
                with transaction(self._connection):
                    results.extend(operation(self._connection) for operation, _ in batch)
        except BaseException as error:  # noqa: BLE001 - each waiting task raises it
            failure = error
        self._loop.call_soon_threadsafe(_hand_back, [future for _, future in batch], results, failure)

    def _require_in_place(self) -> None:
        """Raise JournalGoneError if the file was moved away, because the next run would not find it."""
        if not self._is_in_place():
            raise gone(self._path)

    def _is_in_place(self) -> bool:
        return self._file is not None and _identity(self._path) == self._file


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        status = path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    return status.st_dev, status.st_ino


def _hand_back(futures: list[asyncio.Future[Any]], results: list[Any], failure: BaseException | None) -> None:
    for number, future in enumerate(futures):
        if future.cancelled():
            continue
        if failure is not None:
            future.set_exception(failure)
        else:
            future.set_result(results[number])
