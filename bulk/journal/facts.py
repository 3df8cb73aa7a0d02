"""Facts about the batch as a whole: its name, its Codat, the quota and stored options."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Collection, Mapping
from typing import Any, Final

from bulk.journal import sql
from bulk.model import NO_LIMIT, Quota, Threshold
from bulk.reading import Reading, Remembered

_SQL: Final = sql.load("bulk.journal", "facts.sql")


def get(connection: sqlite3.Connection, key: str) -> str | None:
    """Return a fact about the batch, or None."""
    row = connection.execute(_SQL["get"], {"key": key}).fetchone()
    return None if row is None else str(row[0])


def get_all(connection: sqlite3.Connection) -> dict[str, str]:
    """Return all facts about the batch."""
    return dict(connection.execute(_SQL["get_all"]).fetchall())


def put(connection: sqlite3.Connection, facts: Mapping[str, object]) -> None:
    """Store facts about the batch."""
    connection.executemany(_SQL["put"], [{"key": key, "value": str(value)} for key, value in facts.items()])


def clients_of_keys(connection: sqlite3.Connection) -> dict[str, str]:
    """Return the client of each API key that was asked about, by the key's fingerprint; "" if Codat does not say."""
    clients: dict[str, str] = json.loads(get(connection, "clients_of_keys") or "{}")
    return clients


def put_client_of_key(connection: sqlite3.Connection, fingerprint: str, client: str) -> None:
    """Store the client of an API key, or "" if Codat does not say. The first client is the batch's."""
    put(connection, {"clients_of_keys": json.dumps(clients_of_keys(connection) | {fingerprint: client})})
    if client and get(connection, "client_id") is None:
        put(connection, {"client_id": client})


def reading(facts: Mapping[str, str]) -> Reading:
    """Return how the user has said that text tables are to be read, from the facts about the batch."""
    said: dict[str, Any] = json.loads(facts.get("reading", "{}"))
    return Reading(**said)


def remembered(facts: Mapping[str, str]) -> Remembered:
    """Return what the batch remembers about reading its inputs, from the facts about it."""
    return Remembered(reading(facts), json.loads(facts.get("mapping", "{}")))


def put_reading(connection: sqlite3.Connection, reading: Reading) -> None:
    """Store how the user says that text tables are to be read. What was said before stays."""
    before = Reading(**json.loads(get(connection, "reading") or "{}"))
    put(connection, {"reading": json.dumps((reading | before).said())})


def platform_names(connection: sqlite3.Connection) -> dict[str, str]:
    """Return the platformKeys of the user's own names, from --platform-name."""
    names: dict[str, str] = json.loads(get(connection, "platform_names") or "{}")
    return names


def platform_keys(connection: sqlite3.Connection) -> frozenset[str] | None:
    """Return the platformKeys that Codat lists, or None if it was not asked."""
    keys = get(connection, "platform_keys")
    return None if keys is None else frozenset(json.loads(keys))


def put_platform_keys(connection: sqlite3.Connection, keys: Collection[str]) -> None:
    """Store the platformKeys that Codat lists."""
    put(connection, {"platform_keys": json.dumps(sorted(keys))})


def max_rejected(facts: Mapping[str, str]) -> Threshold | None:
    """Return the number of rejected rows that are accepted, from --max-rejected, or None without a limit."""
    limit = facts.get("max_rejected", NO_LIMIT)
    return None if limit == NO_LIMIT else Threshold.parse(limit)


def put_quota(connection: sqlite3.Connection, quota: Quota, resets_at: str) -> None:
    """Store the daily quota of the latest response, for the reports."""
    facts: dict[str, object] = {"quota_remaining": quota.remaining, "quota_resets_at": resets_at}
    put(connection, facts if quota.limit is None else facts | {"quota_limit": quota.limit})


def put_retry_after(connection: sqlite3.Connection, *, noted_at: float, until: float) -> None:
    """Store the end of a Retry-After and the time at which it was received, both in seconds since 1970."""
    put(connection, {"asked_at": noted_at, "asked_until": until})


def retry_after(connection: sqlite3.Connection) -> tuple[float, float] | None:
    """Return the time of receipt and the end of a Retry-After, both in seconds since 1970, or None."""
    noted_at, until = get(connection, "asked_at"), get(connection, "asked_until")
    return None if noted_at is None or until is None else (float(noted_at), float(until))
