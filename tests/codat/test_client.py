"""What becomes of a request on the wire: real sockets, a server that answers what each case says, byte for byte."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import anyio
import pytest
import trustme

from bulk.codat import responses
from bulk.codat.client import MAX_BYTES, Client
from bulk.codat.endpoints import Request
from bulk.codat.responses import Reply
from bulk.errors import UsageError
from bulk.model import Outcome
from bulk.settings import Settings

ASK = Request("create_company", "POST", "/companies", '{"name": "A"}')
BODY = b'{"id": "1"}'
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\n" + BODY
ZIPPED = gzip.compress(BODY)
HANG_UP = b"hang up"


@dataclass
class Server:
    """A server on loopback: the first connection's first request gets `first`, all others get OK."""

    first: bytes = OK
    connections: int = 0
    requests: list[bytes] = field(default_factory=list)
    port: int = 0
    has_hung_up: anyio.Event = field(default_factory=anyio.Event)
    _at_work: dict[asyncio.Task[None] | None, asyncio.StreamWriter] = field(default_factory=dict)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer the requests of one connection until either side ends it."""
        self._at_work[asyncio.current_task()] = writer
        self.connections += 1
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                self.requests.append(head + await reader.readexactly(_length(head)))
                answer = self.first if len(self.requests) == 1 else OK
                writer.write(answer.removesuffix(HANG_UP))
                await writer.drain()
                if answer.endswith(HANG_UP):
                    break
        writer.close()
        await writer.wait_closed()
        self.has_hung_up.set()

    async def end(self) -> None:
        """End all connections."""
        for writer in self._at_work.values():
            writer.transport.abort()
        await asyncio.gather(*(task for task in self._at_work if task), return_exceptions=True)


def _length(head: bytes) -> int:
    lines = head.lower().split(b"\r\n")
    return next((int(line[15:]) for line in lines if line.startswith(b"content-length:")), 0)


@asynccontextmanager
async def serving(first: bytes = OK, *, tls: ssl.SSLContext | None = None) -> AsyncIterator[Server]:
    """Run a server."""
    server = Server(first)
    listening = await asyncio.start_server(server.serve, "127.0.0.1", 0, ssl=tls)
    server.port = listening.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        listening.close()
        await server.end()


def settings(port: int, *, scheme: str = "http", timeout: float = 20.0) -> Settings:
    """Give the settings of a client of that server."""
    url = f"{scheme}://127.0.0.1:{port}"
    return Settings.make(api_key="test", base_url=url, timeout=timeout, concurrency=1, environ={})


async def asked(server: Server, times: int = 1, *, patience: float = 20.0) -> list[Reply]:
    """Send so many requests, one after the other."""
    async with Client(settings(server.port, timeout=patience)) as client:
        return [await client.send(ASK, key="a-key") for _ in range(times)]


async def asked_through(port: int, monkeypatch: pytest.MonkeyPatch) -> Reply:
    """Send a request to a Codat to which only the environment's proxy, on this port, knows a way."""
    monkeypatch.setenv("HTTPS_PROXY", f"127.0.0.1:{port}")
    async with Client(Settings.make(api_key="test", base_url="https://codat.invalid", environ={})) as client:
        return await client.send(ASK)


def run(story: Callable[[], Awaitable[None]]) -> None:
    """Tell a story in a loop of its own."""
    anyio.run(story)


def test_a_request_is_written_whole_and_its_connection_is_kept() -> None:
    """Head, headers and body, and the second request on the same connection as the first."""

    async def story() -> None:
        async with serving() as server:
            replies = await asked(server, 2)
        assert [reply.content for reply in replies] == [{"id": "1"}] * 2
        assert server.connections == 1
        head, _, body = server.requests[0].partition(b"\r\n\r\n")
        first, *lines = head.split(b"\r\n")
        headers = {name.lower(): value for name, _, value in (line.partition(b": ") for line in lines)}
        assert first == b"POST /companies HTTP/1.1"
        assert headers[b"host"] == b"127.0.0.1:%d" % server.port
        assert headers[b"idempotency-key"] == b"a-key"
        assert headers[b"content-type"] == b"application/json"
        assert headers[b"authorization"].startswith(b"Basic ")
        assert body == b'{"name": "A"}'

    run(story)


def test_a_path_of_the_base_url_stays_in_front() -> None:
    """Codat behind a gateway."""

    async def story() -> None:
        async with serving() as server:
            url = f"http://127.0.0.1:{server.port}/codat/"
            async with Client(Settings.make(api_key="test", base_url=url, environ={})) as client:
                await client.send(ASK)
        assert server.requests[0].startswith(b"POST /codat/companies HTTP/1.1\r\n")

    run(story)


WHOLE = {
    "with its length": OK,
    "in chunks": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\n" + BODY[:4] + b"\r\n7\r\n" + BODY[4:]
    + b"\r\n0\r\n\r\n",
    "up to the end of its connection": b"HTTP/1.1 200 OK\r\n\r\n" + BODY + HANG_UP,
    "of HTTP/1.0": b"HTTP/1.0 200 OK\r\nContent-Length: 11\r\n\r\n" + BODY,
    "after one of its own": b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + OK,
    "zipped": b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(ZIPPED) + ZIPPED,
    "called zipped, which it is not": OK.replace(b"\r\n\r\n", b"\r\nContent-Encoding: gzip\r\n\r\n"),
    "and the connection is closed": OK.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"),
}  # fmt: skip


@pytest.mark.parametrize("answer", WHOLE.values(), ids=WHOLE)
def test_an_answer_that_is_whole_is_read(answer: bytes) -> None:
    """However its end is told; and the next request finds a connection that is good."""

    async def story() -> None:
        async with serving(answer) as server:
            replies = await asked(server, 2)
        assert [(reply.outcome, reply.content) for reply in replies] == [(Outcome.DONE, {"id": "1"})] * 2

    run(story)


def test_a_connection_that_the_other_side_has_ended_is_not_used_again() -> None:
    """Not even where this process has not looked at it since: a request would be lost on it."""

    async def story() -> None:
        async with serving(OK + HANG_UP) as server, Client(settings(server.port)) as client:
            await client.send(ASK)
            await server.has_hung_up.wait()
            second = await client.send(ASK)
        assert second.outcome is Outcome.DONE
        assert server.connections == 2

    run(story)


BROKEN = {
    "nothing": HANG_UP,
    "half a head": OK[:20] + HANG_UP,
    "half a body": OK[:-3] + HANG_UP,
    "half a chunk": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\n" + BODY[:4] + HANG_UP,
    "no last chunk": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nB\r\n" + BODY + b"\r\n" + HANG_UP,
    "no HTTP": b"SSH-2.0-OpenSSH_9.2\r\n",
    "HTML without a head": b"<html>sorry</html>",
    "a length that is none": b"HTTP/1.1 200 OK\r\nContent-Length: eleven\r\n\r\n" + BODY,
    "two lengths": b"HTTP/1.1 200 OK\r\nContent-Length: 11\r\nContent-Length: 12\r\n\r\n" + BODY,
    "a chunk that is none": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
    "another protocol": b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: h2c\r\n\r\n",
    "a head without end": b"HTTP/1.1 200 OK\r\n" + b"X-More: and more\r\n" * 20_000,
    "hints without end": b"HTTP/1.1 103 Early Hints\r\n\r\n" * 20_000,
    "more than anybody asks for": b"HTTP/1.1 200 OK\r\n\r\n" + bytes(MAX_BYTES + 1),
    "a body that is half zipped": b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 20\r\n\r\n"
    + ZIPPED[:20],
    "a body that no memory holds": b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n"
    + gzip.compress(b"[" * (MAX_BYTES + 1)) + HANG_UP,
    "a body that is zipped twice": b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip, gzip\r\n\r\n"
    + gzip.compress(ZIPPED) + HANG_UP,
    "a body that is no text": OK.replace(BODY, b'{"id":"\xff1"}'),
    "a coding that was not asked for": OK.replace(b"\r\n\r\n", b"\r\nContent-Encoding: br\r\n\r\n").replace(
        BODY, b"?" * 11
    ),
}  # fmt: skip


@pytest.mark.parametrize("answer", BROKEN.values(), ids=BROKEN)
def test_a_request_that_has_left_is_in_doubt_however_its_answer_breaks(answer: bytes) -> None:
    """LOST, never UNSENT: Codat may have done it. And the next request has a connection of its own."""

    async def story() -> None:
        async with serving(answer) as server:
            first, second = await asked(server, 2)
        assert first.outcome is Outcome.UNKNOWN
        assert first.problem is not None
        assert second.outcome is Outcome.DONE

    run(story)


def test_an_answer_that_nobody_asked_for_is_not_taken_for_the_next() -> None:
    """Two answers to one request: the second one must not become another company's."""
    other = OK.replace(b'"1"', b'"2"')

    async def story() -> None:
        async with serving(OK + other) as server:
            replies = await asked(server, 2)
        assert [reply.content for reply in replies] == [{"id": "1"}] * 2
        assert server.connections == 2

    run(story)


COOKIES = [
    b"a=\xff",  # which cannot be sent back
    b"a=b; expires=Mon, 01 Jan 0001 00:00:00 GMT",  # of a time before all times
    b"a=b; Version=1; Max-Age=x",
]


@pytest.mark.parametrize("cookie", COOKIES)
def test_no_cookie_is_kept(cookie: bytes) -> None:
    """One with odd letters, from whatever stands in between, made every later request fail."""

    async def story() -> None:
        async with serving(OK.replace(b"\r\n\r\n", b"\r\nSet-Cookie: " + cookie + b"\r\n\r\n")) as server:
            replies = await asked(server, 2)
        assert [reply.outcome for reply in replies] == [Outcome.DONE] * 2
        assert b"cookie" not in server.requests[1].lower()

    run(story)


@pytest.mark.parametrize("to", [b"http://[::1", b"data:,x", b"https://elsewhere.example.com/"])
def test_a_redirect_is_not_followed(to: bytes) -> None:
    """Wherever it leads, and be it to no address: the run stops, and nothing goes there."""

    async def story() -> None:
        answer = b"HTTP/1.1 302 Found\r\nContent-Length: 0\r\nLocation: " + to + b"\r\n\r\n"
        async with serving(answer) as server:
            (reply,) = await asked(server)
        assert reply.outcome is Outcome.FATAL
        assert len(server.requests) == 1

    run(story)


def test_a_connection_that_was_refused_sent_nothing() -> None:
    """UNSENT: nothing has left this machine."""

    async def story() -> None:
        async with serving() as server:
            pass  # it has gone
        (reply,) = await asked(server)
        assert reply.outcome is Outcome.NOT_SENT

    run(story)


def test_a_host_that_nobody_knows_sent_nothing() -> None:
    """Nor one whose name cannot be one."""

    async def story(host: str) -> None:
        made = Settings.make(api_key="test", base_url=f"https://{host}", environ={})
        async with Client(made) as client:
            assert (await client.send(ASK)).outcome is Outcome.NOT_SENT

    anyio.run(story, "nobody.invalid")
    anyio.run(story, "n" * 70 + ".invalid")


def test_silence_ends_after_the_timeout_and_is_a_doubt() -> None:
    """A server that takes the request and says nothing."""

    async def story() -> None:
        async with serving(b"") as server:
            (reply,) = await asked(server, patience=0.2)
        assert reply.outcome is Outcome.UNKNOWN
        assert reply.problem is not None
        assert reply.problem.text == "no response within 0.2 seconds"

    run(story)


def test_an_answer_that_drips_ends_after_twice_the_timeout() -> None:
    """Each byte comes in time, and there is no end to them."""

    async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nX-More: ")
        while not writer.is_closing():
            writer.write(b"x")
            await anyio.sleep(0.05)
        writer.close()
        ended.set()

    async def story() -> None:
        listening = await asyncio.start_server(drip, "127.0.0.1", 0)
        async with Client(settings(listening.sockets[0].getsockname()[1], timeout=0.4)) as client:
            reply = await client.send(ASK)
        await ended.wait()
        listening.close()
        assert reply.outcome is Outcome.UNKNOWN
        assert reply.problem is not None
        assert reply.problem.text == "no complete response within 0.8 seconds"

    ended = anyio.Event()
    run(story)


def test_tls_is_spoken_and_the_certificate_is_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    """With an authority that is trusted the request arrives; with another one nothing leaves."""
    authority = trustme.CA()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(context)

    async def story() -> None:
        async with serving(tls=context) as server:
            async with Client(settings(server.port, scheme="https")) as client:
                stranger = await client.send(ASK)
            with authority.cert_pem.tempfile() as trusted:
                monkeypatch.setenv("SSL_CERT_FILE", trusted)
                async with Client(settings(server.port, scheme="https")) as client:
                    replies = [await client.send(ASK) for _ in range(2)]
        assert stranger.outcome is Outcome.NOT_SENT
        assert stranger.problem is not None
        assert stranger.problem.code == responses.UNTRUSTED
        assert "127.0.0.1 is not trusted: unable to get local issuer certificate" in stranger.problem.text
        assert [reply.outcome for reply in replies] == [Outcome.DONE] * 2
        assert len(server.requests) == 2

    run(story)


class HangsUp(asyncio.Protocol):
    """Closes each connection at once."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Close it."""
        transport.close()


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_tls_peer_that_closes_after_the_handshake_is_reported_as_that(
    monkeypatch: pytest.MonkeyPatch, version: ssl.TLSVersion
) -> None:
    """With TLS 1.2 the close arrives with the end of the handshake; with 1.3 the request may have left before it."""
    authority = trustme.CA()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.maximum_version = version
    authority.issue_cert("127.0.0.1").configure_cert(context)

    async def story() -> None:
        listening = await asyncio.get_running_loop().create_server(HangsUp, "127.0.0.1", 0, ssl=context)
        port = listening.sockets[0].getsockname()[1]
        async with listening, Client(settings(port, scheme="https")) as client:
            replies = [await client.send(ASK) for _ in range(5)]
        for reply in replies:
            assert reply.problem is not None
            assert reply.problem.text.endswith("the server closed the connection")
            assert reply.outcome in (Outcome.NOT_SENT, Outcome.UNKNOWN)
            assert reply.outcome is Outcome.NOT_SENT or version is ssl.TLSVersion.TLSv1_3

    with authority.cert_pem.tempfile() as trusted:
        monkeypatch.setenv("SSL_CERT_FILE", trusted)
        run(story)


@pytest.mark.parametrize("content", [None, b"no certificate"])
def test_certificates_that_cannot_be_read_are_said_before_anything_is_sent(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, content: bytes | None
) -> None:
    """With the name of what to mend."""
    file = tmp_path / "authority.pem"
    if content is not None:
        file.write_bytes(content)
    monkeypatch.setenv("SSL_CERT_FILE", str(file))
    with pytest.raises(UsageError, match="SSL_CERT_FILE"):
        Client(Settings.make(api_key="test", base_url="https://codat.invalid", environ={}))


def test_a_proxy_of_the_environment_is_asked_for_the_way(monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy that does not let it through: nothing has reached Codat."""

    async def story() -> None:
        refusal = b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n"
        async with serving(refusal) as server:
            reply = await asked_through(server.port, monkeypatch)
        assert reply.outcome is Outcome.NOT_SENT
        assert reply.problem is not None
        assert f"no connection through the environment's proxy 127.0.0.1:{server.port}" in reply.problem.text
        assert server.requests[0].startswith(b"CONNECT codat.invalid:443 HTTP/1.1\r\n")

    run(story)


@pytest.mark.parametrize("answer", [HANG_UP, b"nonsense\r\n\r\n", b"HTTP/1.1 200 OK\r\n\r\nno TLS" + HANG_UP])
def test_what_a_proxy_has_kept_for_itself_has_not_left(monkeypatch: pytest.MonkeyPatch, answer: bytes) -> None:
    """Until the way is open nothing is sent on it; the proxy is named, which is what has to be looked at."""

    async def story() -> None:
        async with serving(answer) as server:
            reply = await asked_through(server.port, monkeypatch)
        assert reply.outcome is Outcome.NOT_SENT
        assert reply.problem is not None
        assert f"through the environment's proxy 127.0.0.1:{server.port}" in reply.problem.text

    run(story)


def test_what_went_through_a_proxy_and_got_no_answer_may_have_been_done(monkeypatch: pytest.MonkeyPatch) -> None:
    """The way was open, and the request has gone it."""
    authority = trustme.CA()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("codat.invalid").configure_cert(context)
    came: list[bytes] = []

    async def tunnel(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        await writer.start_tls(context)
        came.append(await reader.readuntil(b"\r\n\r\n"))
        writer.transport.abort()

    async def story() -> None:
        async with await asyncio.start_server(tunnel, "127.0.0.1", 0) as server:
            reply = await asked_through(server.sockets[0].getsockname()[1], monkeypatch)
        assert reply.outcome is Outcome.UNKNOWN
        assert came[0].startswith(b"POST /companies HTTP/1.1\r\nHost: codat.invalid\r\n")

    with authority.cert_pem.tempfile() as trusted:
        monkeypatch.setenv("SSL_CERT_FILE", trusted)
        run(story)


def test_a_proxy_does_not_lead_to_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """The stand-in is reached without it, and so is a host of NO_PROXY."""

    async def story() -> None:
        async with serving() as server:
            monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
            (reply,) = await asked(server)
        assert reply.outcome is Outcome.DONE

    run(story)


@pytest.mark.parametrize("named", ["socks5://127.0.0.1:1080", "ftp://proxy.example.com", "http://user:secret@ho st:x"])
def test_a_proxy_that_cannot_be_used_is_said_before_anything_is_sent(
    monkeypatch: pytest.MonkeyPatch, named: str
) -> None:
    """With what to do, and without the password that may stand in it."""
    monkeypatch.setenv("HTTPS_PROXY", named)
    with pytest.raises(UsageError, match="set HTTPS_PROXY") as caught:
        Client(Settings.make(api_key="test", base_url="https://codat.invalid", environ={}))
    assert "secret" not in str(caught.value)
