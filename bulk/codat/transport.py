"""One HTTP/1.1 connection to Codat, kept alive: httpx's interface of a transport, over asyncio and httptools.

httpx's own transport spends four fifths of a request's CPU time on layers that one connection with one request at a
time has no need of. What this one knows for certain, and the rule of once-only hangs on it: an error raised before
`write` is a ConnectError or ConnectTimeout; after it, it is never one of those, because Codat may have the request.
"""

from __future__ import annotations

import asyncio
import math
import select
import ssl
from collections.abc import Callable

import httptools
import httpx

IDLE = 5.0  # seconds: a connection that was idle for longer may be closed by the other side at any moment
MAX_HEAD = 128 * 1024  # bytes of an answer's status and headers, and of whatever comes before them


class Transport(httpx.AsyncBaseTransport):
    """Carries one request at a time; connects when it has to. `timeout` in seconds."""

    def __init__(self, *, tls: ssl.SSLContext | None, timeout: float) -> None:
        """Make a lane that is not connected yet; without `tls` it speaks plainly."""
        self._tls = tls
        self._timeout = timeout
        self._line: _Connection | None = None

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request and wait for its whole answer, whose body is as it came: encoded, if it says so.

        Of the request's extensions, `target` is the path that is asked for, where it is not the address's, and `most`
        how many bytes an answer may have.

        Raises httpx.ConnectError and ConnectTimeout before anything has left; ReadTimeout after `timeout` seconds in
        which nothing came; ReadError and RemoteProtocolError when the answer does not come whole.
        """
        line = self._line
        if line is None or not line.is_usable:
            self._let_go()
            line = self._line = await self._connect(request.url)
        try:
            return await line.ask(_written(request), most=request.extensions.get("most", math.inf))
        finally:
            if not line.is_open:
                self._let_go()

    async def aclose(self) -> None:
        """End the connection."""
        self._let_go()

    async def _connect(self, url: httpx.URL) -> _Connection:
        loop = asyncio.get_running_loop()
        host, port = url.raw_host.decode("ascii"), url.port or (443 if self._tls else 80)
        try:
            async with asyncio.timeout(self._timeout):
                _, line = await loop.create_connection(
                    lambda: _Connection(loop, self._timeout), host, port, ssl=self._tls, happy_eyeballs_delay=0.25
                )
        except TimeoutError as error:
            raise httpx.ConnectTimeout(f"no connection within {self._timeout:g} seconds") from error
        except (OSError, UnicodeError) as error:  # of the name, the network, TLS
            raise httpx.ConnectError(str(error)) from error
        return line

    def _let_go(self) -> None:
        if self._line is not None:
            self._line.close()
            self._line = None


class _Connection(asyncio.Protocol):
    """A connection that is open: bytes out, one answer in."""

    _transport: asyncio.Transport

    def __init__(self, loop: asyncio.AbstractEventLoop, timeout: float) -> None:
        self._loop = loop
        self._timeout = timeout
        self._asked: asyncio.Future[httpx.Response] | None = None
        self.is_open = True
        self._heard_at = loop.time()
        self._timer: asyncio.TimerHandle | None = None

    @property
    def is_usable(self) -> bool:
        """Whether another request may be sent on it now."""
        if not self.is_open or self._asked is not None or self._loop.time() - self._heard_at >= IDLE:
            return False
        return not self._unread.poll(0)  # the other side may have hung up, and the loop not have heard of it yet

    async def ask(self, written: bytes, *, most: float) -> httpx.Response:
        """Send what was written and wait for the answer; closes the connection where it cannot be used again."""
        self._asked = self._loop.create_future()
        self._begin(most)
        self._heard_at = self._loop.time()
        self._timer = self._loop.call_later(self._timeout, self._look_at_the_clock)
        self._transport.write(written)
        try:
            return await self._asked
        finally:  # also where the caller has had enough
            self._timer.cancel()
            if not self._asked.done() or self._asked.cancelled():
                self.close()
            self._asked = None

    def close(self) -> None:
        """End the connection at once."""
        self.is_open = False
        self._transport.abort()

    # -- what asyncio tells

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep where requests go."""
        if not isinstance(transport, asyncio.Transport):
            raise TypeError("a stream is needed")
        self._transport = transport
        self._unread = select.poll()
        self._unread.register(transport.get_extra_info("socket"), select.POLLIN)

    def data_received(self, data: bytes) -> None:
        """Read on."""
        if self._asked is None or self._asked.done():  # nobody has asked for it
            self.close()
            return
        self._heard_at = self._loop.time()
        self._bytes += len(data)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self._fail(httpx.RemoteProtocolError, "the answer wants another protocol")
        except httptools.HttpParserError as error:
            self._fail(httpx.RemoteProtocolError, f"not an HTTP answer: {error}")
        if self._bytes > (self._most if self._has_head else MAX_HEAD):
            self._fail(httpx.RemoteProtocolError, f"an answer of more than {self._bytes // 1024:,} kB")

    def eof_received(self) -> None:
        """Take an answer that ends with its connection; else it was not whole."""
        self.connection_lost(None)

    def connection_lost(self, error: Exception | None) -> None:
        """Say that no more will come."""
        if error is None and self._has_head and not self._says_its_end:
            self._answer()
        self._fail(httpx.ReadError, str(error or "") or "the other side hung up")

    # -- what the parser tells

    def on_message_begin(self) -> None:
        """Close where more than one answer comes: nobody could say which is whose."""
        if self._asked is None or self._asked.done():
            self.close()

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep a header."""
        self._headers.append((name, value))

    def on_headers_complete(self) -> None:
        """See how the body's end will be known; what comes before the answer itself (1xx) is let go."""
        if self._parser.get_status_code() < 200:
            self._headers.clear()
            return
        names = {name.lower() for name, _ in self._headers}
        self._has_head = True
        self._says_its_end = not names.isdisjoint((b"content-length", b"transfer-encoding"))

    def on_body(self, data: bytes) -> None:
        """Keep a piece of the body."""
        self._body.append(data)

    def on_message_complete(self) -> None:
        """Give the answer."""
        if self._has_head:
            self._answer()

    # -- inside

    def _begin(self, most: float) -> None:
        self._most = most
        self._parser = httptools.HttpResponseParser(self)
        self._headers: list[tuple[bytes, bytes]] = []
        self._body: list[bytes] = []
        self._bytes = 0
        self._has_head = self._says_its_end = False

    def _answer(self) -> None:
        if self._asked is None or self._asked.done():
            return
        self.is_open = self.is_open and self._parser.should_keep_alive()
        body = httpx.ByteStream(b"".join(self._body))
        self._asked.set_result(httpx.Response(self._parser.get_status_code(), headers=self._headers, stream=body))

    def _fail(self, kind: Callable[[str], httpx.TransportError], what: str) -> None:
        self.close()
        if self._asked is not None and not self._asked.done():
            self._asked.set_exception(kind(what))

    def _look_at_the_clock(self) -> None:
        left = self._heard_at + self._timeout - self._loop.time()
        if left > 0:
            self._timer = self._loop.call_later(left, self._look_at_the_clock)
        else:
            self._fail(httpx.ReadTimeout, f"no answer within {self._timeout:g} seconds")


def _written(request: httpx.Request) -> bytes:
    """Write an HTTP/1.1 request whose body is at hand."""
    target = request.extensions.get("target", request.url.raw_path)
    head = b"%b %b HTTP/1.1\r\n" % (request.method.encode("ascii"), target)
    headers = b"".join(b"%b: %b\r\n" % header for header in request.headers.raw)
    return b"%b%b\r\n%b" % (head, headers, request.read())
