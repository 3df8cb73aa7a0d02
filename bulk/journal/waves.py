"""The waves of linkUrls to email: a wave has the linkUrls that were issued since a report wrote the wave before it.

A linkUrl joins the open wave in the transaction that records it, so a killed run loses none. A report closes the wave,
writes it, and then marks it as written. If the report is killed in between, the next one adds the later linkUrls to the
same wave, which no command has printed.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass

from bulk.journal import selection, sql

_SQL = sql.load("bulk.journal", "waves.sql")


@dataclass(frozen=True, slots=True)
class Emailed:
    """The customers that were recorded as emailed, now and before."""

    now: int
    before: int


def add_link(connection: sqlite3.Connection, seq: int, at: str) -> None:
    """Add a customer's new linkUrl to the open wave, or to a new one."""
    row = connection.execute(_SQL["open"]).fetchone()
    wave = row[0] if row is not None else connection.execute(_SQL["begin"], {"at": at}).lastrowid
    values = {"wave": wave, "seq": seq, "at": at}
    connection.execute(_SQL["add"], values)
    connection.execute(_SQL["mark"], values)


def unwritten(connection: sqlite3.Connection) -> tuple[int, int] | None:
    """Return the first and the last wave that no report has written, or None."""
    first, last = connection.execute(_SQL["unwritten"]).fetchone()
    return None if first is None else (first, last)


def close(connection: sqlite3.Connection, at: str) -> int | None:
    """Close the wave to write, and return its number; return None if no linkUrl was issued since the last one."""
    waves = unwritten(connection)
    if waves is None:
        return None
    first, last = waves
    values = {"wave": first, "at": at}
    for statement in ("join_links", "join_customers", "drop_later") if last > first else ():
        connection.execute(_SQL[statement], values)
    connection.execute(_SQL["close"], values)
    return first


def mark_written(connection: sqlite3.Connection, wave: int) -> None:
    """Record that a report has written a wave."""
    connection.execute(_SQL["written"], {"wave": wave})


def closed(connection: sqlite3.Connection) -> list[int]:
    """Return the numbers of the waves that reports have written."""
    return [wave for (wave,) in connection.execute(_SQL["closed"])]


def email(
    connection: sqlite3.Connection, at: str, *, customer_ids: Iterable[str] = (), wave: int | None = None
) -> Emailed:
    """Record that the linkUrls of a wave were emailed, or else the last ones of these customers.

    Customers of the wave who have no address are left out, unless nobody in it has one: then the user has the addresses
    elsewhere. Named ones are not left out: the user has emailed them somehow.
    A linkUrl that was recorded before keeps its time.
    """
    values = {"wave": wave, "at": at}
    selection.name(connection, customer_ids)
    kind = "named" if wave is None else "wave"
    ((known,),) = connection.execute(_SQL[f"count_{kind}"], values)
    now = connection.execute(_SQL[f"email_{kind}"], values).rowcount
    return Emailed(now, known - now)


def without_address(connection: sqlite3.Connection, wave: int) -> list[str]:
    """Return the customers of a wave who have no address and were not recorded as emailed."""
    return [customer_id for (customer_id,) in connection.execute(_SQL["without_address"], {"wave": wave})]
