"""Enrolment: turns the rows of an input file into customers and rejected rows of the batch, matched by customer_id.

The journal always takes over the input's values. The values in Codat (`name_sent`, `company_id` and so on) do not
change. A customer removed from its file is forgotten if nothing was sent for it, and kept if Codat may have it.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from bulk.errors import BatchError
from bulk.journal import cells, conflicts, damage, placement, sql
from bulk.model import customer_tag
from bulk.spellings import spelling_key

_SQL: Final = sql.load("bulk.journal", "enrolment.sql")

# With the same identifiers, an export of another system may overwrite the file. Edits change fewer customers.
MIN_REPLACED: Final = 2

# The order of the values in the rows that a caller passes.
ACCEPTED: Final = (
    *("row", "customer_id", "company_name", "name_sent", "platform", "platform_key", "email", "description", "extra"),
    *("corrects", "damage", "restored_name"),
)
REJECTED: Final = ("row", "customer_id", "company_name", "platform", "email", "extra", "cells", "problems", "corrects")


@dataclass(frozen=True, slots=True)
class Source:
    """The facts about an input file that the journal needs."""

    path: str
    digest: str
    columns: tuple[str, ...]
    extras: tuple[str, ...]
    mapping: Mapping[str, str] = field(default_factory=dict)  # field → column, from --map
    fields: Mapping[str, str] = field(default_factory=dict)  # field → column, of every field that the file has
    is_rejects_file: bool = False  # our own rejects file, with corrections


@dataclass(frozen=True, slots=True)
class ImportDiff:
    """The differences between an input and the batch, as numbers of customers; the last two count rows."""

    new: int = 0
    same: int = 0
    changed: int = 0
    removed: int = 0
    rejected: int = 0
    conflicts: int = 0
    is_another: bool = False  # the file is new to a batch that has other files: it adds to them


def compare_unchanged(connection: sqlite3.Connection, digest: str) -> ImportDiff | None:
    """Return the differences without reading a row if this is the digest of the batch's only file, otherwise None."""
    sources = connection.execute(_SQL["digests"]).fetchall()
    ((is_row_held,),) = connection.execute(_SQL["is_row_held"])
    if sources != [(digest,)] or is_row_held:  # the conflict may be gone
        return None
    customers, absent, removed, rejected, conflicts = connection.execute(_SQL["count_all"]).fetchone()
    return ImportDiff(same=customers - absent, removed=removed, rejected=rejected, conflicts=conflicts)


def count_rows(connection: sqlite3.Connection) -> tuple[int, int]:
    """Return the numbers of rejected rows and of all rows that the results show."""
    rejected, rows = connection.execute(_SQL["count_rows"]).fetchone()
    return rejected, rows


def is_known(connection: sqlite3.Connection, path: str, digest: str) -> bool:
    """Return whether the batch has this file, by its path or its content, or no file yet."""
    ((known,),) = connection.execute(_SQL["is_known_path"], {"path": path, "digest": digest})
    return bool(known)


def has_content(connection: sqlite3.Connection, digest: str) -> bool:
    """Return whether the batch has a file with this content."""
    ((has_file,),) = connection.execute(_SQL["has_content"], {"digest": digest})
    return bool(has_file)


def id_of(connection: sqlite3.Connection, digest: str) -> int:
    """Return the id of the file with this content, which the batch has."""
    ((found,),) = connection.execute(_SQL["id_of_content"], {"digest": digest})
    return int(found)


def tag_customers(connection: sqlite3.Connection, system: str) -> None:
    """Tag all customers with this source system. Call it only if no company in Codat has their old tags."""
    connection.create_function("customer_tag", 2, customer_tag, deterministic=True)
    connection.execute(_SQL["tag_customers"], {"system": system})


class Enrolment:
    """Enrols one file: call `take` for its parts in order, then `finish`, all in one transaction."""

    def __init__(self, connection: sqlite3.Connection, source: Source, *, run: int, system: str | None = None) -> None:
        """Register the file. A file with a known path or content is the same file; any other adds to the batch.

        `system` is the source system from --source. Call `conflicts.accept` first.

        Every run writes our rejects file to the same path, so a corrected one is recognized only by its content.
        """
        self._db = connection
        self._values: dict[str, object] = {**_values(source), "run": run, "system": system}
        self._run = run
        (self._last_seq,) = self._do("last_seq").fetchone()
        self._new = self._same = self._changed = self._rows = self._sent = self._others = 0
        connection.create_function("customer_tag", 2, customer_tag, deterministic=True)
        connection.create_function("spelling_key", 1, spelling_key, deterministic=True)
        cells.register(connection)
        self._is_same_file = self._do("find_source").fetchone() is not None
        if not self._is_same_file:
            self._do("add_source")
        (self._source,) = self._do("find_source").fetchone()
        self._values["source"] = self._source
        self._is_first = bool(self._do("is_first").fetchone()[0])
        if self._is_same_file:
            self._do("update_source", "drop_rejections")
        self._do("drop_incoming", "create_incoming")
        placement.prepare(connection, self._source)

    def take(self, accepted: Iterable[Sequence[Any]], rejected: Iterable[Sequence[Any]], *, rows: int) -> None:
        """Enrol a part of the file. The values of rows are in the order of ACCEPTED and REJECTED.

        `rows` is the number of rows so far.
        """
        self._rows = rows
        self._do("empty_incoming")
        self._db.executemany(_SQL["add_accepted"], accepted)
        self._db.executemany(_SQL["add_rejected"], rejected)
        damage.settle(self._db)
        conflicts.hold_other_customers(self._db, self._values)
        if not self._is_first:
            placement.place_accepted(self._db, self._source)
            self._do("reject_duplicates")
        self._count()
        self._do("remember_corrections", "drop_corrected", "close_corrected", "enrol_customers")
        if not self._is_first:
            placement.place_rejected(self._db, self._source)
        self._do("enrol_rejections")

    def finish(self) -> ImportDiff:
        """Update the customers that were removed from the file; return its differences from the batch.

        Raises BatchError if another export has taken the place of the file.
        """
        if self._is_same_file and self._others >= MIN_REPLACED and self._others > self._sent / 2:
            raise self._replaced()
        if self._is_same_file:
            self._keep_corrected()
            self._do("forget_absent", "remove_absent", "mark_invalid", "hide_rejections")
        damaged = damage.hold(self._db, self._run)
        held_now = conflicts.hold_spellings(self._db, run=self._run, fields=str(self._values["fields"]))
        self._new -= sum(seq > self._last_seq for seq in held_now | damaged)
        if held_now and self._is_same_file:  # a held row may have been corrected, too
            self._keep_corrected()
        self._values["rows"] = self._rows
        self._do("set_rows", "set_shifts")
        _, _, removed, rejected, held = self._do("count_all").fetchone()
        is_another = not (self._is_same_file or self._is_first)
        return ImportDiff(self._new, self._same, self._changed, removed, rejected, held, is_another)

    def _replaced(self) -> BatchError:
        return BatchError(
            f"{self._values['path']} has other customers than before: of {self._sent:,} customers that Codat may have, "
            f"{self._others:,} have another name and another platform or email now. If this is the export of another "
            "system, migrate it with --source NAME in a batch of its own (--batch NAME). If the rows are right, save "
            "the file under another name and pass it with --batch: you can accept each row then. Nothing was sent."
        )

    def _count(self) -> None:
        new, same, rows, sent, others = self._do("compare").fetchone()
        self._sent += sent
        self._others += others
        self._new += new
        self._same += same
        self._changed += rows - new - same

    def _keep_corrected(self) -> None:
        """Put customers from corrected rows in the place of the same rows where this file has them uncorrected."""
        self._do("drop_kept", "find_kept")
        self._same += self._do("keep_customers").rowcount
        self._do("drop_kept_rejections")

    def _do(self, *statements: str) -> sqlite3.Cursor:
        """Execute statements in order; return the cursor of the last one."""
        return [self._db.execute(_SQL[statement], self._values) for statement in statements][-1]


def record_diff(connection: sqlite3.Connection, run: int, diff: ImportDiff) -> None:
    """Record the differences between a run's input and the batch."""
    values = {"run": run, "new": diff.new, "same": diff.same, "changed": diff.changed, "removed": diff.removed}
    connection.execute(_SQL["record_diff"], values)


def _values(source: Source) -> dict[str, object]:
    return {
        "path": source.path,
        "digest": source.digest,
        "columns": json.dumps(source.columns),
        "extras": json.dumps(source.extras),
        "mapping": json.dumps(dict(source.mapping)),
        "fields": json.dumps(dict(source.fields)),
        "is_rejects_file": source.is_rejects_file,
    }
