"""A journal that has fallen behind is noticed; one that has not is left as it is."""

from __future__ import annotations

import shutil
from contextlib import closing
from pathlib import Path

import anyio
import pytest

from bulk.errors import JournalError
from bulk.journal import attempts, database, facts, mark
from bulk.journal.attempts import Intent
from bulk.journal.writer import Writer

A_REQUEST = Intent(None, None, "list_companies", 1_790_000_000.0)


def ask(folder: Path, times: int) -> None:
    """Write down so many requests, as a run does."""

    async def run() -> None:
        async with Writer(database.open_journal(folder), folder) as writer:
            for _ in range(times):
                await writer.write(lambda db: attempts.record_intent(db, 1, A_REQUEST))

    anyio.run(run)


def sweep(folder: Path) -> None:
    """Write down that the company list was read."""
    with closing(database.open_journal(folder)) as db:
        facts.put(db, {"swept_at": 1_790_000_000.0, "swept_run": 1})


def lost(folder: Path) -> tuple[int, str | None]:
    """Give how many requests the journal lacks, and what it then has of its last sweep."""
    with closing(database.open_journal(folder)) as db:
        return mark.fallen_behind(db, folder), facts.get(db, "swept_at")


def test_an_older_copy_is_noticed_once_and_forgets_its_sweep(tmp_path: Path) -> None:
    """So that the company list is read before anybody is created."""
    folder = tmp_path / "batch"
    sweep(folder)
    ask(folder, 2)
    shutil.copy(folder / database.FILE, tmp_path / "copy")
    ask(folder, 3)
    assert mark.read(folder) == 5
    shutil.copy(tmp_path / "copy", folder / database.FILE)

    assert lost(folder) == (3, None)
    sweep(folder)
    assert lost(folder) == (0, "1790000000.0")
    ask(folder, 1)
    assert mark.read(folder) == 3


def test_a_journal_that_knows_all_that_was_asked_keeps_its_sweep(tmp_path: Path) -> None:
    """So does one whose mark is behind."""
    sweep(tmp_path)
    ask(tmp_path, 2)
    assert lost(tmp_path) == (0, "1790000000.0")
    (tmp_path / mark.FILE).write_bytes(b"1 0 0")
    assert lost(tmp_path) == (0, "1790000000.0")


@pytest.mark.parametrize("content", [None, b"", b"1", b"what is this\n"])
def test_a_journal_without_a_mark_may_be_an_older_copy_and_forgets_its_sweep(
    content: bytes | None, tmp_path: Path
) -> None:
    """Once: nobody can say how far it had come."""
    sweep(tmp_path)
    ask(tmp_path, 2)
    (tmp_path / mark.FILE).unlink()
    if content is not None:
        (tmp_path / mark.FILE).write_bytes(content)
    assert lost(tmp_path) == (0, None)
    sweep(tmp_path)
    assert lost(tmp_path) == (0, "1790000000.0")


def test_who_only_takes_events_in_does_not_vouch_for_a_journal_without_a_mark(tmp_path: Path) -> None:
    """A listener that opens an older copy writes no request: the next run still reads the company list."""
    sweep(tmp_path)
    ask(tmp_path, 2)
    (tmp_path / mark.FILE).unlink()

    async def listen() -> None:
        async with Writer(database.open_journal(tmp_path), tmp_path) as writer:
            await writer.write(lambda db: facts.put(db, {"heeded": 0}))

    anyio.run(listen)
    assert lost(tmp_path) == (0, None)


def test_nothing_is_said_of_a_new_journal_in_the_place_of_a_lost_one(tmp_path: Path) -> None:
    """It reads the list in any case."""
    sweep(tmp_path)
    ask(tmp_path, 2)
    for path in tmp_path.glob("journal.sqlite3*"):
        path.unlink()
    assert lost(tmp_path) == (0, None)


def test_a_mark_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    """Not the journal, with which nothing is wrong."""
    (tmp_path / mark.FILE).mkdir()

    with pytest.raises(JournalError, match=rf"{mark.FILE} cannot be written"):
        ask(tmp_path, 1)
