"""The fake Codat of the tests behind a thin HTTP server: `python -m benchmarks.peer`, with `tests` on the path.

It is a process of its own, so that its work is not measured together with bulk's. It prints its port, and ends when its
standard input closes. With `--batch FOLDER` it starts with the companies in this batch's journal; `--linked` of them,
spread evenly, are authorized.

`GET /seen` returns the figures of the requests since the last `POST /forget`, which also restores the first companies.
Neither is counted.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import math
import sqlite3
import sys
import time
from array import array
from collections import deque
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path

from support.answers import Answer
from support.fake_codat import FakeCodat, Rules

A_MINUTE = 60.0
RULES = Rules(quota=10_000_000)
REASONS = {status.value: status.phrase for status in HTTPStatus}


class Arrivals:
    """The arrival times of requests by the machine's steady clock, and the number of refused ones."""

    def __init__(self, rate: int) -> None:
        self._rate = rate
        self.times = array("d")
        self.refused = 0
        self._minute: deque[float] = deque()  # the accepted requests of the last 60 seconds

    def count(self) -> float:
        """Count a request; return the seconds by which it is too early, 0 if it is accepted."""
        now = time.monotonic()
        self.times.append(now)
        if not self._rate:
            return 0.0
        while self._minute and self._minute[0] <= now - A_MINUTE:
            self._minute.popleft()
        if len(self._minute) >= self._rate:
            self.refused += 1
            return self._minute[0] + A_MINUTE - now
        self._minute.append(now)
        return 0.0

    def worst_minute(self) -> int:
        """Return the highest number of requests in any 60 seconds."""
        worst = start = 0
        for end, now in enumerate(self.times):
            while self.times[start] <= now - A_MINUTE:
                start += 1
            worst = max(worst, end - start + 1)
        return worst

    def seen(self) -> dict[str, float]:
        """Return the figures of all requests so far."""
        first, last = (self.times[0], self.times[-1]) if self.times else (0.0, 0.0)
        seen = {"requests": len(self.times), "first": first, "last": last, "refused": self.refused}
        return seen | {"worst_minute": self.worst_minute()}


@dataclass(frozen=True, slots=True)
class Stock:
    """The companies that a peer starts with."""

    companies: tuple[bytes, ...] = ()  # the bodies that created them, in order
    platform_keys: tuple[str, ...] = ()  # of the connection that each company has
    linked: frozenset[int] = frozenset()  # the places of those that have authorized


NOTHING = Stock()


def stock(folder: Path, linked: int) -> Stock:
    """Read the companies and connections that a batch has created; mark `linked` of them as authorized."""
    journal = sqlite3.connect(f"{(folder / 'journal.sqlite3').absolute().as_uri()}?mode=ro", uri=True)
    bodies = "SELECT body FROM requests WHERE operation = ? ORDER BY customer"
    companies = tuple(body.encode() for (body,) in journal.execute(bodies, ("create_company",)))
    connections = journal.execute(bodies, ("create_connection",))
    platform_keys = tuple(sys.intern(str(json.loads(body)["platformKey"])) for (body,) in connections)
    journal.close()
    return Stock(companies, platform_keys, frozenset(at * len(companies) // linked for at in range(linked)))


class Peer:
    """A fake Codat that counts requests and can be reset."""

    def __init__(self, rate: int, initial: Stock) -> None:
        self._rate = rate
        self._initial = initial
        self.forget()

    def forget(self) -> None:
        """Restore the first companies, and count from zero."""
        self.arrivals = Arrivals(self._rate)
        self._codat = FakeCodat(time.time, RULES)
        stock = self._initial
        for place, (sent, platform_key) in enumerate(zip(stock.companies, stock.platform_keys, strict=True)):
            connection = self._codat.add_connection(self._codat.add_company(sent), platform_key)
            if place in stock.linked:
                self._codat.link(connection)

    def response(self, method: str, target: str, body: bytes) -> bytes:
        """Return the whole response to a request."""
        if target == "/seen":
            return _written(Answer(200, json.dumps(self.arrivals.seen())))
        if target == "/forget":
            self.forget()
            return _written(Answer(200, "{}"))
        early = self.arrivals.count()
        if early > 0:
            refusal = self._codat.error(429, "Rate limit exceeded", (("Retry-After", str(math.ceil(early))),))
            return _written(self._codat.with_headers(refusal))
        return _written(self._codat.answer(method, target, body))


class Exchange(asyncio.Protocol):
    """One connection of a client: requests in, responses out after the latency."""

    def __init__(self, peer: Peer, latency: float) -> None:
        self._peer = peer
        self._latency = latency
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport, for the responses."""
        if not isinstance(transport, asyncio.Transport):
            raise TypeError("a stream is needed")
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Respond to every complete request."""
        self._received += data
        while (end := self._received.find(b"\r\n\r\n")) >= 0:
            head = self._received[:end].decode("latin-1")
            length = _length(head)
            if len(self._received) < end + 4 + length:
                return
            body = self._received[end + 4 : end + 4 + length]
            self._received = self._received[end + 4 + length :]
            method, target, _ = head.split("\r\n", 1)[0].split(" ")
            response = self._peer.response(method, target, body)
            if self._latency:
                asyncio.get_running_loop().call_later(self._latency, self._transport.write, response)
            else:
                self._transport.write(response)


def _length(head: str) -> int:
    for line in head.split("\r\n"):
        if line[:15].lower() == "content-length:":
            return int(line[15:])
    return 0


def _written(answer: Answer) -> bytes:
    body = answer.body.encode()
    headers = "".join([f"{name}: {value}\r\n" for name, value in answer.headers])
    head = (
        f"HTTP/1.1 {answer.status} {REASONS[answer.status]}\r\n{headers}"
        f"Content-Type: application/json; charset=utf-8\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


async def serve(peer: Peer, latency: float) -> None:
    """Serve on a free port of the loopback until standard input ends."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Exchange(peer, latency), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--latency", type=float, default=0.0, help="seconds before each response")
    parser.add_argument("--rate-limit", type=int, default=0, help="requests in any 60 seconds; 0: no limit")
    parser.add_argument("--batch", type=Path, metavar="FOLDER", help="start with the companies of this batch")
    parser.add_argument("--linked", type=int, default=0, help="the number of its customers who have authorized")
    options = parser.parse_args()
    kept = stock(options.batch, options.linked) if options.batch else NOTHING
    asyncio.run(serve(Peer(options.rate_limit, kept), options.latency))
