"""The journal's one writer: a thread that commits whatever waits as one transaction.

Nothing blocks the event loop, and however many customers are in work, the disk is waited for once for all of them.
An operation is a function of the connection; when `write` returns, what it wrote has reached the disk.
"""

from __future__ import annotations

import asyncio
import contextlib
import queue
import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

from bulk.journal import mark
from bulk.journal.attempts import newest_request
from bulk.journal.database import FILE, gone, transaction, translated
from bulk.journal.mark import Mark

T = TypeVar("T")
Operation = Callable[[sqlite3.Connection], Any]
MAX_AT_ONCE = 256


class Writer:
    """An async context manager over an open journal, which it closes."""

    def __init__(self, connection: sqlite3.Connection, folder: Path) -> None:
        """Make a writer for the journal in this folder."""
        self._connection = connection
        self._folder = folder
        self._path = folder / FILE
        self._file = _identity(self._path)
        self._mark: Mark | None = None
        # Only what is asked from now on is marked: how far the journal had come before, `mark.fallen_behind` finds out.
        with translated(self._path):
            self._marked = max(mark.read(folder), newest_request(connection))
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
        """Run the operation and wait until what it wrote is on the disk. Raises JournalUnwritable."""
        future: asyncio.Future[T] = self._loop.create_future()
        self._waiting.put((operation, future))
        return await future

    def _work(self) -> None:
        while batch := self._next_batch():
            self._commit(batch)
        self._close()

    def _close(self) -> None:
        self._connection.close()
        with contextlib.suppress(OSError):  # the next run then looks at all of the journal
            if self._file is not None and _identity(self._path) == self._file:
                self._mark = self._mark or Mark(self._folder)
                self._mark.leave(self._folder)
        if self._mark is not None:
            self._mark.close()

    def _next_batch(self) -> list[tuple[Operation, asyncio.Future[Any]]]:
        """Take the first that comes and whatever waits behind it, without lingering; empty at the end."""
        first = self._waiting.get()
        batch = [] if first is None else [first]
        while batch and len(batch) < MAX_AT_ONCE:
            try:
                further = self._waiting.get_nowait()
            except queue.Empty:
                break
            if further is None:
                self._waiting.put(None)
                break
            batch.append(further)
        return batch

    def _commit(self, batch: list[tuple[Operation, asyncio.Future[Any]]]) -> None:
        results: list[Any] = []
        failure: BaseException | None = None
        try:
            with translated(self._path):
                self._require_in_place()
                with transaction(self._connection):
                    results.extend(operation(self._connection) for operation, _ in batch)
                    newest = newest_request(self._connection)
                if newest > self._marked:
                    self._mark = self._mark or Mark(self._folder)
                    self._mark.set(newest)
                    self._marked = newest
        except BaseException as error:  # noqa: BLE001 - it is handed to those who wait, in their own task
            failure = error
        self._loop.call_soon_threadsafe(_hand_back, [future for _, future in batch], results, failure)

    def _require_in_place(self) -> None:
        """What is written into a file that nobody finds again is not written down. Raises JournalGone."""
        if self._file is None or _identity(self._path) != self._file:
            raise gone(self._path)


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        there = path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    return there.st_dev, there.st_ino


def _hand_back(futures: list[asyncio.Future[Any]], results: list[Any], failure: BaseException | None) -> None:
    for number, future in enumerate(futures):
        if future.cancelled():
            continue
        if failure is not None:
            future.set_exception(failure)
        else:
            future.set_result(results[number])
