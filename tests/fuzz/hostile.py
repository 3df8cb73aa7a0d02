"""A server in front of a sandbox that carries out each request, and sometimes responds with nonsense."""

from __future__ import annotations

import gzip
import http.client
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from urllib.parse import urlsplit

MAX_SECONDS = 120.0  # of one endless response, if the client does not close the connection
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
Nonsense = Callable[[socket.socket, bytes], None]


def _bytes(content: bytes) -> Nonsense:
    return lambda connection, _: connection.sendall(content)


def _body(body: bytes, *headers: bytes, length: int | None = None) -> bytes:
    head = [*headers, b"Content-Length: %d" % (len(body) if length is None else length)]
    return HEAD + b"\r\n".join(head) + b"\r\n\r\n" + body


def _without_end(start: bytes, piece: bytes, *, pause: float = 0.0) -> Nonsense:
    """Repeat a piece until the client closes the connection or the time is up."""

    def send(connection: socket.socket, _: bytes) -> None:
        connection.sendall(start)
        end = time.monotonic() + MAX_SECONDS
        while time.monotonic() < end:
            connection.sendall(piece)
            time.sleep(pause)

    return send


def _changed(change: Callable[[bytes], bytes]) -> Nonsense:
    """Send the right body in a wrong way."""
    return lambda connection, good: connection.sendall(change(good))


def _reset(connection: socket.socket, _: bytes) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")


def _packed(times: int, megabytes: int) -> bytes:
    """Return megabytes of blanks, packed once or several times."""
    packed = gzip.compress(b" " * (megabytes * 2**20), 6, mtime=0)
    for _ in range(times - 1):
        packed = gzip.compress(packed, 6, mtime=0)
    return packed


HOP_BY_HOP = ("content-length", "transfer-encoding", "connection")
BOMB = _packed(1, 100)
NONSENSE: dict[str, Nonsense] = {
    "nothing": _bytes(b""),
    "a reset": _reset,
    "no status line": _bytes(b"hello\r\n\r\n"),
    "HTTP 0.9": _bytes(b'{"id": "x"}'),
    "a status of letters": _bytes(b"HTTP/1.1 OK fine\r\n\r\n"),
    "a status of four digits": _bytes(b"HTTP/1.1 2000 OK\r\n\r\n"),
    "another version": _bytes(b"HTTP/9.9 200 OK\r\nContent-Length: 2\r\n\r\n{}"),
    "NULs": _bytes(b"\0" * 5000),
    "a header without colon": _bytes(HEAD + b"nonsense\r\n\r\n{}"),
    "headers without end": _without_end(HEAD, b"X-Filler: " + b"x" * 4000 + b"\r\n"),
    "a header that trickles in": _without_end(HEAD + b"X-Slow: ", b"x", pause=0.05),
    "a header of unusual characters": _bytes(_body(b"{}", b"X-Odd: \xff\xfe", b"Set-Cookie: a=\xff; expires=\xff")),
    "two lengths": _bytes(HEAD + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}"),
    "a negative length": _bytes(_body(b"{}", length=-1)),
    "a length that is too large": _bytes(_body(b"{}", length=10**30)),
    "a length that is too small": _changed(lambda good: _body(good, length=5)),
    "a cut-off body": _changed(lambda good: _body(good[: len(good) // 2], length=len(good))),
    "a body without end": _without_end(HEAD + b"\r\n", b" " * 65536),
    "a body that trickles in": _without_end(HEAD + b"Content-Length: 1000\r\n\r\n", b" ", pause=0.05),
    "chunks without end": _without_end(HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\n \r\n" * 5000),
    "chunks of garbage": _bytes(HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n"),
    "a chunk that is too large": _bytes(HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + b"f" * 30 + b"\r\n{}"),
    "a bomb": _bytes(_body(BOMB, b"Content-Encoding: gzip")),
    "a bomb in a bomb": _bytes(_body(gzip.compress(BOMB, mtime=0), b"Content-Encoding: gzip, gzip")),
    "a body that is not gzip": _bytes(_body(b"\x1f\x8b garbage", b"Content-Encoding: gzip")),
    "an unknown encoding": _bytes(_body(b"{}", b"Content-Encoding: br, zstd")),
    "much JSON": _bytes(_body(b"[" + b"{}," * 1_200_000 + b"{}]")),
    "deep JSON": _bytes(_body(b"[" * 500_000)),
    "a long number": _bytes(_body(b'{"id": ' + b"9" * 10_000 + b"}")),
    "halves of characters": _bytes(_body(rb'{"id": "\ud800", "status": "\udfff"}')),
    "a page": _bytes(_body(b"<html>It works!</html>")),
    "interim responses without end": _without_end(b"", b"HTTP/1.1 102 Processing\r\n\r\n" * 100),
    "a switch of protocols": _bytes(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\n"),
    "an unknown status": _bytes(b"HTTP/1.1 599 Odd\r\nContent-Length: 0\r\nRetry-After: \xb2\r\n\r\n"),
    "two responses": _bytes(_body(b"{}") * 2),
}
REDIRECTS: dict[str, Nonsense] = {
    f"a redirect to {to!r}": _bytes(b"HTTP/1.1 302 Found\r\nLocation: " + to + b"\r\nContent-Length: 0\r\n\r\n")
    for to in (b"/companies", b"http://[::1", b"http://127.0.0.1:1/", b"\xff\xfe", b"//", b"data:,x")
}


@dataclass
class Hostile:
    """The server's URL, and what it has received and sent."""

    url: str
    select: Callable[[str, bytes], Nonsense | None]
    """Returns the nonsense for a request, given its first line and its body."""
    struck: int = 0  # requests that got nonsense
    received: list[str] = field(default_factory=list)  # the first lines of all requests


@contextmanager
def hostile(sandbox: str, select: Callable[[str, bytes], Nonsense | None]) -> Iterator[Hostile]:
    """Serve in front of a sandbox, which carries out each request whatever the response is."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as listener:
        server = Hostile(f"http://127.0.0.1:{listener.getsockname()[1]}", select)
        threading.Thread(target=_accept, args=(listener, server, sandbox), daemon=True).start()
        yield server


def _accept(listener: socket.socket, server: Hostile, sandbox: str) -> None:
    with suppress(OSError):  # the listener is closed at the end
        while True:
            connection, _ = listener.accept()
            threading.Thread(target=_serve, args=(connection, server, sandbox), daemon=True).start()


def _serve(connection: socket.socket, server: Hostile, sandbox: str) -> None:
    with suppress(OSError, http.client.HTTPException), connection, connection.makefile("rb") as stream:
        connection.settimeout(MAX_SECONDS)
        while first := stream.readline().decode("latin-1").strip():
            headers = http.client.parse_headers(stream)
            body = stream.read(int(headers.get("Content-Length", 0)))
            server.received.append(first)
            status, kept, good = _carry_out(sandbox, first, body, dict(headers.items()))
            nonsense = server.select(first, body)
            if nonsense is not None:
                server.struck += 1
                nonsense(connection, good)
                return
            lines = "".join(f"{name}: {value}\r\n" for name, value in kept)
            connection.sendall(f"HTTP/1.1 {status} -\r\n{lines}Content-Length: {len(good)}\r\n\r\n".encode() + good)


def _carry_out(
    sandbox: str, first: str, body: bytes, headers: dict[str, str]
) -> tuple[int, list[tuple[str, str]], bytes]:
    """Forward a request to the sandbox; return its response."""
    method, path, _ = first.split(" ")
    connection = http.client.HTTPConnection(urlsplit(sandbox).netloc, timeout=30)
    with suppress(KeyError):
        del headers["Accept-Encoding"]
    try:
        connection.request(method, path, body or None, headers)
        response = connection.getresponse()
        content = response.read()
        kept = [(name, value) for name, value in response.getheaders() if name.lower() not in HOP_BY_HOP]
        return response.status, kept, content
    finally:
        connection.close()
