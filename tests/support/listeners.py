"""A listener in its own process, and events that are signed as Codat signs them."""

from __future__ import annotations

import json
import re
import signal
import socket
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from bulk.sandbox.options import WEBHOOK_SECRET
from bulk.sandbox.signing import key_of, signed_headers
from support.http_client import HTTP
from support.runs import BatchFixture, Codat, Ended, Process, until

SIGNING_KEY = key_of(WEBHOOK_SECRET)
PARTNER = "create_partner_expense_connection"


def free_port() -> int:
    """Return a free port."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


def event(
    kind: str = "connected",
    *,
    company: str = "no such company",
    connection: str = "no such connection",
    at: float | None = None,
    tags: Mapping[str, str] | None = None,
    **of_connection: object,
) -> bytes:
    """Return the body of an event."""
    moment = datetime.fromtimestamp(time.time() if at is None else at, UTC)
    content = {
        "id": str(uuid4()),
        "eventType": f"connection.{kind}",
        "generatedDate": moment.isoformat(),
        "payload": {
            "referenceCompany": {"id": company, "name": "Größe", "tags": dict(tags or {})},
            "connection": {"id": connection, "status": "Linked", "sourceType": "Accounting"} | of_connection,
        },
    }
    return json.dumps(content, ensure_ascii=False).encode()


def signed(body: bytes, *, seconds: float | None = None, key: bytes = SIGNING_KEY) -> dict[str, str]:
    """Return the headers that sign an event."""
    at = int(time.time() if seconds is None else seconds)
    return signed_headers(key, message_id=f"msg_{uuid4().hex}", seconds=at, body=body)


@dataclass
class Listener:
    """A running `bulk listen`."""

    process: Process
    url: str

    def post(self, body: bytes, headers: Mapping[str, str] | None = None) -> int:
        """Send an event, signed unless headers are given; return the status of the response."""
        answer = HTTP.post(self.url, content=body, headers=signed(body) if headers is None else headers, timeout=30)
        assert answer.headers.get("server") is None
        return answer.status_code

    def end(self, number: signal.Signals = signal.SIGTERM) -> Ended:
        """Stop the listener as a person or a service manager does."""
        self.process.send_signal(number)
        return self.wait()

    def wait(self) -> Ended:
        """Wait until the listener ends. Assert that it leaks no secret and reports no unexpected exception."""
        ended = self.process.wait()
        assert "Exception" not in ended.err, ended.err
        secret = WEBHOOK_SECRET.removeprefix("whsec_")
        assert secret not in ended.out + ended.err
        for path in self.process.fixture.folder.rglob("*"):
            assert not path.is_file() or secret.encode() not in path.read_bytes(), path
        return ended


def listening(fixture: BatchFixture, port: int, *options: str) -> Listener:
    """Start a listener, and wait until it prints its address."""
    process = fixture.start("--port", str(port), *options, command="listen")
    until(lambda: "Listening at" in process.stderr_so_far() or process.popen.poll() is not None, "it listens")
    found = re.search(r"Listening at (http\S+) for", process.stderr_so_far())
    assert found, process.stderr_so_far()
    return Listener(process, found[1])


def accepted(fixture: BatchFixture) -> int:
    """Count the events in the journal."""
    return int(fixture.query_journal("SELECT count(*) FROM deliveries")[0][0])


def in_state(fixture: BatchFixture, state: str) -> list[str]:
    """Return the ids of the customers that have this state in the journal."""
    query = f"SELECT customer_id FROM customers WHERE state = '{state}' ORDER BY seq"  # noqa: S608 - a test's own word
    return [row[0] for row in fixture.query_journal(query)]


def wait_for_state(fixture: BatchFixture, state: str, ids: Sequence[str]) -> None:
    """Wait until these customers, and no others, are in a state."""
    until(lambda: in_state(fixture, state) == list(ids), f"{state}: {ids}")


def partner_requests(codat: Codat) -> int:
    """Count the requests for a partner connection."""
    return int(codat.stats()["requests"].get(PARTNER, 0))


def webhooks(codat: Codat) -> dict[str, Any]:
    """Return the sandbox's events and their counts."""
    answer = HTTP.get(codat.base_url + "/_sandbox/webhooks", timeout=30)
    answer.raise_for_status()
    content: dict[str, Any] = answer.json()
    return content


def send_again(codat: Codat, *, seed: int | None) -> None:
    """Make the sandbox send all its events again: in order, or shuffled if there is a seed."""
    HTTP.post(codat.base_url + "/_sandbox/webhooks", json={"seed": seed}, timeout=30).raise_for_status()


def all_sent(codat: Codat) -> None:
    """Wait until the sandbox has sent all its events."""
    until(lambda: not webhooks(codat)["counts"].get("pending"), "all events are delivered")
