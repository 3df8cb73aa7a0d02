"""Opens the journal for a short change outside a run, which may be in progress."""

from __future__ import annotations

import sqlite3
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from bulk.journal import integrity
from bulk.journal.database import no_journal, pragmas, require_tables
from bulk.journal.error_translator import wrap_errors

_WAIT_SECONDS: Final = 30.0  # for the transactions of a run, which are short


@contextmanager
def changing(path: Path) -> Iterator[sqlite3.Connection]:
    """Yield a connection to the journal at this path. Raises BatchError, JournalError.

    The whole journal is not checked: the next run does that if another program has changed the file.
    """
    if not path.is_file():
        raise no_journal(path.parent)
    with wrap_errors(path):
        modified = path.stat().st_mtime_ns
        uri = f"{path.absolute().as_uri()}?mode=rw"
        connection = sqlite3.connect(uri, uri=True, isolation_level=None, timeout=_WAIT_SECONDS)
        try:
            require_tables(connection, path)
            for statement in pragmas(sys.platform):
                connection.execute(statement)
            is_sound = integrity.is_sound(connection, modified)
            yield connection
            if is_sound and connection.total_changes:
                integrity.close(connection, path)
        finally:
            connection.close()
