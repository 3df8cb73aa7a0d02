"""`listen` responds to anything, stores only events of Codat, and stays available to other senders."""

from __future__ import annotations

import errno
import json
import socket
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.listen_fixtures import batch_at
from support.listeners import Listener, accepted, free_port, listening, signed
from support.run_fixtures import unlimited
from support.runs import BatchFixture, Codat

from bulk.codat.webhooks import read_event
from bulk.sandbox.options import WEBHOOK_SECRET
from bulk.settings import Secret
from bulk.webhooks.receiver import MAX_BYTES, verifier
from fuzz.damage import damaged, odd
from fuzz.effort import share
from fuzz.test_responses import EVENT

__all__ = ["unlimited"]

SEEDS = st.integers(0, 2**32)
BODIES = st.binary(max_size=40) | st.builds(odd, st.just(EVENT), SEEDS)
IS_GENUINE = verifier(Secret(WEBHOOK_SECRET))
MAX_MEGABYTES = 400


@share(300)
@given(body=BODIES)
def test_any_body_is_an_event_that_can_be_stored_or_none(body: bytes) -> None:
    """Every text of an event can be encoded."""
    try:
        event = read_event(json.loads(body.decode()))
    except (ValueError, RecursionError):
        return
    if event is not None:
        texts = [event.type, event.generated_at, event.company_id, event.connection_id, event.status]
        for text in (*texts, event.platform_key or "", *event.tags.values()):
            assert text.encode().decode() == text


@share(200)
@given(
    body=BODIES,
    headers=st.dictionaries(
        st.sampled_from(["webhook-id", "webhook-timestamp", "webhook-signature"]),
        st.text(max_size=20) | st.sampled_from(["v1,", "v1,²", "9" * 5000, "nan", "-1", "٣", "v1,AAAA " * 99]),
    ),
)
def test_no_headers_but_codats_own_make_an_event_genuine(body: bytes, headers: dict[str, str]) -> None:
    """Headers with any other content do not pass."""
    assert not IS_GENUINE(body, headers)


@pytest.fixture(scope="module")
def at_work(tmp_path_factory: pytest.TempPathFactory, unlimited: Codat) -> Iterator[tuple[Listener, BatchFixture]]:
    """Start a listener for all tests of this file; check its memory, its exit code and its journal at the end."""
    fixture, _ = batch_at(tmp_path_factory.mktemp("nonsense") / "fixture", unlimited)
    listener = listening(fixture, free_port())
    yield listener, fixture
    assert megabytes(listener) < MAX_MEGABYTES
    ended = listener.end()
    assert ended.code == 130
    assert accepted(fixture) == 0


def megabytes(listener: Listener) -> int:
    """Return a listener's peak memory in megabytes; 0 where the system does not show it (only Linux does)."""
    status = Path(f"/proc/{listener.process.pid()}/status")
    lines = status.read_text().splitlines() if status.exists() else []
    return next((int(line.split()[1]) // 1024 for line in lines if line.startswith("VmHWM")), 0)


def delivery(body: bytes, **headers: str) -> bytes:
    """Return the bytes of a delivery. It is signed; `headers` replace the default ones."""
    fields = {"Host": "x", "Content-Length": str(len(body))} | signed(body) | headers
    return b"POST / HTTP/1.1\r\n" + "".join(f"{k}: {v}\r\n" for k, v in fields.items()).encode() + b"\r\n" + body


def answer(listener: Listener, content: bytes, *, seconds: float = 15.0) -> bytes:
    """Send bytes and close the sending side; return the response."""
    host, port = listener.url.removeprefix("http://").rstrip("/").split(":")
    with suppress(ConnectionError), socket.create_connection((host, int(port)), timeout=seconds) as line:
        line.sendall(content)
        try:
            line.shutdown(socket.SHUT_WR)
        except OSError as error:
            if error.errno != errno.ENOTCONN:  # it has closed first; its response can still be read
                raise
        return line.recv(2**16)
    return b""


@share(40)
@given(seed=SEEDS)
def test_any_bytes_at_the_port_are_answered_or_dropped(at_work: tuple[Listener, BatchFixture], seed: int) -> None:
    """A signed delivery that is damaged on its way never causes a 500."""
    response = answer(at_work[0], damaged(delivery(json.dumps(EVENT).encode()), seed))
    assert b" 500 " not in response.split(b"\r\n")[0]


@share(20)
@given(body=BODIES)
def test_any_signed_body_is_answered(at_work: tuple[Listener, BatchFixture], body: bytes) -> None:
    """It is accepted and ignored, or rejected."""
    assert at_work[0].post(body) in (204, 400, 401)


def test_many_idle_or_endless_connections_do_not_block_an_event(at_work: tuple[Listener, BatchFixture]) -> None:
    """Connections stay half-open, lack their body, or send without end; a signed event is still answered."""
    listener, _ = at_work
    host, port = listener.url.removeprefix("http://").rstrip("/").split(":")
    with ExitStack() as lines:
        for number in range(150):
            line = lines.enter_context(socket.create_connection((host, int(port)), timeout=15))
            with suppress(ConnectionError):
                head = delivery(b"", **{"Content-Length": str(10**12)})
                line.sendall((b"", b"POST / HT", head, head + b"x" * 4096)[number % 4])
        flood = lines.enter_context(socket.create_connection((host, int(port)), timeout=15))
        with suppress(ConnectionError):
            flood.sendall(delivery(b"", **{"Content-Length": str(10**9)}) + b"x" * (3 * MAX_BYTES))
        assert listener.post(b"{}") == 204  # although all of these are open
        with suppress(ConnectionError):
            assert flood.recv(100).split(b" ")[1] == b"413"
