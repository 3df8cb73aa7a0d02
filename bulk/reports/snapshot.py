"""Reads a batch's journal in its state at one moment, while other processes may write to it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Final, Self

from bulk import problems
from bulk.journal import cells, facts
from bulk.journal.database import no_journal, require_tables
from bulk.journal.error_translator import wrap_errors
from bulk.model import LINK_LIFETIME_SECONDS

CHUNK_ROWS: Final = 10_000

_BUSY_SECONDS: Final = 30.0


class Snapshot:
    """A journal at one moment: one read transaction for the whole `with`. It changes nothing.

    Raises BatchError if the file is missing or is not a journal of this version, JournalError if the disk fails.
    """

    def __init__(self, path: Path, *, copy: sqlite3.Connection | None = None) -> None:
        """Prepare to read the journal at this path, or a `copy` of it, which is closed at the end."""
        self.path = path
        self._copy = copy
        self.facts: dict[str, str] = {}  # about the batch as a whole
        self._connection: sqlite3.Connection | None = None

    def __enter__(self) -> Self:
        with self._wrap_errors():
            self._connection = self._copy or self._connect()
            self._connection.create_function("reasons", 1, problems.reasons, deterministic=True)
            cells.register(self._connection)
        try:
            self.rows("PRAGMA query_only = ON")
            self.rows("BEGIN")
            with self._wrap_errors():
                require_tables(self._open, self.path)
                self.facts = facts.get_all(self._open)
        except BaseException:
            self._connection.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        if self._connection is not None:
            self._connection.close()

    def rows(self, sql: str, values: Mapping[str, object] | Sequence[object] = ()) -> list[Any]:
        """Return all rows of a query."""
        with self._wrap_errors():
            return self._open.execute(sql, values).fetchall()

    def chunks(self, sql: str, size: int, values: Mapping[str, object]) -> Iterator[list[Any]]:
        """Yield the rows of a query in lists of at most `size`, so that a batch of any size fits in memory."""
        with self._wrap_errors():
            cursor = self._open.execute(sql, values)
        while rows := self._fetch(cursor, size):
            yield rows

    @property
    def lifetime(self) -> str:
        """The lifetime of a linkUrl, as a modifier of SQLite's time functions."""
        return f"+{number(self.facts.get('link_lifetime')) or LINK_LIFETIME_SECONDS} seconds"

    def _connect(self) -> sqlite3.Connection:
        if not self.path.is_file():
            raise no_journal(self.path.parent)
        # `rw` instead of `ro`: next to a writer, reading needs the -shm file. Neither creates a missing journal.
        uri = f"{self.path.absolute().as_uri()}?mode=rw"
        return sqlite3.connect(uri, uri=True, timeout=_BUSY_SECONDS, isolation_level=None)

    @property
    def _open(self) -> sqlite3.Connection:
        if self._connection is None:
            raise RuntimeError("a Snapshot is read inside its `with`")
        return self._connection

    def _fetch(self, cursor: sqlite3.Cursor, size: int) -> list[Any]:
        with self._wrap_errors():
            return cursor.fetchmany(size)

    def _wrap_errors(self) -> AbstractContextManager[None]:
        return wrap_errors(self.path, action="read")


def number(text: str | None) -> int | None:
    """Return the whole number in the text of a fact, or None."""
    return None if text is None else int(float(text))
