"""One HTTP/1.1 connection to Codat, kept alive. It implements httpx's transport interface with asyncio and httptools.

httpx's own transport spends four fifths of a request's CPU time on layers that one connection with one request at a
time does not need. This one also knows for certain whether a request has left, as the once-only rule requires: an error
before the first `write` is a ConnectError or ConnectTimeout; a later one never is, because Codat may have the request.
"""

from __future__ import annotations

import asyncio
import math
import select
import ssl

import httpx

from bulk.codat.http_message import ResponseReader, request_bytes

MAX_IDLE = 5.0  # seconds: after a longer pause the server may close the connection at any moment
CLOSED = "the server closed the connection"


class Transport(httpx.AsyncBaseTransport):
    """Sends one request at a time, and connects when necessary. `timeout` is in seconds."""

    def __init__(self, *, tls: ssl.SSLContext | None, timeout: float) -> None:
        """Create a transport that is not connected yet. Without `tls` it uses plain HTTP."""
        self._tls = tls
        self._timeout = timeout
        self._connection: _Connection | None = None

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request and wait for its complete response, whose body is not decompressed.

        The request has two optional extensions: `target` replaces the path of its URL; `max_bytes` limits the response.

        Raises httpx.ConnectError or ConnectTimeout before anything has left; ReadTimeout after `timeout` seconds
        without a byte; ReadError and RemoteProtocolError if the response is not complete.
        """
        connection = self._connection
        if connection is None or not connection.is_usable:
            self._disconnect()
            connection = self._connection = await self._connect(request.url)
        try:
            return await connection.exchange(request_bytes(request), request.extensions.get("max_bytes", math.inf))
        finally:
            if not connection.is_open:
                self._disconnect()

    async def aclose(self) -> None:
        """Close the connection."""
        self._disconnect()

    async def _connect(self, url: httpx.URL) -> _Connection:
        loop = asyncio.get_running_loop()
        host, port = url.raw_host.decode("ascii"), url.port or (443 if self._tls else 80)
        try:
            async with asyncio.timeout(self._timeout):
                _, connection = await loop.create_connection(
                    lambda: _Connection(loop, self._timeout), host, port, ssl=self._tls, happy_eyeballs_delay=0.25
                )
        except TimeoutError as error:
            raise httpx.ConnectTimeout(f"no connection within {self._timeout:g} seconds") from error
        except (OSError, UnicodeError) as error:  # from the name, the network or TLS
            raise httpx.ConnectError(str(error)) from error
        return connection

    def _disconnect(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


class _Connection(asyncio.Protocol):
    """An open connection, which sends the bytes of a request and receives one response."""

    _transport: asyncio.Transport

    def __init__(self, loop: asyncio.AbstractEventLoop, timeout: float) -> None:
        self.is_open = True
        self._loop = loop
        self._timeout = timeout
        self._last_data_at = loop.time()
        self._reader: ResponseReader | None = None  # of the request in flight
        self._response: asyncio.Future[httpx.Response] | None = None

    @property
    def is_usable(self) -> bool:
        """Whether another request may be sent now."""
        if not self.is_open or self._response is not None or self._loop.time() - self._last_data_at >= MAX_IDLE:
            return False
        return not self._unread.poll(0)  # the server may have closed it without the loop having noticed yet

    async def exchange(self, request: bytes, max_bytes: float) -> httpx.Response:
        """Send a request and wait for its response; close the connection if it cannot be used again."""
        if not self.is_open:  # the server closed it right after the handshake
            raise httpx.ConnectError(CLOSED)
        self._reader = ResponseReader(max_bytes=max_bytes)
        self._response = self._loop.create_future()
        self._last_data_at = self._loop.time()
        self._timer = self._loop.call_later(self._timeout, self._check_timeout)
        self._transport.write(request)
        try:
            return await self._response
        finally:  # even if the caller was cancelled
            self._timer.cancel()
            if not self._response.done() or self._response.cancelled():
                self.close()
            self._reader.close()
            self._reader = self._response = None

    def close(self) -> None:
        """Close the connection at once. Unsent data is dropped."""
        self.is_open = False
        self._transport.abort()

    # -- called by asyncio

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        if not isinstance(transport, asyncio.Transport):
            raise TypeError("a stream is needed")
        self._transport = transport
        self._unread = select.poll()
        self._unread.register(transport.get_extra_info("socket"), select.POLLIN)

    def data_received(self, data: bytes) -> None:
        """Parse the received data, or close the connection if it belongs to no request."""
        if self._reader is None or self._response is None or self._response.done():
            self.close()
            return
        self._last_data_at = self._loop.time()
        try:
            self._reader.feed(data)
        except httpx.RemoteProtocolError as error:
            self._end(error)
        else:
            self._deliver_if_complete()

    def eof_received(self) -> None:
        """Treat the end of the stream as the end of the connection."""
        self.connection_lost(None)

    def connection_lost(self, error: Exception | None) -> None:
        """End the request in flight."""
        if error is None and self._reader is not None:
            self._reader.end()
        self._end(httpx.ReadError(str(error or "") or CLOSED))

    # -- the request in flight

    def _deliver_if_complete(self) -> None:
        if self._reader is None or self._reader.response is None:
            return
        self.is_open = self.is_open and self._reader.can_reuse_connection
        if self._response is not None and not self._response.done():
            self._response.set_result(self._reader.response)

    def _end(self, error: httpx.TransportError) -> None:
        """Close the connection. The request in flight gets its response if that is complete, otherwise this error."""
        self.close()
        self._deliver_if_complete()
        if self._response is not None and not self._response.done():
            self._response.set_exception(error)

    def _check_timeout(self) -> None:
        left = self._last_data_at + self._timeout - self._loop.time()
        if left > 0:
            self._timer = self._loop.call_later(left, self._check_timeout)
        else:
            self._end(httpx.ReadTimeout(f"no response within {self._timeout:g} seconds"))
