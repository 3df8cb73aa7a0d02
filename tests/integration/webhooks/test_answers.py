"""The listener's responses. Only events that Codat signed get into the journal."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator

import httpx
import pytest
from support.http_client import HTTP, TLS
from support.listen_fixtures import batch_at
from support.listeners import PARTNER, Listener, accepted, event, in_state, listening, signed
from support.runs import BatchFixture, Codat, until


@pytest.fixture(scope="module")
def at_work(
    tmp_path_factory: pytest.TempPathFactory, sending: Codat, port: int
) -> Iterator[tuple[Listener, BatchFixture]]:
    """Return the listener that all tests of this file share, at the sandbox's port, and its batch."""
    fixture, _ = batch_at(tmp_path_factory.mktemp("answers") / "fixture", sending)
    listener = listening(fixture, port, "--timeout", "240")
    yield listener, fixture
    listener.end()


@pytest.fixture
def listener(at_work: tuple[Listener, BatchFixture]) -> Iterator[Listener]:
    """Return the listener. Assert at the end that the test added nothing to the journal."""
    listener, fixture = at_work
    before = accepted(fixture)
    yield listener
    assert accepted(fixture) == before


def of_customer(fixture: BatchFixture, number: int = 1, kind: str = "connected", **parts: object) -> bytes:
    """Return an event about one of the customers."""
    sql = f"SELECT company_id, connection_id, tag, customer_id FROM customers WHERE seq = {number}"  # noqa: S608 - a number
    ((company, connection, tag, customer_id),) = fixture.query_journal(sql)
    tags = {"uid": customer_id, "bulk_uid": tag}
    known = {"company": company, "connection": connection, "tags": tags}
    return event(kind, **(known | parts))


def test_an_event_not_signed_by_codat_gets_a_401(listener: Listener, at_work: tuple[Listener, BatchFixture]) -> None:
    """Forged, unsigned, too old, too early, changed or malformed: each is refused, and the journal stays the same."""
    body = of_customer(at_work[1])
    good = signed(body)
    now = time.time()
    forged = {
        "another secret": signed(body, key=b"another secret of 24 byte"),
        "ten minutes old": signed(body, seconds=now - 600),
        "ten minutes early": signed(body, seconds=now + 600),
        "another body": signed(body + b" "),
        "another number": good | {"webhook-id": "msg_another"},
        "another time": good | {"webhook-timestamp": str(int(now) - 1)},
        "no time": good | {"webhook-timestamp": "now"},
        "a time that is not a number": good | {"webhook-timestamp": "nan"},
        "an infinite time": good | {"webhook-timestamp": "1e999"},
        "no version": good | {"webhook-signature": good["webhook-signature"].removeprefix("v1,")},
        "another version": good | {"webhook-signature": "v2" + good["webhook-signature"][2:]},
        "not base64": good | {"webhook-signature": "v1,%%%"},
        "nothing": good | {"webhook-signature": "v1,"},
        "many signatures": good | {"webhook-signature": " ".join(["v1,AAAA"] * 500)},
        "none": {},
    }
    for name in good:
        forged[f"without {name}"] = {other: value for other, value in good.items() if other != name}
        forged[f"empty {name}"] = good | {name: ""}
    for what, headers in forged.items():
        assert listener.post(body, headers) == 401, what
    for name in good:
        for raw in (b"\xc3\xa9", b"v1,\xff\xfe"):
            odd = [(k.encode(), raw if k == name else v.encode()) for k, v in good.items()]
            assert HTTP.post(listener.url, content=body, headers=odd).status_code == 401
    assert listener.post(b"\xff\xfe", signed(b"\xff\xfe")) == 401  # not UTF-8: the library cannot read it


def test_one_good_signature_of_several_is_enough(at_work: tuple[Listener, BatchFixture]) -> None:
    """While a secret is replaced, the old and the new one both sign."""
    listener, fixture = at_work
    body = of_customer(fixture, kind="disconnected", status="Unlinked")
    before, headers = accepted(fixture), signed(body)
    several = headers | {"webhook-signature": f"v1,AAAA v2,BBBB {headers['webhook-signature']}"}
    assert listener.post(body, several) == 204
    assert listener.post(body, several) == 204
    assert accepted(fixture) == before + 1


@pytest.mark.parametrize(
    "body", [b"", b"{", b"hello", b"[" * 200_000, b"9" * 5000, b"[9" * 100, b"\xef\xbb\xbf{}", b"{\0}\0"]
)
def test_a_signed_event_that_is_not_json_gets_a_400(listener: Listener, body: bytes) -> None:
    """bulk cannot read any of it."""
    assert listener.post(body) == 400


@pytest.mark.parametrize(
    "body",
    [
        b"null",
        b"[]",
        b"NaN",
        b'{"eventType": []}',
        b'{"eventType": "connection.connected"}',
        b'{"eventType": "connection.connected", "generatedDate": "0001-01-01T00:00:00+14:00", "payload": {}}',
        event("bogus"),
        event(company="\\ud800").replace(b"\\\\", b"\\"),
        event(tags={"bulk_uid": "f" * 32, "uid": "of another batch"}),
        event(),
        event(sourceType="Banking"),
    ],
)
def test_a_signed_event_about_something_else_is_accepted_and_ignored(listener: Listener, body: bytes) -> None:
    """Unknown kinds, other batches' companies, companies without tags: Codat need not repeat the event."""
    assert listener.post(body) == 204


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "PATCH", "OPTIONS"])
def test_only_post_is_allowed(listener: Listener, method: str) -> None:
    """Other methods get a 405."""
    for path in ("", "codat", "a/b?c=d"):
        assert HTTP.request(method, listener.url + path).status_code == 405


def test_any_path_accepts_events(at_work: tuple[Listener, BatchFixture]) -> None:
    """A proxy before the listener may use any path."""
    listener, fixture = at_work
    before = accepted(fixture)
    for path in ("", "codat", "a/b?c=d"):
        body = of_customer(fixture, kind="disconnected", status="Unlinked")
        assert HTTP.post(listener.url + path, content=body, headers=signed(body)).status_code == 204
    assert accepted(fixture) == before + 3


def test_a_body_that_is_too_long_gets_a_413(listener: Listener) -> None:
    """The listener does not read it to its end, with or without a Content-Length."""
    body = b'{"a": "' + b"a" * 1_500_000 + b'"}'
    assert listener.post(body) == 413
    chunks = (b"a" * 10_000 for _ in range(150))
    assert HTTP.post(listener.url, content=chunks, headers=signed(b"")).status_code == 413


def test_a_client_that_hangs_up_does_no_harm(listener: Listener) -> None:
    """It sends half a request, half a body, or bytes that are not HTTP."""
    address = ("127.0.0.1", int(listener.url.rsplit(":")[-1].strip("/")))
    for data in (b"POST / HT", b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc", b"\x16\x03\x01\x02\x00"):
        with socket.create_connection(address) as line:
            line.sendall(data)
    assert listener.post(b"null") == 204


def test_events_are_accepted_while_partner_connections_are_created(
    at_work: tuple[Listener, BatchFixture], codat: Codat
) -> None:
    """A round that waits for Codat does not delay the responses. Each accepted event is on the disk."""
    listener, fixture = at_work
    with codat.holding(after=0, operation=PARTNER) as wait_until_held:
        ids = [row[0] for row in fixture.query_journal("SELECT customer_id FROM customers WHERE seq > 1")]
        before = accepted(fixture) + len(ids)
        codat.authorize(ids)
        wait_until_held()
        until(lambda: accepted(fixture) == before, "the events of all these customers")
        with httpx.Client(timeout=30, verify=TLS) as client:
            for number in range(1, 51):
                body = of_customer(fixture, kind="disconnected", status="Unlinked")
                assert client.post(listener.url, content=body, headers=signed(body)).status_code == 204
                assert accepted(fixture) == before + number
        assert in_state(fixture, "complete") == []
    until(lambda: len(in_state(fixture, "complete")) == 2, "both are complete")


def test_two_listeners_do_not_share_a_port(at_work: tuple[Listener, BatchFixture]) -> None:
    """The second one ends with an error and exit code 2."""
    listener, fixture = at_work
    port = listener.url.rsplit(":")[-1].strip("/")
    ended = fixture.start("--port", port, command="listen").wait()
    assert ended.code == 2
    assert f"Port {port} cannot be used" in ended.err
    assert "Listening" not in ended.err
