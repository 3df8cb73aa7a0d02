"""A proxy between `bulk` and the sandbox: real TCP, one exchange at a time on each connection, in a thread of its own.

It reads a request, lets its deed befall it, and counts. What the sandbox was given is done, whether or not anybody
waits for the answer any more.
"""

from __future__ import annotations

import asyncio
import random
import threading
from collections import Counter
from contextlib import suppress
from types import TracebackType
from typing import Self

from chaos.corruption import TROUBLES, Answer, Deed, garbled, gateway_page

HOST = "127.0.0.1"
LATEST_SECONDS = 3.0  # less than a run waits before it looks up what is in doubt
HARMLESS = frozenset({Deed.WELL, Deed.TRICKLED})


class _Cut(Exception):  # noqa: N818 - what is done, no error
    """The connection is cut."""


class Proxy:
    """Listens on a port of its own; a context manager."""

    def __init__(self, sandbox_port: int, seed: str) -> None:
        self._sandbox_port = sandbox_port
        self._chance = random.Random(seed)  # noqa: S311 - mischief, no secret
        self.badness = 0.0  # of an exchange, the probability that something befalls it
        self.requests = 0
        self.troubles = 0  # exchanges whose answer the client cannot have read in time
        self.deeds: Counter[Deed] = Counter()
        self.garbled: Counter[str] = Counter()
        self.in_flight = 0
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._is_open = threading.Event()

    @property
    def base_url(self) -> str:
        """Where it listens."""
        return f"http://{HOST}:{self._port}"

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._is_open.wait(10)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    def _serve(self) -> None:
        asyncio.set_event_loop(self._loop)
        server = self._loop.run_until_complete(asyncio.start_server(self._client, HOST, 0))
        self._port = server.sockets[0].getsockname()[1]
        self._is_open.set()
        self._loop.run_forever()
        server.close()
        while left := asyncio.all_tasks(self._loop):  # a connection may have come in the meantime
            for task in left:
                task.cancel()
            self._loop.run_until_complete(asyncio.gather(*left, return_exceptions=True))
        self._loop.close()

    async def _client(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(_Cut, OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            while True:
                request = await _message(reader)
                self.in_flight += 1
                try:
                    await self._exchange(request, writer)
                finally:
                    self.in_flight -= 1
        writer.transport.abort() if self._chance.random() < 0.5 else writer.close()

    async def _exchange(self, request: Answer, writer: asyncio.StreamWriter) -> None:
        self.requests += 1
        is_bad = self._chance.random() < self.badness
        deed = self._chance.choice(TROUBLES) if is_bad else Deed.WELL
        self.deeds[deed] += 1
        self.troubles += deed not in HARMLESS
        try:
            await self._befall(deed, request, writer)
        except (OSError, asyncio.IncompleteReadError) as error:  # the sandbox is gone
            self.troubles += deed in HARMLESS
            if self._chance.random() < 0.5:
                raise _Cut from error
            await self._send(writer, gateway_page(self._chance))

    async def _deliver(self, request: Answer) -> Answer:
        """Return the request to the sandbox; return its answer. Goes on when the client has gone."""
        reader, writer = await asyncio.open_connection(HOST, self._sandbox_port)
        try:
            writer.write(request.with_header(b"connection", b"close").whole())
            answer = await _message(reader)
        finally:
            writer.close()
        return answer.without_header(b"connection")

    async def _send(self, writer: asyncio.StreamWriter, content: bytes) -> None:
        try:
            writer.write(content)
            await writer.drain()
        except OSError as error:
            raise _Cut from error

    async def _befall(self, deed: Deed, request: Answer, writer: asyncio.StreamWriter) -> None:
        if deed is Deed.CUT_BEFORE:
            raise _Cut
        if deed is Deed.GATEWAY_BEFORE:
            await self._send(writer, gateway_page(self._chance))
            return
        if deed is Deed.LATE:
            await asyncio.sleep(self._chance.uniform(0.05, LATEST_SECONDS))
        await self._give_back(deed, await self._deliver(request), writer)

    async def _give_back(self, deed: Deed, answer: Answer, writer: asyncio.StreamWriter) -> None:
        content = answer.whole()
        match deed:
            case Deed.SLOW:
                await asyncio.sleep(self._chance.uniform(0.05, LATEST_SECONDS))
            case Deed.TRICKLED:
                await self._trickle(writer, content)
                return
            case Deed.CUT_AFTER:
                raise _Cut
            case Deed.CUT_WITHIN:
                await self._send(writer, content[: self._chance.randrange(1, len(content))])
                raise _Cut
            case Deed.GATEWAY_AFTER:
                content = gateway_page(self._chance)
            case Deed.GARBLED:
                how, content = garbled(self._chance, answer)
                self.garbled[how] += 1
        await self._send(writer, content)
        if deed is Deed.GARBLED and self._chance.random() < 0.7:  # else the client waits for more, or sees what is left
            raise _Cut

    async def _trickle(self, writer: asyncio.StreamWriter, content: bytes) -> None:
        size = max(1, len(content) // 50)
        for at in range(0, len(content), size):
            await self._send(writer, content[at : at + size])
            await asyncio.sleep(0.002)


async def _message(reader: asyncio.StreamReader) -> Answer:
    """Read a request or an answer, whose length its head says."""
    head = (await reader.readuntil(b"\r\n\r\n"))[:-4]
    length = 0
    for line in head.split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            length = int(value)
    return Answer(head, await reader.readexactly(length))
