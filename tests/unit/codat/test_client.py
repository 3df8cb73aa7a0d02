"""The client over real sockets, with a server whose response is given byte by byte."""

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

REQUEST = Request("create_company", "POST", "/companies", '{"name": "A"}')
BODY = b'{"id": "1"}'
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\n" + BODY
GZIPPED = gzip.compress(BODY)
CLOSE = b"(close)"  # at the end of a response: the server closes the connection


@dataclass
class Server:
    """A server on loopback: the first request gets `first`, all others get OK."""

    first: bytes = OK
    connections: int = 0
    requests: list[bytes] = field(default_factory=list)
    port: int = 0
    has_closed: anyio.Event = field(default_factory=anyio.Event)
    _connections: dict[asyncio.Task[None] | None, asyncio.StreamWriter] = field(default_factory=dict)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Respond to the requests of one connection until either side closes it."""
        self._connections[asyncio.current_task()] = writer
        self.connections += 1
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                self.requests.append(head + await reader.readexactly(_length(head)))
                response = self.first if len(self.requests) == 1 else OK
                writer.write(response.removesuffix(CLOSE))
                await writer.drain()
                if response.endswith(CLOSE):
                    break
        writer.close()
        await writer.wait_closed()
        self.has_closed.set()

    async def end(self) -> None:
        """Close all connections."""
        for writer in self._connections.values():
            writer.transport.abort()
        await asyncio.gather(*(task for task in self._connections if task), return_exceptions=True)


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
    """Return settings for a server on this port."""
    url = f"{scheme}://127.0.0.1:{port}"
    return Settings.make(api_key="test", base_url=url, timeout=timeout, concurrency=1, environ={})


async def send(server: Server, times: int = 1) -> list[Reply]:
    """Send requests, one after the other."""
    async with Client(settings(server.port)) as client:
        return [await client.send(REQUEST, key="a-key") for _ in range(times)]


async def send_through_proxy(port: int, monkeypatch: pytest.MonkeyPatch) -> Reply:
    """Send a request to a host that only the environment's proxy, on this port, can reach."""
    monkeypatch.setenv("HTTPS_PROXY", f"127.0.0.1:{port}")
    async with Client(Settings.make(api_key="test", base_url="https://codat.invalid", environ={})) as client:
        return await client.send(REQUEST)


def run(scenario: Callable[[], Awaitable[None]]) -> None:
    """Run a scenario in a loop of its own."""
    anyio.run(scenario)


def test_a_request_is_complete_and_its_connection_is_kept() -> None:
    """Request line, headers and body arrive; the second request uses the connection of the first."""

    async def scenario() -> None:
        async with serving() as server:
            replies = await send(server, 2)
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

    run(scenario)


def test_the_path_of_the_base_url_comes_first() -> None:
    """Codat may be behind a gateway."""

    async def scenario() -> None:
        async with serving() as server:
            url = f"http://127.0.0.1:{server.port}/codat/"
            async with Client(Settings.make(api_key="test", base_url=url, environ={})) as client:
                await client.send(REQUEST)
        assert server.requests[0].startswith(b"POST /codat/companies HTTP/1.1\r\n")

    run(scenario)


COMPLETE = {
    "with a length": OK,
    "in chunks": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\n" + BODY[:4] + b"\r\n7\r\n" + BODY[4:]
    + b"\r\n0\r\n\r\n",
    "until the end of the connection": b"HTTP/1.1 200 OK\r\n\r\n" + BODY + CLOSE,
    "of HTTP/1.0": b"HTTP/1.0 200 OK\r\nContent-Length: 11\r\n\r\n" + BODY,
    "after an interim response": b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + OK,
    "packed": b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(GZIPPED) + GZIPPED,
    "labelled as packed, which it is not": OK.replace(b"\r\n\r\n", b"\r\nContent-Encoding: gzip\r\n\r\n"),
    "and the connection is closed": OK.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"),
}  # fmt: skip


@pytest.mark.parametrize("response", COMPLETE.values(), ids=COMPLETE)
def test_a_complete_response_is_read(response: bytes) -> None:
    """Its end can be marked in several ways; the next request has a usable connection."""

    async def scenario() -> None:
        async with serving(response) as server:
            replies = await send(server, 2)
        assert [(reply.outcome, reply.content) for reply in replies] == [(Outcome.DONE, {"id": "1"})] * 2

    run(scenario)


def test_the_cause_of_a_missing_connection_is_in_words() -> None:
    """It has no number of an error, and no notation of a library."""

    async def scenario() -> None:
        async with serving() as server:
            port = server.port
        async with Client(settings(port)) as client:  # nothing listens there any more
            (reply,) = [await client.send(REQUEST)]
        assert reply.problem is not None
        assert reply.problem.text == "no connection: connection refused"

    run(scenario)


def test_a_connection_that_the_server_has_closed_is_not_used_again() -> None:
    """This is true even if the event loop has not noticed the end: a request would be lost."""

    async def scenario() -> None:
        async with serving(OK + CLOSE) as server, Client(settings(server.port)) as client:
            await client.send(REQUEST)
            await server.has_closed.wait()
            second = await client.send(REQUEST)
        assert second.outcome is Outcome.DONE
        assert server.connections == 2

    run(scenario)


BROKEN = {
    "nothing": CLOSE,
    "half a head": OK[:20] + CLOSE,
    "half a body": OK[:-3] + CLOSE,
    "half a chunk": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\n" + BODY[:4] + CLOSE,
    "no last chunk": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nB\r\n" + BODY + b"\r\n" + CLOSE,
    "not HTTP": b"SSH-2.0-OpenSSH_9.2\r\n",
    "HTML without a head": b"<html>sorry</html>",
    "a length that is not a number": b"HTTP/1.1 200 OK\r\nContent-Length: eleven\r\n\r\n" + BODY,
    "two lengths": b"HTTP/1.1 200 OK\r\nContent-Length: 11\r\nContent-Length: 12\r\n\r\n" + BODY,
    "a chunk without a length": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
    "another protocol": b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: h2c\r\n\r\n",
    "a head without end": b"HTTP/1.1 200 OK\r\n" + b"X-More: and more\r\n" * 20_000,
    "interim responses without end": b"HTTP/1.1 103 Early Hints\r\n\r\n" * 20_000,
    "more than the limit": b"HTTP/1.1 200 OK\r\n\r\n" + bytes(MAX_BYTES + 1),
    "a body that is half of a packed one": b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 20\r\n\r\n"
    + GZIPPED[:20],
    "a body that unpacks to more than the limit": b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n"
    + gzip.compress(b"[" * (MAX_BYTES + 1)) + CLOSE,
    "a body that is packed twice": b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip, gzip\r\n\r\n"
    + gzip.compress(GZIPPED) + CLOSE,
    "a body that is not UTF-8": OK.replace(BODY, b'{"id":"\xff1"}'),
    "an encoding that was not requested": OK.replace(b"\r\n\r\n", b"\r\nContent-Encoding: br\r\n\r\n").replace(
        BODY, b"?" * 11
    ),
}  # fmt: skip


@pytest.mark.parametrize("response", BROKEN.values(), ids=BROKEN)
def test_a_request_with_a_broken_response_is_in_doubt(response: bytes) -> None:
    """It is UNKNOWN, never NOT_SENT: Codat may have carried it out. The next request has a new connection."""

    async def scenario() -> None:
        async with serving(response) as server:
            first, second = await send(server, 2)
        assert first.outcome is Outcome.UNKNOWN
        assert first.problem is not None
        assert second.outcome is Outcome.DONE

    run(scenario)


def test_a_second_response_to_one_request_does_not_answer_the_next_request() -> None:
    """It must not be recorded for another company."""
    other = OK.replace(b'"1"', b'"2"')

    async def scenario() -> None:
        async with serving(OK + other) as server:
            replies = await send(server, 2)
        assert [reply.content for reply in replies] == [{"id": "1"}] * 2
        assert server.connections == 2

    run(scenario)


COOKIES = [
    b"a=\xff",  # cannot be sent back
    b"a=b; expires=Mon, 01 Jan 0001 00:00:00 GMT",  # before the first year
    b"a=b; Version=1; Max-Age=x",
]


@pytest.mark.parametrize("cookie", COOKIES)
def test_no_cookie_is_kept(cookie: bytes) -> None:
    """A gateway's cookie with unusual characters would make every later request fail."""

    async def scenario() -> None:
        async with serving(OK.replace(b"\r\n\r\n", b"\r\nSet-Cookie: " + cookie + b"\r\n\r\n")) as server:
            replies = await send(server, 2)
        assert [reply.outcome for reply in replies] == [Outcome.DONE] * 2
        assert b"cookie" not in server.requests[1].lower()

    run(scenario)


@pytest.mark.parametrize("to", [b"http://[::1", b"data:,x", b"https://elsewhere.example.com/"])
def test_a_redirect_is_not_followed(to: bytes) -> None:
    """Nothing is sent to the other address, whether or not that is valid."""

    async def scenario() -> None:
        response = b"HTTP/1.1 302 Found\r\nContent-Length: 0\r\nLocation: " + to + b"\r\n\r\n"
        async with serving(response) as server:
            (reply,) = await send(server)
        assert reply.outcome is Outcome.BLOCKED
        assert len(server.requests) == 1

    run(scenario)


def test_a_refused_connection_sends_nothing() -> None:
    """The request is NOT_SENT."""

    async def scenario() -> None:
        async with serving() as server:
            pass  # it is down
        (reply,) = await send(server)
        assert reply.outcome is Outcome.NOT_SENT

    run(scenario)


def test_an_unknown_host_gets_nothing() -> None:
    """A host with an impossible name gets nothing either."""

    async def scenario(host: str) -> None:
        made = Settings.make(api_key="test", base_url=f"https://{host}", environ={})
        async with Client(made) as client:
            assert (await client.send(REQUEST)).outcome is Outcome.NOT_SENT

    anyio.run(scenario, "nobody.invalid")
    anyio.run(scenario, "n" * 70 + ".invalid")


def test_a_request_without_a_response_is_in_doubt_after_the_timeout() -> None:
    """The server receives the request and stays silent."""

    async def scenario() -> None:
        async with serving(b"") as server, Client(settings(server.port, timeout=0.2)) as client:
            reply = await client.send(REQUEST)
        assert reply.outcome is Outcome.UNKNOWN
        assert reply.problem is not None
        assert reply.problem.text == "no response within 0.2 seconds"

    run(scenario)


def test_a_response_that_trickles_in_ends_after_twice_the_timeout() -> None:
    """Each byte arrives in time, but the response never ends."""

    async def trickle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nX-More: ")
        while not writer.is_closing():
            writer.write(b"x")
            await anyio.sleep(0.05)
        writer.close()
        ended.set()

    async def scenario() -> None:
        listening = await asyncio.start_server(trickle, "127.0.0.1", 0)
        async with Client(settings(listening.sockets[0].getsockname()[1], timeout=0.4)) as client:
            reply = await client.send(REQUEST)
        await ended.wait()
        listening.close()
        assert reply.outcome is Outcome.UNKNOWN
        assert reply.problem is not None
        assert reply.problem.text == "no complete response within 0.8 seconds"

    ended = anyio.Event()
    run(scenario)


def test_the_certificate_is_verified(monkeypatch: pytest.MonkeyPatch) -> None:
    """With a trusted authority the request arrives; with another one nothing leaves."""
    authority = trustme.CA()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(context)

    async def scenario() -> None:
        async with serving(tls=context) as server:
            async with Client(settings(server.port, scheme="https")) as client:
                untrusted = await client.send(REQUEST)
            with authority.cert_pem.tempfile() as trusted:
                monkeypatch.setenv("SSL_CERT_FILE", trusted)
                async with Client(settings(server.port, scheme="https")) as client:
                    replies = [await client.send(REQUEST) for _ in range(2)]
        assert untrusted.outcome is Outcome.NOT_SENT
        assert untrusted.problem is not None
        assert untrusted.problem.code == responses.UNTRUSTED
        assert "127.0.0.1 is not trusted: unable to get local issuer certificate" in untrusted.problem.text
        assert [reply.outcome for reply in replies] == [Outcome.DONE] * 2
        assert len(server.requests) == 2

    run(scenario)


class Closes(asyncio.Protocol):
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

    async def scenario() -> None:
        listening = await asyncio.get_running_loop().create_server(Closes, "127.0.0.1", 0, ssl=context)
        port = listening.sockets[0].getsockname()[1]
        async with listening, Client(settings(port, scheme="https")) as client:
            replies = [await client.send(REQUEST) for _ in range(5)]
        for reply in replies:
            assert reply.problem is not None
            assert reply.problem.text.endswith("the server closed the connection")
            assert reply.outcome in (Outcome.NOT_SENT, Outcome.UNKNOWN)
            assert reply.outcome is Outcome.NOT_SENT or version is ssl.TLSVersion.TLSv1_3

    with authority.cert_pem.tempfile() as trusted:
        monkeypatch.setenv("SSL_CERT_FILE", trusted)
        run(scenario)


@pytest.mark.parametrize("content", [None, b"no certificate"])
def test_unreadable_certificates_are_reported_before_anything_is_sent(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, content: bytes | None
) -> None:
    """The message names the variable to fix."""
    file = tmp_path / "authority.pem"
    if content is not None:
        file.write_bytes(content)
    monkeypatch.setenv("SSL_CERT_FILE", str(file))
    with pytest.raises(UsageError, match="SSL_CERT_FILE"):
        Client(Settings.make(api_key="test", base_url="https://codat.invalid", environ={}))


def test_a_proxy_of_the_environment_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    """This one refuses the tunnel: nothing has reached Codat."""

    async def scenario() -> None:
        refusal = b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n"
        async with serving(refusal) as server:
            reply = await send_through_proxy(server.port, monkeypatch)
        assert reply.outcome is Outcome.NOT_SENT
        assert reply.problem is not None
        assert f"no connection through the environment's proxy 127.0.0.1:{server.port}" in reply.problem.text
        assert server.requests[0].startswith(b"CONNECT codat.invalid:443 HTTP/1.1\r\n")

    run(scenario)


@pytest.mark.parametrize("response", [CLOSE, b"nonsense\r\n\r\n", b"HTTP/1.1 200 OK\r\n\r\nno TLS" + CLOSE])
def test_a_request_that_got_no_further_than_the_proxy_was_not_sent(
    monkeypatch: pytest.MonkeyPatch, response: bytes
) -> None:
    """Nothing is sent before the tunnel is open; the message names the proxy, because that has to be fixed."""

    async def scenario() -> None:
        async with serving(response) as server:
            reply = await send_through_proxy(server.port, monkeypatch)
        assert reply.outcome is Outcome.NOT_SENT
        assert reply.problem is not None
        assert f"through the environment's proxy 127.0.0.1:{server.port}" in reply.problem.text

    run(scenario)


def test_a_request_through_a_proxy_without_a_response_is_in_doubt(monkeypatch: pytest.MonkeyPatch) -> None:
    """The tunnel was open, and the request went through it."""
    authority = trustme.CA()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("codat.invalid").configure_cert(context)
    received: list[bytes] = []

    async def tunnel(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        await writer.start_tls(context)
        received.append(await reader.readuntil(b"\r\n\r\n"))
        writer.transport.abort()

    async def scenario() -> None:
        async with await asyncio.start_server(tunnel, "127.0.0.1", 0) as server:
            reply = await send_through_proxy(server.sockets[0].getsockname()[1], monkeypatch)
        assert reply.outcome is Outcome.UNKNOWN
        assert received[0].startswith(b"POST /companies HTTP/1.1\r\nHost: codat.invalid\r\n")

    with authority.cert_pem.tempfile() as trusted:
        monkeypatch.setenv("SSL_CERT_FILE", trusted)
        run(scenario)


def test_the_proxy_is_not_used_for_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """The sandbox is reached without it."""

    async def scenario() -> None:
        async with serving() as server:
            monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
            (reply,) = await send(server)
        assert reply.outcome is Outcome.DONE

    run(scenario)


@pytest.mark.parametrize("proxy", ["socks5://127.0.0.1:1080", "ftp://proxy.example.com", "http://user:secret@ho st:x"])
def test_an_unusable_proxy_is_reported_before_anything_is_sent(monkeypatch: pytest.MonkeyPatch, proxy: str) -> None:
    """The message explains the solution, and does not contain the proxy's password."""
    monkeypatch.setenv("HTTPS_PROXY", proxy)
    with pytest.raises(UsageError, match="set HTTPS_PROXY") as caught:
        Client(Settings.make(api_key="test", base_url="https://codat.invalid", environ={}))
    assert "secret" not in str(caught.value)
