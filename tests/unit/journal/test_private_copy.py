"""A journal is copied in its latest state, and its folder stays as it is."""

from __future__ import annotations

import shutil
import sqlite3
import tempfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from support.batches import Batch, good

from bulk.errors import BatchError, JournalError
from bulk.journal import integrity
from bulk.journal.database import FILE, require_tables
from bulk.journal.private_copy import private_copy
from bulk.reports.rows import Reader

Left = Callable[[Batch, Path], Path]


def in_use(batch: Batch, _: Path) -> Path:
    """Return the folder of a batch that a run uses: its log is not merged."""
    return batch.path.parent


def killed(batch: Batch, folder: Path) -> Path:
    """Return a folder as a killed run leaves it: nobody has its log and its shared memory open."""
    shutil.copytree(batch.path.parent, folder)
    return folder


def moved(batch: Batch, folder: Path) -> Path:
    """Return a folder that was restored without the file of shared memory."""
    (killed(batch, folder) / f"{FILE}-shm").unlink()
    return folder


def closed(batch: Batch, folder: Path) -> Path:
    """Return a folder as a run leaves it at its end."""
    shutil.copytree(batch.path.parent, folder)
    integrity.close(sqlite3.connect(folder / FILE, isolation_level=None), folder / FILE)
    return folder


def state(folder: Path) -> dict[str, tuple[bytes, int]]:
    """Return the content and the modification time of each file."""
    return {path.name: (path.read_bytes(), path.stat().st_mtime_ns) for path in folder.iterdir()}


@pytest.mark.parametrize(
    ("left", "files"),
    [(in_use, {"", "-wal", "-shm"}), (killed, {"", "-wal", "-shm"}), (moved, {"", "-wal"}), (closed, {""})],
)
def test_the_latest_state_is_copied_and_nothing_in_the_folder_changes(
    batch: Batch, tmp_path: Path, left: Left, files: set[str]
) -> None:
    """The last changes may be in the log only."""
    batch.enrol("a.csv", [good("1"), good("2")])
    folder = left(batch, tmp_path / "left")
    before = state(folder)
    assert set(before) == {FILE + ending for ending in files}

    with private_copy(folder) as copy:
        copy.execute("DELETE FROM customers WHERE customer_id = '1'")
        assert copy.execute("SELECT customer_id FROM customers").fetchall() == [("2",)]

    after = state(folder)
    if left is in_use:  # connections of one process share this memory, also for writing
        before[f"{FILE}-shm"] = after[f"{FILE}-shm"]
    assert after == before
    assert batch.presence() == {"1": "present", "2": "present"}


def test_a_run_that_holds_a_transaction_does_not_delay_the_copy(batch: Batch) -> None:
    """The copy has what was committed."""
    batch.enrol("a.csv", [good("1")])
    batch.db.execute("BEGIN IMMEDIATE")
    batch.db.execute("DELETE FROM customers")
    with private_copy(batch.path.parent) as copy:
        assert copy.execute("SELECT count(*) FROM customers").fetchone() == (1,)


def without_journal(path: Path) -> None:
    """Delete the journal."""
    path.unlink()


def of_0_1(path: Path) -> None:
    """Write a journal as 0.1 did."""
    path.unlink()
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript("CREATE TABLE customers (x); PRAGMA user_version = 4;")


def without_tables(path: Path) -> None:
    """Write a database without tables."""
    path.unlink()
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript("PRAGMA journal_mode = WAL; CREATE TABLE x (x); DROP TABLE x;")


def damaged(path: Path) -> None:
    """Overwrite the journal."""
    path.write_bytes(b"overwritten" * 1000)


@pytest.mark.parametrize("change", [without_journal, of_0_1, without_tables, damaged])
def test_a_journal_that_cannot_be_used_has_the_message_of_the_other_commands(
    batch: Batch, tmp_path: Path, change: Callable[[Path], None]
) -> None:
    """`report` reads the journal itself."""
    folder = closed(batch, tmp_path / "closed")
    change(folder / FILE)
    with pytest.raises(BatchError) as expected, Reader(folder / FILE):
        pass
    with pytest.raises(BatchError) as found, private_copy(folder):
        pass
    assert str(found.value) == str(expected.value)


def test_an_overwritten_page_is_found(batch: Batch, tmp_path: Path) -> None:
    """It could hide customers."""
    batch.enrol("a.csv", [good(str(n), name="n" * 400) for n in range(200)])
    folder = closed(batch, tmp_path / "closed")
    with closing(sqlite3.connect(folder / FILE)) as journal:
        (page,) = journal.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'customers'").fetchone()
    with (folder / FILE).open("r+b") as file:
        file.seek((page - 1) * 4096)
        file.write(b"\0" * 4096)
    with pytest.raises(BatchError, match="is damaged"), private_copy(folder):
        pass


def test_a_full_disk_of_temporary_files_is_named(batch: Batch, tmp_path: Path) -> None:
    """The batch's own disk has nothing to do with it."""
    batch.enrol("a.csv", [good("1")])
    with private_copy(batch.path.parent) as copy:
        more = copy.execute("PRAGMA page_count").fetchone()[0] + 1

    def fill() -> None:
        with private_copy(batch.path.parent) as copy:
            copy.execute(f"PRAGMA max_page_count = {more}")
            copy.execute("CREATE TABLE more AS SELECT randomblob(100000)")

    with pytest.raises(JournalError, match="disk is full") as error:
        fill()
    assert str(error.value).startswith(f"{tempfile.gettempdir()} cannot be written")
    assert str(tmp_path / "autumn") not in str(error.value)


def test_a_copy_is_a_whole_journal(batch: Batch) -> None:
    """The other modules of the journal can use it."""
    with private_copy(batch.path.parent) as copy:
        require_tables(copy, batch.path)
