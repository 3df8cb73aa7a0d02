"""Sends requests to Codat and returns replies. It always knows whether a request may have left this machine.

Each transport is one connection. A shared pool would search all its connections for every request, which at 16 in
flight takes twice the CPU time of the rest of the request. Behind a proxy, the transport is httpx's.
"""

from __future__ import annotations

import asyncio
import os
import re
import time
import zlib
from collections.abc import Mapping
from dataclasses import replace
from types import TracebackType
from typing import Any, Protocol, Self, cast

import anyio
import httpx

from bulk.codat import responses
from bulk.codat.endpoints import Request
from bulk.codat.network import distrust, proxy_for, trusted_certificates
from bulk.codat.responses import Reply
from bulk.codat.transport import Transport
from bulk.settings import Settings

# httpx's errors before the first byte of a request has left: Codat cannot have done anything.
BEFORE_SENDING = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.ProxyError,
    httpx.UnsupportedProtocol,
)
MAX_BYTES = 4 * 2**20  # of a response, decompressed
MAX_BYTES_OF_A_LIST = 32 * 2**20  # a page of 2,000 companies has a few million bytes
METHODS_WITH_BODY = ("POST", "PUT", "PATCH")  # they have a Content-Length even without a body (RFC 9110, 8.6)
GZIP = 31  # zlib's window size for gzip


class Sender(Protocol):
    """Sends requests to Codat. A fault of the network or of Codat is a reply, never an exception."""

    async def send(self, request: Request, *, key: str | None = None) -> Reply:
        """Send one request and wait for its reply."""


class Client:
    """Sends requests to one Codat. An async context manager; it follows no redirect and retries nothing."""

    def __init__(self, settings: Settings) -> None:
        """Create a client; connections are opened when they are first needed.

        Raises UsageError if the environment specifies certificates or a proxy that cannot be used.
        """
        self._origin = httpx.URL(settings.base_url)
        self._base_path = self._origin.path.rstrip("/")
        self._headers = (
            (b"Host", self._origin.netloc),
            (b"Authorization", settings.authorization.reveal().encode("ascii")),
            (b"Accept", b"application/json"),
            (b"Accept-Encoding", b"gzip"),
            (b"User-Agent", b"bulk"),
        )
        self._timeout = settings.timeout
        self._timeouts: dict[str, Any] = {"timeout": httpx.Timeout(settings.timeout).as_dict()}
        # Plain HTTP needs no certificates, and reading them takes time.
        self._tls = None if self._origin.scheme == "http" else trusted_certificates()
        # The environment's proxy cannot reach this machine.
        self._proxy = None if settings.is_local else proxy_for(self._origin)
        self._via = "" if self._proxy is None else f" through the environment's proxy {self._proxy.url.netloc.decode()}"
        self._idle = [self._create_transport() for _ in range(settings.concurrency)]
        self._transports = tuple(self._idle)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        with anyio.CancelScope(shield=True):
            for transport in self._transports:
                await transport.aclose()

    async def send(self, request: Request, *, key: str | None = None) -> Reply:
        """Send one request and wait for its reply. A fault of the network or of Codat never raises."""
        max_bytes = MAX_BYTES_OF_A_LIST if request.operation == "list_companies" else MAX_BYTES
        # Our transport's errors show whether the request has left; behind a proxy, httpx's has to be observed.
        departure = _Departure(has_left=self._proxy is None)
        message = self._message(request, key, max_bytes, departure)
        began = time.monotonic()
        transport = self._idle.pop() if self._idle else self._create_transport()
        try:
            # The transports' timeouts limit each single wait. This one ends a response that trickles in forever.
            async with asyncio.timeout(2 * self._timeout):
                status, headers, body = await _exchange(transport, message, max_bytes)
        except (httpx.HTTPError, httpx.StreamError, TimeoutError) as error:
            return self._failure(error, has_left=departure.has_left)
        finally:
            self._idle.append(transport)
        reply = responses.read(status, headers, _unpack(body, headers, max_bytes))
        return replace(reply, seconds=time.monotonic() - began)

    def _message(self, request: Request, key: str | None, max_bytes: int, departure: _Departure) -> httpx.Request:
        headers = [*self._headers]
        content = b""
        if request.body is not None:
            content = request.body.encode()
            headers.append((b"Content-Type", b"application/json"))
        if content or request.method in METHODS_WITH_BODY:
            headers.append((b"Content-Length", b"%d" % len(content)))
        if key is not None:
            headers.append((b"Idempotency-Key", key.encode("ascii")))
        path = self._base_path + request.path
        if self._proxy is None:
            # Parsing a URL takes httpx as long as everything else. So it parses one, and the path is passed separately.
            url, extensions = self._origin, self._timeouts | {"target": path.encode("ascii"), "max_bytes": max_bytes}
        else:  # a proxy would take that path for the host's address
            url, extensions = self._origin.join(path), self._timeouts | {"trace": departure.observe}
        # With a `stream`, httpx adds no headers of its own, for which it would build all headers twice.
        stream = httpx.ByteStream(content)
        return httpx.Request(request.method, url, headers=headers, stream=stream, extensions=extensions)

    def _failure(self, error: Exception, *, has_left: bool) -> Reply:
        """Return the reply for a request without a complete response."""
        if isinstance(error, BEFORE_SENDING):
            if (reason := distrust(error)) is not None:
                return responses.untrusted(f"{self._origin.host} is not trusted: {reason}")
            return responses.not_sent(f"no connection{self._via}: {_text(error)}")
        if isinstance(error, TimeoutError):
            text = f"no complete response{self._via} within {2 * self._timeout:g} seconds"
        elif isinstance(error, httpx.TimeoutException):
            text = f"no response{self._via} within {self._timeout:g} seconds"
        elif isinstance(error, httpx.RemoteProtocolError):
            text = f"no usable response{self._via}: {_text(error)}"
        else:
            text = f"connection{self._via} lost: {_text(error)}"
        return responses.no_response(text) if has_left else responses.not_sent(text)

    def _create_transport(self) -> httpx.AsyncBaseTransport:
        if self._proxy is None:
            return Transport(tls=self._tls, timeout=self._timeout)
        limits = httpx.Limits(max_connections=1, max_keepalive_connections=1)
        return httpx.AsyncHTTPTransport(verify=self._tls or False, limits=limits, proxy=self._proxy)


class _Departure:
    """Observes whether a request has left through a proxy, after the request for a tunnel.

    httpcore reports each of its steps (https://www.encode.io/httpcore/extensions/#trace).
    """

    def __init__(self, *, has_left: bool) -> None:
        self.has_left = has_left

    async def observe(self, event: str, info: Mapping[str, Any]) -> None:
        """Record the step that sends the request itself."""
        if event == "http11.send_request_headers.started" and info["request"].method != b"CONNECT":
            self.has_left = True


async def _exchange(
    transport: httpx.AsyncBaseTransport, request: httpx.Request, max_bytes: int
) -> tuple[int, dict[str, str], bytes]:
    """Send a request; return the status, the headers with names in lower case, and the body before decompression."""
    response = await transport.handle_async_request(request)
    stream = cast(httpx.AsyncByteStream, response.stream)
    body = bytearray()
    try:
        async for chunk in stream:
            body += chunk
            if len(body) > max_bytes:
                raise httpx.RemoteProtocolError(f"a response of more than {max_bytes // 2**20} MB")
    finally:
        await stream.aclose()
    headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in response.headers.raw}
    return response.status_code, headers, bytes(body)


def _unpack(body: bytes, headers: Mapping[str, str], max_bytes: int) -> bytes:
    """Decompress gzip, the only encoding that requests accept. Return an invalid gzip body unchanged."""
    if headers.get("content-encoding", "").strip().lower() != "gzip":
        return body
    decoder = zlib.decompressobj(GZIP)
    try:
        plain = decoder.decompress(body, max_bytes)
    except zlib.error:
        return body
    return plain if decoder.eof else body


def _text(error: Exception) -> str:
    """Return the cause in the words of the system, without the notation of a library."""
    text = str(error)
    if numbers := dict.fromkeys(re.findall(r"\[Errno (\d+)\]", text)):  # one for each address of the host
        return ", ".join(os.strerror(int(number)).lower() for number in numbers)
    return re.sub(r"\[(?:Errno -\d+|SSL: \w+)\] | \(_ssl\.c:\d+\)", "", text).rstrip(".") or type(error).__name__
