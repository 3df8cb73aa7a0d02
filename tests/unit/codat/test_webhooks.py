"""Webhook events of every type, with every part that may be missing or of another type."""

from __future__ import annotations

from typing import Any

import pytest

from bulk.codat.webhooks import ConnectionEvent, read_event

READ = ConnectionEvent(
    type="connection.connected",
    generated_at="2026-10-28T09:01:02.000000Z",
    company_id="co",
    tags={"uid": "7"},
    connection_id="cn",
    platform_key="gbol",
    is_partner=False,
    status="Linked",
)


def event(**changes: Any) -> dict[str, Any]:
    """Build an event as Codat does; a change names a part at any depth, and None removes it."""
    content: dict[str, Any] = {
        "id": "ev",
        "eventType": "connection.connected",
        "generatedDate": "2026-10-28T09:01:02Z",
        "payload": {
            "referenceCompany": {"id": "co", "name": "Acme", "description": None, "tags": {"uid": "7"}},
            "connection": {"id": "cn", "status": "Linked", "integrationKey": "gbol", "sourceType": "Accounting"},
        },
    }
    for path, value in changes.items():
        *parents, name = path.split("__")
        part = content
        for parent in parents:
            part = part[parent]
        if value is None:
            del part[name]
        else:
            part[name] = value
    return content


def read(**changes: Any) -> ConnectionEvent:
    """Read an event that is readable."""
    result = read_event(event(**changes))
    assert result is not None
    return result


@pytest.mark.parametrize(
    ("kind", "in_body", "status"),
    [
        ("connected", "Linked", "Linked"),
        ("connected", "PendingAuth", "Linked"),
        ("reconnected", "Linked", "Linked"),
        ("reconnected", "Deauthorized", "Linked"),
        ("disconnected", "Deauthorized", "Deauthorized"),
        ("disconnected", "Unlinked", "Unlinked"),
        ("disconnected", "Linked", "Deauthorized"),
        ("disconnected", 7, "Deauthorized"),
        ("disconnected", None, "Deauthorized"),
        ("deleted", "Linked", "Deleted"),
        ("deleted", None, "Deleted"),
    ],
)
def test_the_type_determines_the_status(kind: str, in_body: object, status: str) -> None:
    """The body only names the kind of end; any other status in it is from before or after the event."""
    result = read(eventType=f"connection.{kind}", payload__connection__status=in_body)
    assert (result.type, result.status) == (f"connection.{kind}", status)


def test_everything_is_read() -> None:
    """Company, tags, connection, platform and time."""
    assert read_event(event()) == READ


@pytest.mark.parametrize(
    ("written", "generated_at"),
    [
        ("2026-10-28T09:01:02Z", "2026-10-28T09:01:02.000000Z"),
        ("2026-10-28T09:01:02", "2026-10-28T09:01:02.000000Z"),
        ("2026-10-28T09:01:02.5", "2026-10-28T09:01:02.500000Z"),
        ("2026-10-28T09:01:02.1234567Z", "2026-10-28T09:01:02.123456Z"),
        ("2026-10-28T10:01:02+01:00", "2026-10-28T09:01:02.000000Z"),
        ("2026-10-27T23:01:02.000001-10:00", "2026-10-28T09:01:02.000001Z"),
        ("0001-01-01T00:00:00", "0001-01-01T00:00:00.000000Z"),
    ],
)
def test_times_are_utc_with_fractions_that_sort_as_text(written: str, generated_at: str) -> None:
    """Codat writes times with a zone and without."""
    assert read(generatedDate=written).generated_at == generated_at


@pytest.mark.parametrize(
    ("source_type", "is_partner"), [("Accounting", False), ("Unknown", False), (None, False), ("Expense", True)]
)
def test_the_source_type_identifies_partner_connections(source_type: str | None, is_partner: bool) -> None:
    """A connection without one is an accounting connection, as in lists."""
    assert read(payload__connection__sourceType=source_type).is_partner is is_partner


@pytest.mark.parametrize(
    "changes",
    [
        {"eventType": None},
        {"eventType": "connection.bogus"},
        {"eventType": "client.rateLimit.reached"},
        {"eventType": ["connection.connected"]},
        {"eventType": {"a": 1}},
        {"generatedDate": None},
        {"generatedDate": "yesterday"},
        {"generatedDate": 1730106062},
        {"generatedDate": "0001-01-01T00:00:00+14:00"},
        {"payload": None},
        {"payload": []},
        {"payload": "connection"},
        {"payload__referenceCompany": None},
        {"payload__referenceCompany": "co"},
        {"payload__referenceCompany__id": None},
        {"payload__referenceCompany__id": ""},
        {"payload__referenceCompany__id": {"a": 1}},
        {"payload__referenceCompany__id": "\ud800"},
        {"payload__connection": None},
        {"payload__connection": [1]},
        {"payload__connection__id": None},
        {"payload__connection__id": 7},
        {"payload__connection__sourceType": "Banking"},
        {"payload__connection__sourceType": ["Accounting"]},
    ],
)
def test_any_other_event_is_ignored(changes: dict[str, Any]) -> None:
    """It is not about an accounting or expense connection, or it is unusable."""
    assert read_event(event(**changes)) is None


@pytest.mark.parametrize("content", [None, 1, "connection.connected", [], [1], {}, True])
def test_any_other_json_is_ignored(content: object) -> None:
    """A body may contain any JSON."""
    assert read_event(content) is None


@pytest.mark.parametrize(
    ("tags", "known"),
    [
        (None, {}),
        ([], {}),
        ("uid", {}),
        ({}, {}),
        ({"uid": "7", "a": None, "b": 1, "c": "\udfff", "d": {}}, {"uid": "7"}),
    ],
)
def test_tags_are_texts(tags: object, known: dict[str, str]) -> None:
    """A tag with another value counts as missing."""
    assert read(payload__referenceCompany__tags=tags).tags == known


@pytest.mark.parametrize(("key", "platform_key"), [(None, None), ("", None), (["gbol"], None), ("gbol", "gbol")])
def test_the_platform_is_a_text_or_unknown(key: object, platform_key: str | None) -> None:
    """The journal cannot store anything else."""
    assert read(payload__connection__integrationKey=key).platform_key == platform_key
