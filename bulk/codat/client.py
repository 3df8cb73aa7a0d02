"""The adapter to httpx: a request in, a reply out, and an honest word on whether it ever left.

Each lane is a connection of its own. One shared pool looks through all its connections for every request, which at
16 in flight takes twice the CPU time that the rest of the request does. Through a proxy, a lane is httpx's transport.
"""

from __future__ import annotations

import asyncio
import ssl
import zlib
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Protocol, Self, cast
from urllib.request import getproxies, proxy_bypass

import anyio
import httpx

from bulk.codat import responses
from bulk.codat.endpoints import Request
from bulk.codat.responses import Reply
from bulk.codat.transport import Transport
from bulk.errors import UsageError
from bulk.settings import Settings

# What httpx raises before the first byte of a request has left: the one case where nothing can have been done.
BEFORE_IT_LEFT = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.ProxyError,
    httpx.UnsupportedProtocol,
)
MAX_BYTES = {"list_companies": 32 * 2**20}  # of an answer, unpacked: a page of 2,000 companies has a few million
OF_ANY_OTHER = 4 * 2**20
WITH_BODY = ("POST", "PUT", "PATCH")  # whose length is told also where there is none
GZIP = 31  # zlib's word for it


class Sender(Protocol):
    """What sends a request to a Codat and gives its reply; never raises for what the network or Codat does."""

    async def send(self, request: Request, *, key: str | None = None) -> Reply:
        """Send one request and wait for its answer."""


class Client:
    """Sends requests to one Codat. An async context manager; redirects are not followed, nothing is retried."""

    def __init__(self, settings: Settings) -> None:
        """Make a client; connections are opened when they are first needed.

        Raises WrongUsage for a proxy or certificates of the environment that cannot be used.
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
        self._waits: dict[str, Any] = {"timeout": httpx.Timeout(settings.timeout).as_dict()}
        # Without TLS there is nothing to verify, and no need to read the certificates.
        self._tls = None if self._origin.scheme == "http" else _certificates()
        # A proxy of the environment does not lead to this machine.
        self._proxy = None if settings.is_local else _proxy_for(self._origin)
        self._through = (
            "" if self._proxy is None else f" through the environment's proxy {self._proxy.url.netloc.decode()}"
        )
        self._idle = [self._lane() for _ in range(settings.concurrency)]
        self._lanes = tuple(self._idle)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        with anyio.CancelScope(shield=True):
            for lane in self._lanes:
                await lane.aclose()

    async def send(self, request: Request, *, key: str | None = None) -> Reply:
        """Send one request and wait for its answer. Never raises for what the network or Codat does."""
        headers = [*self._headers]
        content = b""
        if request.body is not None:
            content = request.body.encode()
            headers.append((b"Content-Type", b"application/json"))
        if content or request.method in WITH_BODY:
            headers.append((b"Content-Length", b"%d" % len(content)))
        if key is not None:
            headers.append((b"Idempotency-Key", key.encode("ascii")))
        path = self._base_path + request.path
        departure = _Departure(is_over=self._proxy is None)  # a lane knows by itself what has not left
        most = MAX_BYTES.get(request.operation, OF_ANY_OTHER)
        if self._proxy is None:
            # httpx takes as long to read an address as for all else: it reads one, and is told the path.
            url, extensions = self._origin, self._waits | {"target": path.encode("ascii"), "most": most}
        else:  # which would take the path for the address of the host
            url, extensions = self._origin.join(path), self._waits | {"trace": departure.note}
        # With `stream`, httpx adds no headers of its own, for which it would make them all twice.
        stream = httpx.ByteStream(content)
        sent = httpx.Request(request.method, url, headers=headers, stream=stream, extensions=extensions)
        lane = self._idle.pop() if self._idle else self._lane()
        try:
            return await self._exchange(lane, sent, most, departure)
        finally:
            self._idle.append(lane)

    async def _exchange(
        self, lane: httpx.AsyncBaseTransport, request: httpx.Request, most: int, departure: _Departure
    ) -> Reply:
        body = bytearray()
        try:
            # httpx's time-outs bound each single wait; an answer that drips for ever is bounded here.
            async with asyncio.timeout(2 * self._timeout):
                response = await lane.handle_async_request(request)
                stream = cast(httpx.AsyncByteStream, response.stream)
                try:
                    async for chunk in stream:
                        body += chunk
                        if len(body) > most:
                            return responses.no_response(f"an answer of more than {most // 2**20} MB")
                finally:
                    await stream.aclose()
        except BEFORE_IT_LEFT as error:
            if (doubt := _doubted_certificate(error)) is not None:
                return responses.untrusted(f"{self._origin.host} is not trusted: {doubt}")
            return responses.not_sent(f"no connection{self._through}: {_said(error)}")
        except TimeoutError:
            trouble = f"no whole answer{self._through} within {2 * self._timeout:g} seconds"
        except httpx.TimeoutException:
            trouble = f"no answer{self._through} within {self._timeout:g} seconds"
        except (httpx.HTTPError, httpx.StreamError) as error:
            trouble = f"connection{self._through} lost: {_said(error)}"
        else:
            headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in response.headers.raw}
            return responses.read(response.status_code, headers, _unpacked(bytes(body), headers, most))
        return responses.no_response(trouble) if departure.is_over else responses.not_sent(trouble)

    def _lane(self) -> httpx.AsyncBaseTransport:
        if self._proxy is None:
            return Transport(tls=self._tls, timeout=self._timeout)
        limits = httpx.Limits(max_connections=1, max_keepalive_connections=1)
        return httpx.AsyncHTTPTransport(verify=self._tls or False, limits=limits, proxy=self._proxy)


class _Departure:
    """Whether a request has left that goes through a proxy: first the proxy itself is asked for the way.

    httpcore tells what it is about to do (https://www.encode.io/httpcore/extensions/#trace).
    """

    def __init__(self, *, is_over: bool) -> None:
        """Begin with what is known."""
        self.is_over = is_over

    async def note(self, event: str, info: Mapping[str, Any]) -> None:
        """Hear of a step."""
        if event == "http11.send_request_headers.started" and info["request"].method != b"CONNECT":
            self.is_over = True


def _certificates() -> ssl.SSLContext:
    """Read whom to trust, from the environment if it says so. Raises WrongUsage if that cannot be read."""
    try:
        return httpx.create_ssl_context()
    except OSError as error:  # ssl.SSLError is one
        raise UsageError(
            f"The certificates that SSL_CERT_FILE or SSL_CERT_DIR names cannot be read ({error.strerror or error}): "
            "mend it or leave it out. Nothing was sent."
        ) from error


def _proxy_for(url: httpx.URL) -> httpx.Proxy | None:
    """Read which proxy the environment names for an address, if any. Raises WrongUsage if it cannot be used."""
    proxies = getproxies()
    named = proxies.get(url.scheme) or proxies.get("all")
    if not named or proxy_bypass(url.host):
        return None
    try:
        proxy = httpx.Proxy(named if "://" in named else f"http://{named}")
        httpx.AsyncHTTPTransport(verify=False, proxy=proxy)
    except (ValueError, httpx.InvalidURL, ImportError) as error:  # its text may hold a password
        raise UsageError(
            f"The environment names a proxy for {url.host} that cannot be used ({type(error).__name__}): mend "
            "HTTPS_PROXY or ALL_PROXY to http://HOST:PORT, or name the host in NO_PROXY."
        ) from None
    return proxy


def _unpacked(body: bytes, headers: Mapping[str, str], most: int) -> bytes:
    """Undo gzip, which is all that is asked for, up to so many bytes; what cannot be undone is given as it came."""
    if headers.get("content-encoding", "").strip().lower() != "gzip":
        return body
    decoder = zlib.decompressobj(GZIP)
    try:
        plain = decoder.decompress(body, most)
    except zlib.error:
        return body
    return plain if decoder.eof else body


def _doubted_certificate(error: BaseException | None) -> str | None:
    """Give why the other side's certificate was not accepted, if that is what was wrong."""
    while error is not None and not isinstance(error, ssl.SSLCertVerificationError):
        error = error.__cause__ or error.__context__
    return None if error is None else error.verify_message


def _said(error: Exception) -> str:
    return str(error).rstrip(".") or type(error).__name__
