"""The adapter to httpx: a request in, a reply out, and an honest word on whether it ever left.

Each lane is an httpx client with one connection of its own. One shared pool looks through all its connections for
every request, which at 16 in flight takes twice the CPU time that the rest of the request does.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from http.cookiejar import CookieJar
from types import TracebackType
from typing import Any, Protocol, Self

import anyio
import httpx

from bulk.codat import wire
from bulk.codat.operations import Request
from bulk.codat.wire import Reply
from bulk.settings import Settings

# What httpx raises before the first byte of a request has left: the one case where nothing can have been done.
BEFORE_IT_LEFT = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.ProxyError,
    httpx.UnsupportedProtocol,
)
MOST_BYTES = {"list_companies": 32 * 2**20}  # of an answer, unpacked: a page of 2,000 companies has a few million
OF_ANY_OTHER = 4 * 2**20


class Sender(Protocol):
    """What sends a request to a Codat and gives its reply; never raises for what the network or Codat does."""

    async def send(self, request: Request, *, key: str | None = None) -> Reply:
        """Send one request and wait for its answer."""


class Client:
    """Sends requests to one Codat. An async context manager; redirects are not followed, nothing is retried."""

    def __init__(self, settings: Settings) -> None:
        """Make a client; connections are opened when they are first needed."""
        self._base_url = settings.base_url
        self._headers = {
            "Authorization": settings.authorization.reveal(),
            "Accept": "application/json",
            "Accept-Encoding": "gzip",
        }
        self._timeout = settings.timeout
        self._trusts_env = not settings.is_local  # a proxy of the environment does not lead to this machine
        # Without TLS there is nothing to verify, and no need to read the certificates.
        self._verify = False if self._base_url.startswith("http://") else httpx.create_ssl_context()
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
        headers = self._headers
        content = None
        if request.body is not None:
            headers = headers | {"Content-Type": "application/json"}
            content = request.body.encode()
        if key is not None:
            headers = headers | {"Idempotency-Key": key}
        most = MOST_BYTES.get(request.operation, OF_ANY_OTHER)
        lane = self._idle.pop() if self._idle else self._lane()
        try:
            return await self._exchange(
                lane,
                lane.build_request(request.method, self._base_url + request.path, content=content, headers=headers),
                most,
            )
        finally:
            self._idle.append(lane)

    async def _exchange(self, lane: httpx.AsyncClient, request: httpx.Request, most: int) -> Reply:
        body = bytearray()
        try:
            # httpx's time-outs bound each single wait; an answer that drips for ever is bounded here.
            with anyio.fail_after(2 * self._timeout):
                response = await lane.send(request, stream=True)
                try:
                    unpack = _unpacker(response.headers.get("content-encoding", ""))
                    async for chunk in response.aiter_raw():
                        # A little that is packed may become a thousand times as much: no more is unpacked than fits.
                        body += unpack(chunk, most + 1 - len(body)) if unpack else chunk
                        if len(body) > most:
                            return wire.lost(f"an answer of more than {most // 2**20} MB")
                finally:
                    await response.aclose()
        except BEFORE_IT_LEFT as error:
            return wire.unsent(f"no connection: {_said(error)}")
        except TimeoutError:
            return wire.lost(f"no whole answer within {2 * self._timeout:g} seconds")
        except httpx.TimeoutException:
            return wire.lost(f"no answer within {self._timeout:g} seconds")
        except zlib.error as error:
            return wire.lost(f"an answer that cannot be unpacked: {_said(error)}")
        except (httpx.HTTPError, httpx.StreamError, httpx.InvalidURL) as error:  # the last: in a redirect
            return wire.lost(f"connection lost: {_said(error)}")
        return wire.read(response.status_code, response.headers, bytes(body))

    def _lane(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(
            timeout=self._timeout,
            verify=self._verify,
            limits=httpx.Limits(max_connections=1, max_keepalive_connections=1),
            follow_redirects=False,
            trust_env=self._trusts_env,
            cookies=_NoCookies(),
        )


class _NoCookies(CookieJar):
    """Keeps none and sends none: the API has no use for them, and one with odd letters could not be sent back."""

    def extract_cookies(self, response: Any, request: Any) -> None:
        """Leave them."""

    def add_cookie_header(self, request: Any) -> None:
        """Add none."""


def _unpacker(encoding: str) -> Callable[[bytes, int], bytes] | None:
    """Give what unpacks an answer, piece by piece and so many bytes at most; None if it is not packed."""
    if encoding.strip().lower() not in ("gzip", "x-gzip"):  # anything else was not asked for; it is read as it came
        return None
    return zlib.decompressobj(16 + zlib.MAX_WBITS).decompress


def _said(error: Exception) -> str:
    return str(error) or type(error).__name__
