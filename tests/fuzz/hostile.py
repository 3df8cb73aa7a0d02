"""A server on this machine that does what the sandbox does, and now and then answers with nonsense instead."""

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

MAX_SECONDS = 30.0  # that one nonsense goes on, if nobody hangs up
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
Nonsense = Callable[[socket.socket, bytes], None]


def _said(content: bytes) -> Nonsense:
    return lambda line, _: line.sendall(content)


def _body(body: bytes, *headers: bytes, length: int | None = None) -> bytes:
    head = [*headers, b"Content-Length: %d" % (len(body) if length is None else length)]
    return HEAD + b"\r\n".join(head) + b"\r\n\r\n" + body


def _without_end(start: bytes, piece: bytes, *, pause: float = 0.0) -> Nonsense:
    """Say something again and again, until it is hung up or time is over."""

    def say(line: socket.socket, _: bytes) -> None:
        line.sendall(start)
        end = time.monotonic() + MAX_SECONDS
        while time.monotonic() < end:
            line.sendall(piece)
            time.sleep(pause)

    return say


def _wrong(change: Callable[[bytes], bytes]) -> Nonsense:
    """Say the right answer in a wrong way."""
    return lambda line, good: line.sendall(change(good))


def _reset(line: socket.socket, _: bytes) -> None:
    line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")


def _packed(times: int, megabytes: int) -> bytes:
    """Give that many megabytes of blanks, packed."""
    packed = gzip.compress(b" " * (megabytes * 2**20), 6, mtime=0)
    for _ in range(times - 1):
        packed = gzip.compress(packed, 6, mtime=0)
    return packed


OF_A_LINE = ("content-length", "transfer-encoding", "connection")
BOMB = _packed(1, 100)
NONSENSE: dict[str, Nonsense] = {
    "nothing": _said(b""),
    "a reset": _reset,
    "no status line": _said(b"hello\r\n\r\n"),
    "HTTP 0.9": _said(b'{"id": "x"}'),
    "a status of letters": _said(b"HTTP/1.1 OK fine\r\n\r\n"),
    "a status of four digits": _said(b"HTTP/1.1 2000 OK\r\n\r\n"),
    "another version": _said(b"HTTP/9.9 200 OK\r\nContent-Length: 2\r\n\r\n{}"),
    "NULs": _said(b"\0" * 5000),
    "a header without colon": _said(HEAD + b"nonsense\r\n\r\n{}"),
    "headers without end": _without_end(HEAD, b"X-Filler: " + b"x" * 4000 + b"\r\n"),
    "a header that drips": _without_end(HEAD + b"X-Slow: ", b"x", pause=0.05),
    "a header of odd letters": _said(_body(b"{}", b"X-Odd: \xff\xfe", b"Set-Cookie: a=\xff; expires=\xff")),
    "two lengths": _said(HEAD + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}"),
    "a negative length": _said(_body(b"{}", length=-1)),
    "a length too great": _said(_body(b"{}", length=10**30)),
    "a length too short": _wrong(lambda good: _body(good, length=5)),
    "a cut-off body": _wrong(lambda good: _body(good[: len(good) // 2], length=len(good))),
    "a body without end": _without_end(HEAD + b"\r\n", b" " * 65536),
    "a body that drips": _without_end(HEAD + b"Content-Length: 1000\r\n\r\n", b" ", pause=0.05),
    "chunks without end": _without_end(HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\n \r\n" * 5000),
    "chunks of garbage": _said(HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n"),
    "a chunk too great": _said(HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + b"f" * 30 + b"\r\n{}"),
    "a bomb": _said(_body(BOMB, b"Content-Encoding: gzip")),
    "a bomb in a bomb": _said(_body(gzip.compress(BOMB, mtime=0), b"Content-Encoding: gzip, gzip")),
    "a broken packing": _said(_body(b"\x1f\x8b garbage", b"Content-Encoding: gzip")),
    "an unknown packing": _said(_body(b"{}", b"Content-Encoding: br, zstd")),
    "much JSON": _said(_body(b"[" + b"{}," * 1_200_000 + b"{}]")),
    "deep JSON": _said(_body(b"[" * 500_000)),
    "a long number": _said(_body(b'{"id": ' + b"9" * 10_000 + b"}")),
    "halves of letters": _said(_body(rb'{"id": "\ud800", "status": "\udfff"}')),
    "a page": _said(_body(b"<html>It works!</html>")),
    "first words without end": _without_end(b"", b"HTTP/1.1 102 Processing\r\n\r\n" * 100),
    "a switch": _said(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\n"),
    "a number of its own": _said(b"HTTP/1.1 599 Odd\r\nContent-Length: 0\r\nRetry-After: \xb2\r\n\r\n"),
    "two answers": _said(_body(b"{}") * 2),
}
REDIRECTS: dict[str, Nonsense] = {
    f"a redirect to {to!r}": _said(b"HTTP/1.1 302 Found\r\nLocation: " + to + b"\r\nContent-Length: 0\r\n\r\n")
    for to in (b"/companies", b"http://[::1", b"http://127.0.0.1:1/", b"\xff\xfe", b"//", b"data:,x")
}


@dataclass
class Hostile:
    """What happened to whom at this server."""

    url: str
    chooses: Callable[[str, bytes], Nonsense | None]
    """The nonsense for a request, by its first line and its body."""
    struck: int = 0
    asked: list[str] = field(default_factory=list)


@contextmanager
def hostile(sandbox: str, chooses: Callable[[str, bytes], Nonsense | None]) -> Iterator[Hostile]:
    """Serve in front of a sandbox. What is asked for is done there, whatever is answered."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as listener:
        server = Hostile(f"http://127.0.0.1:{listener.getsockname()[1]}", chooses)
        threading.Thread(target=_accept, args=(listener, server, sandbox), daemon=True).start()
        yield server


def _accept(listener: socket.socket, server: Hostile, sandbox: str) -> None:
    with suppress(OSError):  # the listener is closed at the end
        while True:
            line, _ = listener.accept()
            threading.Thread(target=_serve, args=(line, server, sandbox), daemon=True).start()


def _serve(line: socket.socket, server: Hostile, sandbox: str) -> None:
    with suppress(OSError, http.client.HTTPException), line, line.makefile("rb") as asked:
        line.settimeout(MAX_SECONDS)
        while first := asked.readline().decode("latin-1").strip():
            headers = http.client.parse_headers(asked)
            body = asked.read(int(headers.get("Content-Length", 0)))
            server.asked.append(first)
            status, kept, good = _done(sandbox, first, body, dict(headers.items()))
            nonsense = server.chooses(first, body)
            if nonsense is not None:
                server.struck += 1
                nonsense(line, good)
                return
            told = "".join(f"{name}: {value}\r\n" for name, value in kept)
            line.sendall(f"HTTP/1.1 {status} -\r\n{told}Content-Length: {len(good)}\r\n\r\n".encode() + good)


def _done(sandbox: str, first: str, body: bytes, headers: dict[str, str]) -> tuple[int, list[tuple[str, str]], bytes]:
    method, path, _ = first.split(" ")
    there = http.client.HTTPConnection(urlsplit(sandbox).netloc, timeout=30)
    with suppress(KeyError):
        del headers["Accept-Encoding"]
    try:
        there.request(method, path, body or None, headers)
        answer = there.getresponse()
        content = answer.read()
        kept = [(name, value) for name, value in answer.getheaders() if name.lower() not in OF_A_LINE]
        return answer.status, kept, content
    finally:
        there.close()
