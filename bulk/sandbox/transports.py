"""The open connections, by the client's address, so that one can be dropped as a broken network would drop it."""

from __future__ import annotations

import asyncio
import socket
import struct
from typing import Any, cast

from uvicorn.protocols.http.h11_impl import H11Protocol

_open: dict[tuple[str, int], _JoinedWrites] = {}


class WatchedProtocol(H11Protocol):
    """uvicorn's HTTP protocol, which also says which connections are open."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # uvicorn narrows it too
        """Remember the connection."""
        joined = _JoinedWrites(transport, self.loop)
        super().connection_made(cast(asyncio.Transport, joined))
        if self.client:
            _open[self.client] = joined

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        if self.client:
            _open.pop(self.client, None)
        super().connection_lost(exc)


class _JoinedWrites:
    """A transport that sends what is written in one turn of the loop as one packet: head and body of an answer."""

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._written: list[bytes] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def write(self, data: bytes) -> None:
        if not self._written:
            self._loop.call_soon(self.flush)
        self._written.append(data)

    def flush(self) -> None:
        if self._written:
            self._transport.write(b"".join(self._written))
            self._written.clear()

    def close(self) -> None:
        self.flush()
        self._transport.close()


def hang_up(client: tuple[str, int], *, reset: bool) -> None:
    """Drop a client's connection after what was written so far, with a TCP reset or with a plain end."""
    transport = _open.get(client)
    if transport is None:
        return
    transport.flush()
    if reset:
        # Lingering for 0 seconds makes close() send RST.
        handle = cast(socket.socket, transport.get_extra_info("socket"))
        handle.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()
