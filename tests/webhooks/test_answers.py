"""What a listener answers, and that only what Codat has signed gets into the journal."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from statistics import median

import httpx
import pytest
from runs.fixture import BatchFixture, Codat, until

from webhooks.conftest import edge_of
from webhooks.hooks import PARTNER, Listener, event, in_state, listening, signed, taken


@pytest.fixture(scope="module")
def at_work(
    tmp_path_factory: pytest.TempPathFactory, sending: Codat, port: int
) -> Iterator[tuple[Listener, BatchFixture]]:
    """Return a listener, at the sandbox's port, to all tests here."""
    fixture, _ = edge_of(tmp_path_factory.mktemp("answers") / "fixture", sending)
    listener = listening(fixture, port)
    yield listener, fixture
    listener.end()


@pytest.fixture
def listener(at_work: tuple[Listener, BatchFixture]) -> Iterator[Listener]:
    """Return the listener to a test after which nothing new may be in the journal."""
    listener, fixture = at_work
    before = taken(fixture)
    yield listener
    assert taken(fixture) == before


def of_customer(fixture: BatchFixture, number: int = 1, kind: str = "connected", **parts: object) -> bytes:
    """Write an event about one of the customers."""
    sql = f"SELECT company_id, connection_id, tag, customer_id FROM customers WHERE seq = {number}"  # noqa: S608 - a number
    ((company, connection, tag, customer_id),) = fixture.asked(sql)
    tags = {"uid": customer_id, "bulk_uid": tag}
    known = {"company": company, "connection": connection, "tags": tags}
    return event(kind, **(known | parts))


def test_what_is_not_signed_by_codat_is_401(listener: Listener, at_work: tuple[Listener, BatchFixture]) -> None:
    """Forged, bare, old, early, changed, cut, garbled: each is refused, and none is written down."""
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
        "a time that is none": good | {"webhook-timestamp": "nan"},
        "an endless time": good | {"webhook-timestamp": "1e999"},
        "no version": good | {"webhook-signature": good["webhook-signature"].removeprefix("v1,")},
        "another version": good | {"webhook-signature": "v2" + good["webhook-signature"][2:]},
        "no base64": good | {"webhook-signature": "v1,%%%"},
        "nothing": good | {"webhook-signature": "v1,"},
        "much": good | {"webhook-signature": " ".join(["v1,AAAA"] * 500)},
        "none": {},
    }
    for name in good:
        forged[f"without {name}"] = {other: value for other, value in good.items() if other != name}
        forged[f"empty {name}"] = good | {name: ""}
    for what, headers in forged.items():
        assert listener.take(body, headers) == 401, what
    for name in good:
        for raw in (b"\xc3\xa9", b"v1,\xff\xfe"):
            odd = [(k.encode(), raw if k == name else v.encode()) for k, v in good.items()]
            assert httpx.post(listener.url, content=body, headers=odd).status_code == 401
    assert listener.take(b"\xff\xfe", signed(b"\xff\xfe")) == 401  # no text: the library cannot read it


def test_one_good_signature_of_several_is_enough(at_work: tuple[Listener, BatchFixture]) -> None:
    """A secret that is being replaced signs together with the new one."""
    listener, fixture = at_work
    body = of_customer(fixture, kind="disconnected", status="Unlinked")
    before, headers = taken(fixture), signed(body)
    several = headers | {"webhook-signature": f"v1,AAAA v2,BBBB {headers['webhook-signature']}"}
    assert listener.take(body, several) == 204
    assert listener.take(body, several) == 204
    assert taken(fixture) == before + 1


@pytest.mark.parametrize(
    "body", [b"", b"{", b"hello", b"[" * 200_000, b"9" * 5000, b"[9" * 100, b"\xef\xbb\xbf{}", b"{\0}\0"]
)
def test_what_is_signed_and_no_json_is_400(listener: Listener, body: bytes) -> None:
    """Nothing of it can be read."""
    assert listener.take(body) == 400


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
def test_what_is_signed_and_none_of_ours_is_taken_and_forgotten(listener: Listener, body: bytes) -> None:
    """Codat need not repeat it: unknown kinds, other batches' companies, companies without tags."""
    assert listener.take(body) == 204


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "PATCH", "OPTIONS"])
def test_only_post_is_answered(listener: Listener, method: str) -> None:
    """A GET says so."""
    for path in ("", "codat", "a/b?c=d"):
        assert httpx.request(method, listener.url + path).status_code == 405


def test_any_path_takes_events(at_work: tuple[Listener, BatchFixture]) -> None:
    """The proxy before it may pass on whichever."""
    listener, fixture = at_work
    before = taken(fixture)
    for path in ("", "codat", "a/b?c=d"):
        body = of_customer(fixture, kind="disconnected", status="Unlinked")
        assert httpx.post(listener.url + path, content=body, headers=signed(body)).status_code == 204
    assert taken(fixture) == before + 3


def test_a_body_that_is_too_long_is_not_read_to_its_end(listener: Listener) -> None:
    """Neither with a length said before nor in chunks without."""
    body = b'{"a": "' + b"a" * 1_500_000 + b'"}'
    assert listener.take(body) == 413
    chunks = (b"a" * 10_000 for _ in range(150))
    assert httpx.post(listener.url, content=chunks, headers=signed(b"")).status_code == 413


def test_who_hangs_up_leaves_nothing_behind(listener: Listener) -> None:
    """Half a request, half a body, and rubbish that is no HTTP."""
    address = ("127.0.0.1", int(listener.url.rsplit(":")[-1].strip("/")))
    for said in (b"POST / HT", b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc", b"\x16\x03\x01\x02\x00"):
        with socket.create_connection(address) as line:
            line.sendall(said)
    assert listener.take(b"null") == 204


def test_answers_come_in_milliseconds_while_partner_connections_are_made(
    at_work: tuple[Listener, BatchFixture], codat: Codat
) -> None:
    """Sanity, no benchmark: half of the answers within 50 ms, each of a new event that is on the disk."""
    listener, fixture = at_work
    codat.inject_faults({"kind": "slow", "operations": [PARTNER], "seconds": 1.5})
    codat.authorize([row[0] for row in fixture.asked("SELECT customer_id FROM customers WHERE seq > 1")])
    until(lambda: codat.struck() > 0, "a round is at work")
    before, took = taken(fixture), []
    with httpx.Client() as client:
        for _ in range(50):
            body = of_customer(fixture, kind="disconnected", status="Unlinked")
            began = time.perf_counter()
            assert client.post(listener.url, content=body, headers=signed(body)).status_code == 204
            took.append(time.perf_counter() - began)
    assert taken(fixture) == before + len(took)
    assert median(took) < 0.05
    assert max(took) < 5
    until(lambda: len(in_state(fixture, "complete")) == 2, "both are complete")


def test_two_listeners_do_not_share_a_port(at_work: tuple[Listener, BatchFixture]) -> None:
    """The second one says so at once, with 2."""
    listener, fixture = at_work
    port = listener.url.rsplit(":")[-1].strip("/")
    ended = fixture.start("--port", port, command="listen").wait()
    assert ended.code == 2
    assert f"Port {port} cannot be used" in ended.err
    assert "Listening" not in ended.err
