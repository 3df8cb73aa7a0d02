"""The open connections, by the client's address, so that one can be dropped as a broken network drops it."""

from __future__ import annotations

import asyncio
import socket
import struct
from typing import cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

_open: dict[tuple[str, int], asyncio.Transport] = {}


class WatchedProtocol(HttpToolsProtocol):
    """uvicorn's HTTP protocol, with a list of the open connections."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # uvicorn narrows it too
        """Remember the connection."""
        super().connection_made(transport)
        if self.client:
            _open[self.client] = transport

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        if self.client:
            _open.pop(self.client, None)
        super().connection_lost(exc)


def hang_up(client: tuple[str, int], *, reset: bool) -> None:
    """Drop a client's connection at once, with a TCP reset or a normal close."""
    transport = _open.get(client)
    if transport is None:
        return
    if reset:
        # Lingering for 0 seconds makes close() send RST.
        handle = cast(socket.socket, transport.get_extra_info("socket"))
        handle.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()
