"""The one writer: what it has said to be written is on the disk, and nobody waits in vain."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import anyio
import pytest

from bulk.errors import JournalError
from bulk.journal import database, facts
from bulk.journal.writer import Writer


def putting(key: str) -> Callable[[sqlite3.Connection], str]:
    """Make an operation that writes a fact and gives its name."""

    def operation(db: sqlite3.Connection) -> str:
        facts.put(db, {key: "x"})
        return key

    return operation


def facts_in(folder: Path) -> list[str]:
    """Read the facts as another process sees them, in the order of their writing."""
    with closing(sqlite3.connect(folder / database.FILE)) as other:
        return [key for (key,) in other.execute("SELECT key FROM batch ORDER BY key")]


def test_what_was_written_can_be_read_by_others_at_once(tmp_path: Path) -> None:
    """And the journal is closed at the end."""

    async def run() -> None:
        connection = database.open_journal(tmp_path)
        async with Writer(connection, tmp_path) as writer:
            assert await writer.write(putting("a")) == "a"
            assert facts_in(tmp_path) == ["a"]
        with pytest.raises(sqlite3.ProgrammingError):
            connection.execute("SELECT 1")

    anyio.run(run)


def test_whatever_waits_is_committed_as_one_in_the_order_of_asking(tmp_path: Path) -> None:
    """The disk is waited for once for all of them."""
    commits: list[str] = []
    order: list[int] = []

    def numbered(number: int) -> Callable[[sqlite3.Connection], None]:
        return lambda _: order.append(number)

    async def run() -> None:
        connection = database.open_journal(tmp_path)
        connection.set_trace_callback(lambda sql: commits.append(sql) if sql == "COMMIT" else None)
        is_waiting, go_on = threading.Event(), threading.Event()

        def slow(_: sqlite3.Connection) -> None:
            is_waiting.set()
            go_on.wait()

        async with Writer(connection, tmp_path) as writer:
            first = asyncio.create_task(writer.write(slow))
            await asyncio.to_thread(is_waiting.wait)
            others = [asyncio.create_task(writer.write(numbered(n))) for n in range(100)]
            await asyncio.sleep(0)
            go_on.set()
            await asyncio.gather(first, *others)

    anyio.run(run)
    assert order == list(range(100))
    assert len(commits) == 2


def test_a_failure_reaches_everybody_whose_writing_it_undid(tmp_path: Path) -> None:
    """And those after them are served."""

    def broken(_: sqlite3.Connection) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    async def run() -> None:
        is_waiting, go_on = threading.Event(), threading.Event()

        def slow(_: sqlite3.Connection) -> None:
            is_waiting.set()
            go_on.wait()

        async with Writer(database.open_journal(tmp_path), tmp_path) as writer:
            first = asyncio.create_task(writer.write(slow))
            await asyncio.to_thread(is_waiting.wait)
            operations = [putting("a"), broken, putting("b")]
            others = [asyncio.create_task(writer.write(operation)) for operation in operations]
            await asyncio.sleep(0)
            go_on.set()
            results = await asyncio.gather(first, *others, return_exceptions=True)
            assert [type(result) for result in results] == [type(None)] + [JournalError] * 3
            assert await writer.write(putting("c")) == "c"

    anyio.run(run)
    assert facts_in(tmp_path) == ["c"]


def test_who_is_cancelled_while_waiting_spoils_nothing_for_the_others(tmp_path: Path) -> None:
    """What was handed in is written all the same."""

    async def run() -> None:
        async with Writer(database.open_journal(tmp_path), tmp_path) as writer:
            task = asyncio.create_task(writer.write(putting("a")))
            await asyncio.sleep(0)
            task.cancel()
            assert await writer.write(putting("b")) == "b"

    anyio.run(run)
    assert facts_in(tmp_path) == ["a", "b"]
