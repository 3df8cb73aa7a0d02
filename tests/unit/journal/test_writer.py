"""The writer: a write that has returned is on disk, and every waiting task gets its result."""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import anyio
import pytest

from bulk.errors import BulkError, JournalError, JournalGoneError
from bulk.journal import attempts, database, facts
from bulk.journal.attempts import Intent
from bulk.journal.writer import Writer

A_REQUEST = Intent(None, None, "list_companies", 1_790_000_000.0)


def putting(key: str) -> Callable[[sqlite3.Connection], str]:
    """Return an operation that writes a fact and returns its name."""

    def operation(db: sqlite3.Connection) -> str:
        facts.put(db, {key: "x"})
        return key

    return operation


def facts_in(folder: Path) -> list[str]:
    """Return the written facts as another process sees them, sorted."""
    with closing(sqlite3.connect(folder / database.FILE)) as other:
        query = "SELECT key FROM batch WHERE key <> 'closed_at' ORDER BY key"
        return [key for (key,) in other.execute(query)]


def test_other_connections_can_read_a_write_at_once(tmp_path: Path) -> None:
    """The journal is closed at the end."""

    async def run() -> None:
        connection = database.open_journal(tmp_path)
        async with Writer(connection, tmp_path) as writer:
            assert await writer.write(putting("a")) == "a"
            assert facts_in(tmp_path) == ["a"]
        with pytest.raises(sqlite3.ProgrammingError):
            connection.execute("SELECT 1")

    anyio.run(run)


def test_operations_that_wait_are_committed_together_in_order(tmp_path: Path) -> None:
    """All of them wait for the disk once."""
    commits: list[str] = []
    order: list[int] = []

    def numbered(number: int) -> Callable[[sqlite3.Connection], None]:
        return lambda _: order.append(number)

    async def run() -> None:
        connection = database.open_journal(tmp_path)
        connection.set_trace_callback(lambda sql: commits.append(sql) if sql == "COMMIT" else None)
        is_waiting, proceed = threading.Event(), threading.Event()

        def slow(_: sqlite3.Connection) -> None:
            is_waiting.set()
            proceed.wait()

        async with Writer(connection, tmp_path) as writer:
            first = asyncio.create_task(writer.write(slow))
            await asyncio.to_thread(is_waiting.wait)
            others = [asyncio.create_task(writer.write(numbered(n))) for n in range(100)]
            await asyncio.sleep(0)
            proceed.set()
            await asyncio.gather(first, *others)

    anyio.run(run)
    assert order == list(range(100))
    assert len(commits) == 2


def fill_the_disk(db: sqlite3.Connection) -> None:
    """Write more than fits."""
    (pages,) = db.execute("PRAGMA page_count").fetchone()
    db.execute(f"PRAGMA max_page_count = {pages}")
    try:
        facts.put(db, {"long": "x" * 1_000_000})
    finally:
        db.execute("PRAGMA max_page_count = 1000000")


def make_a_mistake(db: sqlite3.Connection) -> None:
    """Break a constraint, which is a mistake of bulk."""
    db.execute("INSERT INTO batch VALUES ('twice', 'x'), ('twice', 'x')")


@pytest.mark.parametrize(("broken", "error"), [(fill_the_disk, JournalError), (make_a_mistake, sqlite3.IntegrityError)])
def test_a_failure_reaches_every_task_whose_write_it_undid(
    tmp_path: Path, broken: Callable[[sqlite3.Connection], None], error: type[Exception]
) -> None:
    """Later writes work. Only a failure from outside is a BulkError."""

    async def run() -> None:
        is_waiting, proceed = threading.Event(), threading.Event()

        def slow(_: sqlite3.Connection) -> None:
            is_waiting.set()
            proceed.wait()

        async with Writer(database.open_journal(tmp_path), tmp_path) as writer:
            first = asyncio.create_task(writer.write(slow))
            await asyncio.to_thread(is_waiting.wait)
            operations = [putting("a"), broken, putting("b")]
            others = [asyncio.create_task(writer.write(operation)) for operation in operations]
            await asyncio.sleep(0)
            proceed.set()
            results = await asyncio.gather(first, *others, return_exceptions=True)
            assert [type(result) for result in results] == [type(None)] + [error] * 3
            assert isinstance(results[1], BulkError) is (error is JournalError)
            assert await writer.write(putting("c")) == "c"

    anyio.run(run)
    assert facts_in(tmp_path) == ["c"]


def test_a_task_that_is_cancelled_while_it_waits_disturbs_no_other(tmp_path: Path) -> None:
    """Its operation is written all the same."""

    async def run() -> None:
        async with Writer(database.open_journal(tmp_path), tmp_path) as writer:
            task = asyncio.create_task(writer.write(putting("a")))
            await asyncio.sleep(0)
            task.cancel()
            assert await writer.write(putting("b")) == "b"

    anyio.run(run)
    assert facts_in(tmp_path) == ["a", "b"]


@pytest.mark.parametrize("how", ["deleted", "moved", "replaced"])
def test_nothing_more_is_written_to_a_journal_that_is_gone(how: str, tmp_path: Path) -> None:
    """The next run would not find it. So the run ends before it sends what only the lost file records."""
    folder = tmp_path / "batch"

    async def run() -> None:
        async with Writer(database.open_journal(folder), folder) as writer:
            await writer.write(lambda db: attempts.record_intent(db, 1, A_REQUEST))
            if how == "deleted":
                shutil.rmtree(folder)
            elif how == "moved":
                folder.rename(tmp_path / "elsewhere")
            else:
                (folder / database.FILE).rename(folder / "old")
                (folder / database.FILE).touch()
            with pytest.raises(JournalGoneError, match="is gone: it was moved or deleted"):
                await writer.write(lambda db: attempts.record_intent(db, 1, A_REQUEST))

    anyio.run(run)
