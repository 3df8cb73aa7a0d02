"""A proxy between `bulk` and the sandbox: real TCP, one exchange at a time on each connection, in its own thread.

It reads a request, lets a fault happen to it, and counts. The work of a request that it has delivered is done, even if
nobody waits for the response any more.
"""

from __future__ import annotations

import asyncio
import random
import socket
import threading
from collections import Counter
from contextlib import suppress
from types import TracebackType
from typing import Self, cast

from support.runs import until

from chaos.wire_faults import FAULTS, HARMLESS, Message, WireFault, corrupted, gateway_page

HOST = "127.0.0.1"
MAX_LATE_SECONDS = 3.0  # less than a run waits before it looks up a request in doubt


class _Cut(Exception):  # noqa: N818 - an event, not an error
    """The connection is cut."""


class Proxy:
    """Listens on a port of its own; a context manager."""

    def __init__(self, sandbox_port: int, seed: str) -> None:
        self._sandbox_port = sandbox_port
        self._rng = random.Random(seed)  # noqa: S311 - faults, not a secret
        self.badness = 0.0  # the probability that a fault happens to an exchange
        self.requests = 0
        self.troubles = 0  # exchanges whose response the client cannot have read in time
        self.faults: Counter[WireFault] = Counter()
        self._open: set[int] = set()  # the ports of the clients that are connected
        self._seen: set[int] = set()  # the ports of all clients so far
        self._clients: set[asyncio.Task[None]] = set()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), daemon=True)
        self._is_open = threading.Event()

    @property
    def base_url(self) -> str:
        """The URL at which it listens."""
        return f"http://{HOST}:{self._port}"

    def __enter__(self) -> Self:
        self._thread.start()
        self._is_open.wait()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()

    def settle(self) -> None:
        """Wait until every request that was sent so far has ended; its clients must have ended before."""
        with socket.create_connection((HOST, self._port)) as last:  # accepted after all others
            port = last.getsockname()[1]
        until(lambda: port in self._seen and not self._open, "the requests that were sent have ended")

    async def _serve(self) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        server = await asyncio.start_server(self._client, HOST, 0)
        self._port = server.sockets[0].getsockname()[1]
        self._is_open.set()
        await self._stop.wait()
        # asyncio leaks a connection that it is accepting while the server is closed.
        while accepting := asyncio.all_tasks() - self._clients - {asyncio.current_task()}:
            await asyncio.wait(accepting, timeout=0.01)
        server.close()
        while self._clients:
            for task in self._clients:
                task.cancel()
            await asyncio.wait(self._clients)
        await asyncio.sleep(0)  # let the last transports close

    async def _client(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        port = writer.get_extra_info("peername")[1]
        task = cast(asyncio.Task[None], asyncio.current_task())
        self._clients.add(task)
        self._open.add(port)
        self._seen.add(port)
        # asyncio logs the cancellation of such a task as an error, so this one ends normally when it is cancelled.
        with suppress(_Cut, OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, asyncio.CancelledError):
            while True:
                await self._exchange(await _message(reader), writer)
        self._open.discard(port)
        self._clients.discard(task)
        writer.transport.abort() if self._rng.random() < 0.5 else writer.close()

    async def _exchange(self, request: Message, writer: asyncio.StreamWriter) -> None:
        self.requests += 1
        is_bad = self._rng.random() < self.badness
        fault = self._rng.choice(FAULTS) if is_bad else WireFault.NONE
        self.faults[fault] += 1
        self.troubles += fault not in HARMLESS
        try:
            await self._pass_on(fault, request, writer)
        except (OSError, asyncio.IncompleteReadError) as error:  # the sandbox is gone
            self.troubles += fault in HARMLESS
            if self._rng.random() < 0.5:
                raise _Cut from error
            await _send(writer, gateway_page(self._rng))

    async def _pass_on(self, fault: WireFault, request: Message, writer: asyncio.StreamWriter) -> None:
        if fault is WireFault.CUT_BEFORE:
            raise _Cut
        if fault is WireFault.GATEWAY_BEFORE:
            await _send(writer, gateway_page(self._rng))
            return
        if fault is WireFault.LATE:
            await self._delay()
        await self._return(fault, await self._delivered(request), writer)

    async def _delay(self) -> None:
        """Wait for a while. On a machine so busy that it takes too long, the request is lost instead."""
        end = self._loop.time() + MAX_LATE_SECONDS
        await asyncio.sleep(self._rng.uniform(0.05, MAX_LATE_SECONDS))
        if self._loop.time() > end:
            raise _Cut

    async def _delivered(self, request: Message) -> Message:
        """Deliver a request to the sandbox, and return the response, even if the client has gone."""
        reader, writer = await asyncio.open_connection(HOST, self._sandbox_port)
        try:
            writer.write(request.with_header(b"connection", b"close").whole())
            response = await _message(reader)
        finally:
            writer.close()
        return response.without_header(b"connection")

    async def _return(self, fault: WireFault, response: Message, writer: asyncio.StreamWriter) -> None:
        content = response.whole()
        match fault:
            case WireFault.SLOW:
                await asyncio.sleep(self._rng.uniform(0.05, MAX_LATE_SECONDS))
            case WireFault.TRICKLED:
                await _trickle(writer, content)
                return
            case WireFault.CUT_AFTER:
                raise _Cut
            case WireFault.CUT_WITHIN:
                await _send(writer, content[: self._rng.randrange(1, len(content))])
                raise _Cut
            case WireFault.GATEWAY_AFTER:
                content = gateway_page(self._rng)
            case WireFault.CORRUPTED:
                _, content = corrupted(self._rng, response)
        await _send(writer, content)
        if (
            fault is WireFault.CORRUPTED and self._rng.random() < 0.7
        ):  # otherwise the client waits for the rest, if it can
            raise _Cut


async def _send(writer: asyncio.StreamWriter, content: bytes) -> None:
    try:
        writer.write(content)
        await writer.drain()
    except OSError as error:
        raise _Cut from error


async def _trickle(writer: asyncio.StreamWriter, content: bytes) -> None:
    size = max(1, len(content) // 50)
    for at in range(0, len(content), size):
        await _send(writer, content[at : at + size])
        await asyncio.sleep(0.002)


async def _message(reader: asyncio.StreamReader) -> Message:
    """Read a request or a response; its head has its length."""
    head = (await reader.readuntil(b"\r\n\r\n"))[:-4]
    length = 0
    for line in head.split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            length = int(value)
    return Message(head, await reader.readexactly(length))
