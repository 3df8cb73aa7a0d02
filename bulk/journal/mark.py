"""How far a batch's journal has come, kept in a file beside it, so that a journal that has fallen behind is noticed.

A write-ahead log that was deleted or cut short leaves a journal of some time ago, and so does a copy that is put back.
Such a one is whole, and knows nothing of the companies that were made since. The mark is the number of the newest
request, written after the commit of it and before it leaves. It is not synced: it may be behind the journal, and says
nothing then.

Behind that number stands how a run has left the file, its size and time, once it has closed it: a journal that is as it
was left need not be read from end to end before it is believed.
"""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path

from bulk.journal import attempts, database

FILE = ".journal.mark"
_FORM = b"%20d %20d %20d\n"  # always as long, so that it is overwritten at once and needs no more room later


def read(folder: Path) -> int:
    """Give the number of the newest request that was committed here; 0 if that is not known."""
    return _read(folder)[0]


def _read(folder: Path) -> tuple[int, int, int]:
    try:
        if not (folder / FILE).is_file():
            return 0, 0, 0
        request, size, time = map(int, (folder / FILE).read_bytes().split())
    except (OSError, ValueError):
        return 0, 0, 0
    return request, size, time


class Mark:
    """A folder's mark, open for writing. Raises OSError where it cannot be made or written."""

    def __init__(self, folder: Path) -> None:
        """Open it."""
        self._file = os.open(folder / FILE, os.O_WRONLY | os.O_CREAT, 0o600)

    def set(self, request: int) -> None:
        """Remember the number of the newest request."""
        os.pwrite(self._file, _FORM % (request, 0, 0), 0)

    def close(self) -> None:
        """Write no more."""
        os.close(self._file)


def fallen_behind(connection: sqlite3.Connection, folder: Path) -> int:
    """Give how many requests the journal has lost; those of one that is new and knows nobody do not count.

    If any, what its last sweep has shown is forgotten: the next migrate looks who is there before it creates anybody.
    """
    newest, known = attempts.newest_request(connection), read(folder)
    is_unknown = known == 0 and newest > 0  # a copy of the journal alone, of whatever time
    lost = max(known - newest, 0)
    if not lost and not is_unknown:
        return 0
    with database.transaction(connection):
        had_swept = connection.execute("DELETE FROM batch WHERE key IN ('swept_at', 'swept_run')").rowcount > 0
    with closing(Mark(folder)) as mark:
        mark.set(newest)
    return lost if had_swept else 0
