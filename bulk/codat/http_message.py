"""The bytes of one HTTP/1.1 request and of its response. No I/O."""

from __future__ import annotations

import math

import httptools
import httpx

MAX_HEAD = 128 * 1024  # bytes of a response's status and headers, and of the interim responses before it


def request_bytes(request: httpx.Request) -> bytes:
    """Return the bytes of a request. The extension `target` replaces the path of its URL."""
    target = request.extensions.get("target", request.url.raw_path)
    head = b"%b %b HTTP/1.1\r\n" % (request.method.encode("ascii"), target)
    headers = b"".join(b"%b: %b\r\n" % header for header in request.headers.raw)
    return b"%b%b\r\n%b" % (head, headers, request.read())


class ResponseReader:
    """Collects one response; `response` is None until it is complete. Its body is not decompressed."""

    def __init__(self, *, max_bytes: float = math.inf) -> None:
        self.response: httpx.Response | None = None
        self.can_reuse_connection = False
        self._max_bytes = max_bytes
        self._parser = httptools.HttpResponseParser(self)
        self._headers: list[tuple[bytes, bytes]] = []
        self._body: list[bytes] = []
        self._size = 0
        self._has_head = False
        self._ends_with_connection = False

    def feed(self, data: bytes) -> None:
        """Parse the next bytes. Raises httpx.RemoteProtocolError unless they belong to one response of limited size."""
        self._size += len(data)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            raise httpx.RemoteProtocolError("the response switches to another protocol") from None
        except httptools.HttpParserError as error:
            raise httpx.RemoteProtocolError(f"not an HTTP response: {error}") from error
        if self._size > (self._max_bytes if self._has_head else MAX_HEAD):
            raise httpx.RemoteProtocolError(f"a response of more than {self._size // 1024:,} kB")

    def end(self) -> None:
        """Handle the end of the connection, which completes a response without a length."""
        if self._ends_with_connection:
            self._complete(can_reuse_connection=False)

    def close(self) -> None:
        """Free the parser at once: it refers to this reader, and the garbage collector would need more CPU time."""
        del self._parser

    # -- called by the parser

    def on_message_begin(self) -> None:
        """Stop reusing the connection if a second response follows: it belongs to no request."""
        if self.response is not None:
            self.can_reuse_connection = False

    def on_header(self, name: bytes, value: bytes) -> None:
        """Collect a header."""
        self._headers.append((name, value))

    def on_headers_complete(self) -> None:
        """Determine how the body ends. Skip an interim response (1xx)."""
        if self.response is not None:
            return
        if self._parser.get_status_code() < 200:
            self._headers.clear()
            return
        names = {name.lower() for name, _ in self._headers}
        self._has_head = True
        self._ends_with_connection = names.isdisjoint((b"content-length", b"transfer-encoding"))

    def on_body(self, data: bytes) -> None:
        """Collect a part of the body."""
        self._body.append(data)

    def on_message_complete(self) -> None:
        """Build the response."""
        if self._has_head:
            self._complete(can_reuse_connection=self._parser.should_keep_alive())

    def _complete(self, *, can_reuse_connection: bool) -> None:
        if self.response is None:
            self.can_reuse_connection = can_reuse_connection
            body = httpx.ByteStream(b"".join(self._body))
            self.response = httpx.Response(self._parser.get_status_code(), headers=self._headers, stream=body)
