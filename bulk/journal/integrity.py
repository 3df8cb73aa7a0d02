"""Checks the whole journal before a run uses it, unless the file is as bulk left it.

A page that was overwritten can hide customers, and SQLite does not check for that by itself. The check takes seconds
for a million customers. Therefore, when bulk closes a journal, it sets the file's modification time and stores the same
time in the journal. Any program that writes to the file later changes its time. The write-ahead log of a run that was
killed needs no check: SQLite verifies a checksum for each of its frames.
"""

from __future__ import annotations

import os
import sqlite3
import time
from contextlib import suppress
from pathlib import Path
from typing import Final

from bulk.errors import BulkError
from bulk.journal import facts
from bulk.journal.error_translator import damaged, wrap_errors

_CLOSED_AT: Final = "closed_at"
_TIME_STEP_SECONDS: Final = 2  # FAT has the coarsest modification times


def require_sound(connection: sqlite3.Connection, path: Path, modified: int) -> None:
    """Check the whole journal, unless its file is as bulk left it. Raises BatchError if it is damaged.

    `modified` is the file's modification time before it was opened, in nanoseconds.
    """
    if is_sound(connection, modified):
        return
    (result,) = connection.execute("PRAGMA integrity_check(1)").fetchone()
    if result != "ok":
        raise damaged(path, " ".join(str(result).split()))


def is_sound(connection: sqlite3.Connection, modified: int) -> bool:
    """Return whether the file is as bulk left it. `modified` is its modification time before it was opened."""
    return facts.get(connection, _CLOSED_AT) == str(modified)


def close(connection: sqlite3.Connection, path: Path) -> None:
    """Close the journal and mark its file as left by bulk. If the disk fails, the next run checks the whole file."""
    closed_at = int(time.time()) // _TIME_STEP_SECONDS * _TIME_STEP_SECONDS * 10**9
    with suppress(BulkError), wrap_errors(path):
        facts.put(connection, {_CLOSED_AT: closed_at})
        connection.close()
        os.utime(path, ns=(closed_at, closed_at))
    connection.close()
