"""Enrols an input in a batch, with what the batch remembers: for `migrate`, and for `check --batch` in a copy."""

from __future__ import annotations

import os
import shlex
import sqlite3
from dataclasses import replace
from pathlib import Path

from bulk import platforms
from bulk.engine.integrations import UnconfirmedKey
from bulk.errors import BatchError
from bulk.input import Input
from bulk.journal import customers, database, enrolment, facts
from bulk.journal.enrolment import ACCEPTED, REJECTED, Enrolment, ImportDiff, Source
from bulk.reading import STANDARD_INPUT


def is_known(connection: sqlite3.Connection, source: Input) -> bool:
    """Return whether the batch has this input or no file yet. Any other would add its customers to the batch's."""
    return enrolment.is_known(connection, name_of(source.path), source.digest)


def require_known(connection: sqlite3.Connection, source: Input) -> None:
    """Raise BatchError if the batch was created from other files: this one would add its customers to theirs."""
    if is_known(connection, source):
        return
    name = shlex.quote(database.folder_of(connection).name)
    raise BatchError(
        f"The batch {name} was created from another file, and {source.path} would add its customers. Pass "
        f"--batch {name} if that is right, or another --batch NAME for a batch of its own. Nothing was sent."
    )


def source_of(connection: sqlite3.Connection, name: str | None) -> str | None:
    """Return the source system of the batch, and store a new one; customers enrolled before get it too.

    Raises BatchError if a company in Codat may have another one in its tags.
    """
    known = facts.get(connection, "source")
    if name is None or name == known:
        return known
    if customers.has_sent(connection):
        named = f'the source "{known}"' if known else "no source"
        raise BatchError(
            f'The batch was begun with {named}, and its companies carry it in their tags. Migrate the source "{name}" '
            "in a batch of its own (--batch); nothing was sent."
        )
    facts.put(connection, {"source": name})
    enrolment.tag_customers(connection, name)
    return name


def in_batch(connection: sqlite3.Connection, source: Input, *, is_answered: bool = False) -> Input:
    """Return the input with what the batch remembers: the user's names of platforms, and the keys that Codat lists.

    `is_answered` is whether Codat was asked for this input. A file that the batch has was enrolled with an answer.
    """
    names = platforms.merged_names(facts.platform_names(connection), source.platform_names)
    source = replace(source, platform_names=names)
    if is_answered or enrolment.has_content(connection, source.digest):
        source.confirmed_keys = facts.platform_keys(connection)
    return source


def compare(
    connection: sqlite3.Connection,
    source: Input,
    run: int,
    system: str | None,
    *,
    reads_again: bool = False,
    asks: bool = False,
) -> ImportDiff:
    """Return the differences of an input from the batch, which has its rows afterwards.

    `system` is the source system. A file that the batch has is read again only with `reads_again`. Call it in a
    transaction. With `asks`, it raises UnconfirmedKey.
    """
    diff = None if reads_again else enrolment.compare_unchanged(connection, source.digest)
    return diff or enrol(connection, source, run, system, asks=asks)


def enrol(
    connection: sqlite3.Connection, source: Input, run: int, system: str | None = None, *, asks: bool = False
) -> ImportDiff:
    """Enrol an input's rows within the caller's transaction; return their differences from the batch.

    `system` is the source system from --source. With `asks`, it raises UnconfirmedKey for a platformKey that neither
    bulk nor the batch knows.
    """
    file = Source(
        name_of(source.path),
        source.digest,
        source.columns,
        source.extras,
        source.mapping,
        source.fields,
        source.is_rejects_file,
    )
    enrolled = Enrolment(connection, file, run=run, system=system)
    listed = facts.platform_keys(connection) or frozenset()
    rows = 0
    for checked in source.read():
        if asks and (unconfirmed := checked.unconfirmed_keys.keys() - listed):
            raise UnconfirmedKey(min(unconfirmed))
        rows += checked.accepted.height + checked.rejected.height
        enrolled.take(
            checked.accepted.select(ACCEPTED).iter_rows(), checked.rejected.select(REJECTED).iter_rows(), rows=rows
        )
    return enrolled.finish()


def name_of(path: Path) -> str:
    """Return the name by which a batch recognizes a file. A link to the newest export is one file.

    All inputs from standard input are one file, too.
    """
    if path.name == STANDARD_INPUT:
        return STANDARD_INPUT
    return as_text(Path(os.path.abspath(path)))  # noqa: PTH100 - `absolute` keeps `..`, `resolve` follows links


def as_text(path: Path) -> str:
    """Return a file's name as text, even if its bytes are not text. Different names stay different."""
    return str(path).encode("utf-8", "backslashreplace").decode("utf-8")
