"""How far a batch's journal has come, kept in a file beside it, so that a journal that has fallen behind is noticed.

A write-ahead log that was deleted or cut short leaves a journal of some time ago, and so does a copy that is put back.
Such a one is whole, and knows nothing of the companies that were made since. The mark is the number of the newest
request, written after the commit of it and before it leaves. It is not synced: it may be behind the journal, and says
nothing then.
"""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path

from bulk.journal import store

FILE = ".journal.mark"
_DIGITS = 20  # always as many, so that it is overwritten at once and needs no more room later


def read(folder: Path) -> int:
    """Give the number of the newest request that was committed here; 0 if that is not known."""
    try:
        return int((folder / FILE).read_bytes())
    except (FileNotFoundError, ValueError):
        return 0


class Mark:
    """A folder's mark, open for writing. Raises OSError where it cannot be made or written."""

    def __init__(self, folder: Path) -> None:
        """Open it."""
        self._file = os.open(folder / FILE, os.O_WRONLY | os.O_CREAT, 0o600)

    def set(self, request: int) -> None:
        """Remember the number of the newest request."""
        os.pwrite(self._file, b"%*d\n" % (_DIGITS, request), 0)

    def close(self) -> None:
        """Write no more."""
        os.close(self._file)


def fallen_behind(connection: sqlite3.Connection, folder: Path) -> int:
    """Give how many requests the journal has lost; those of one that is new and knows nobody do not count.

    If any, what its last sweep has shown is forgotten: the next migrate looks who is there before it creates anybody.
    """
    newest = store.newest_request(connection)
    lost = read(folder) - newest
    if lost <= 0:
        return 0
    with store.transaction(connection):
        had_swept = connection.execute("DELETE FROM batch WHERE key IN ('swept_at', 'swept_run')").rowcount > 0
    with closing(Mark(folder)) as mark:
        mark.set(newest)
    return lost if had_swept else 0
