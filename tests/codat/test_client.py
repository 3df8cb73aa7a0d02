"""The adapter takes whatever a server sends: an answer that cannot be taken is lost, never an exception."""

from __future__ import annotations

import asyncio
import gzip

import anyio
import pytest

from bulk.codat import client, operations
from bulk.codat.client import Client
from bulk.codat.wire import Reply
from bulk.model import Outcome
from bulk.settings import Settings

GOOD = b'{"id": "c"}'


def answer(body: bytes, *headers: bytes, status: bytes = b"200 OK") -> bytes:
    """Write an answer with these headers."""
    lines = [b"HTTP/1.1 " + status, *headers, b"Content-Length: %d" % len(body)]
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


def replies(*answers: bytes) -> tuple[list[Reply], list[bytes]]:
    """Ask a server that gives these answers, one after the other; gives the replies, and what was asked."""
    return anyio.run(_replies, answers)


async def _replies(answers: tuple[bytes, ...]) -> tuple[list[Reply], list[bytes]]:
    asked: list[bytes] = []
    server = await asyncio.get_running_loop().create_server(lambda: _Server(answers, asked), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    settings = Settings.make(api_key="k", base_url=f"http://127.0.0.1:{port}", timeout=5, concurrency=1)
    async with server, Client(settings) as codat:
        return [await codat.send(operations.get_company("c")) for _ in answers], asked


class _Server(asyncio.Protocol):
    """Answers one connection's requests, which have no body."""

    def __init__(self, answers: tuple[bytes, ...], asked: list[bytes]) -> None:
        self._answers = answers
        self._asked = asked
        self._held = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Answer what is whole."""
        *whole, self._held = (self._held + data).split(b"\r\n\r\n")
        for head in whole:
            self._asked.append(head + b"\r\n")
            self._transport.write(self._answers[len(self._asked) - 1])


@pytest.mark.parametrize(
    "cookie",
    [
        b"a=\xff",  # which cannot be sent back
        b"a=b; expires=Mon, 01 Jan 0001 00:00:00 GMT",  # of a time before all times
        b"a=b; Version=1; Max-Age=x",  # over which the library cries
    ],
)
def test_no_cookie_is_kept(cookie: bytes) -> None:
    """One with odd letters, from whatever stands in between, made every later request fail."""
    found, asked = replies(*[answer(GOOD, b"Set-Cookie: " + cookie, b"Set-Cookie2: " + cookie)] * 2)
    assert [reply.outcome for reply in found] == [Outcome.DONE] * 2
    assert b"cookie" not in asked[1].lower()


def test_a_packed_answer_is_read() -> None:
    """Lists are asked for packed."""
    packed = answer(gzip.compress(GOOD, mtime=0), b"Content-Encoding: gzip")
    found, asked = replies(packed)
    assert found[0].content == {"id": "c"}
    assert b"accept-encoding: gzip\r\n" in asked[0].lower()


@pytest.mark.parametrize("to", [b"http://[::1", b"data:,x"])
def test_a_redirect_to_no_address_is_lost(to: bytes) -> None:
    """Of one to an address it is said where it leads."""
    found, _ = replies(answer(b"", b"Location: " + to, status=b"302 Found"))
    assert found[0].outcome is Outcome.LOST


@pytest.mark.parametrize(
    ("body", "encoding"),
    [
        (gzip.compress(bytes(2 * client.OF_ANY_OTHER), mtime=0), b"gzip"),  # too much, a thousandth of it sent
        (bytes(2 * client.OF_ANY_OTHER), b"identity"),  # too much, all of it sent
        (b"no gzip", b"gzip"),  # nothing that can be unpacked
        (gzip.compress(GOOD, mtime=0)[:-12], b"gzip"),  # cut off
        (gzip.compress(gzip.compress(GOOD, mtime=0), mtime=0), b"gzip, gzip"),  # packed in a way not asked for
        (GOOD[:-1] + b"\xff}", b"identity"),  # no text
    ],
)
def test_an_answer_that_cannot_be_unpacked_or_is_too_long_is_lost(body: bytes, encoding: bytes) -> None:
    """What was asked for may have been done."""
    found, _ = replies(answer(body, b"Content-Encoding: " + encoding))
    assert found[0].outcome is Outcome.LOST
