"""A peer that answers what bulk asks of Codat, from memory and as cheaply as Python can: `python -m benchmarks.peer`.

It is no stand-in for Codat (that is `bulk sandbox`): requests are taken at their word, nothing fails, and only what
bulk sends in a run without faults is there. A process of its own, so that its work is not measured with bulk's; it
prints its port and ends when its standard input does.

`GET /seen` tells what came in since the last `POST /forget`; neither is counted.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import math
import sys
import time
from array import array
from collections import deque
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qs

A_MINUTE = 60.0
QUOTA = 10_000_000
NAMES = {"gbol": "Xero", "qhyg": "QuickBooks Online", "fbrh": "FreeAgent", "akxx": "Oracle NetSuite"}


class Arrivals:
    """When requests came in, by the machine's steady clock, and which of them were refused."""

    def __init__(self, most_a_minute: int) -> None:
        self._most = most_a_minute
        self.times = array("d")
        self.refused = 0
        self._minute: deque[float] = deque()  # what was let in during the last 60 seconds

    def note(self) -> float:
        """Count a request; gives the seconds that it comes too early, 0 if it is welcome."""
        now = time.monotonic()
        self.times.append(now)
        if not self._most:
            return 0.0
        while self._minute and self._minute[0] <= now - A_MINUTE:
            self._minute.popleft()
        if len(self._minute) >= self._most:
            self.refused += 1
            return self._minute[0] + A_MINUTE - now
        self._minute.append(now)
        return 0.0

    def worst_minute(self) -> int:
        """Count the most requests in any 60 seconds."""
        worst = start = 0
        for end, now in enumerate(self.times):
            while self.times[start] <= now - A_MINUTE:
                start += 1
            worst = max(worst, end - start + 1)
        return worst


class Codat:
    """The companies and connections that were made, and the answers to requests."""

    def __init__(self, most_a_minute: int = 0) -> None:
        self._most_a_minute = most_a_minute
        self.forget()
        today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        self._reset_at = format_datetime(today + timedelta(days=1), usegmt=True)

    def forget(self) -> None:
        """Begin anew."""
        self.arrivals = Arrivals(self._most_a_minute)
        self._companies: list[bytes] = []  # what was sent to make each: its place is its id
        self._connections: dict[int, str] = {}  # the platformKey of the one that each company may have

    def answer(self, method: str, target: str, body: bytes) -> bytes:
        """Give the whole answer to one request."""
        if target == "/seen":
            times = self.arrivals.times
            first, last = (times[0], times[-1]) if times else (0.0, 0.0)
            seen = {"requests": len(times), "first": first, "last": last, "refused": self.arrivals.refused}
            return _response(200, json.dumps(seen | {"worst_minute": self.arrivals.worst_minute()}), "")
        if target == "/forget":
            self.forget()
            return _response(200, "{}", "")
        early = self.arrivals.note()
        if early > 0:
            refusal = {"statusCode": 429, "error": "Rate limit exceeded", "correlationId": _id(0, "9")}
            return _response(429, json.dumps(refusal), self._quota() + f"Retry-After: {math.ceil(early)}\r\n")
        status, content = self._done(method, target, body)
        return _response(status, content, self._quota())

    def _done(self, method: str, target: str, body: bytes) -> tuple[int, str]:
        path, _, query = target.partition("?")
        parts = path.strip("/").split("/")
        if parts == ["companies"] and method == "POST":
            self._companies.append(body)
            return 200, json.dumps(self._company(len(self._companies) - 1))
        if parts == ["companies"] and method == "GET":
            return 200, json.dumps(self._page(parse_qs(query)))
        if len(parts) == 3 and parts[0] == "companies" and parts[2] == "connections" and method == "POST":
            place = int(parts[1][-12:], 16)
            self._connections[place] = sys.intern(str(json.loads(body)["platformKey"]))
            return 200, json.dumps(self._connection(place))
        return 404, json.dumps({"statusCode": 404, "error": "Not found", "correlationId": _id(0, "9")})

    def _page(self, query: dict[str, list[str]]) -> dict[str, object]:
        page, size = int(query.get("page", ["1"])[0]), int(query.get("pageSize", ["100"])[0])
        key, _, value = query.get("tags", [""])[0].partition("=")
        companies = [self._company(place) for place in range(len(self._companies))]
        if key:
            companies = [c for c in companies if c["tags"].get(key) == value]
        here, further = companies[(page - 1) * size : page * size], len(companies) > page * size
        links = {"self": {"href": "/companies"}, "current": {"href": f"/companies?page={page}&pageSize={size}"}}
        if further:
            links["next"] = {"href": f"/companies?page={page + 1}&pageSize={size}"}
        figures = {"pageNumber": page, "pageSize": size, "totalResults": len(companies)}
        return {"results": here} | figures | {"_links": links}

    def _company(self, place: int) -> dict[str, Any]:
        sent = json.loads(self._companies[place])
        return {
            "id": _id(place, "1"),
            "name": sent["name"],
            "description": sent.get("description"),
            "redirect": f"https://link.codat.io/company/{_id(place, '1')}",
            "created": "2026-08-01T09:00:00.0000000Z",
            "createdByUserName": "Benchmark",
            "lastSync": None,
            "platform": "",
            "dataConnections": [self._connection(place)] if place in self._connections else [],
            "products": [],
            "tags": sent.get("tags") or {},
        }

    def _connection(self, place: int) -> dict[str, Any]:
        key = self._connections[place]
        return {
            "id": _id(place, "2"),
            "integrationId": _id(0, "3"),
            "integrationKey": key,
            "sourceId": _id(0, "4"),
            "sourceType": "Accounting",
            "platformName": NAMES.get(key, key),
            "linkUrl": f"https://link-api.codat.io/connections/{_id(place, '2')}/start?otp={place}",
            "status": "PendingAuth",
            "created": "2026-08-01T09:00:00.0000000Z",
            "lastSync": None,
            "dataConnectionErrors": [],
            "connectionInfo": {},
        }

    def _quota(self) -> str:
        left = QUOTA - len(self.arrivals.times)
        return (
            f"X-Rate-Limit-Limit: {QUOTA}\r\nX-Rate-Limit-Remaining: {left}\r\nX-Rate-Limit-Reset: {self._reset_at}\r\n"
        )


class Exchange(asyncio.Protocol):
    """One connection of a client: requests in, answers out after the latency."""

    def __init__(self, codat: Codat, latency: float) -> None:
        self._codat = codat
        self._latency = latency
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep where answers go."""
        if not isinstance(transport, asyncio.Transport):
            raise TypeError("a stream is needed")
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Answer every request that has come in whole."""
        self._received += data
        while (end := self._received.find(b"\r\n\r\n")) >= 0:
            head = self._received[:end].decode("latin-1")
            length = _length(head)
            if len(self._received) < end + 4 + length:
                return
            body = self._received[end + 4 : end + 4 + length]
            self._received = self._received[end + 4 + length :]
            method, target, _ = head.split("\r\n", 1)[0].split(" ")
            answer = self._codat.answer(method, target, body)
            if self._latency:
                asyncio.get_running_loop().call_later(self._latency, self._transport.write, answer)
            else:
                self._transport.write(answer)


def _length(head: str) -> int:
    for line in head.split("\r\n"):
        if line[:15].lower() == "content-length:":
            return int(line[15:])
    return 0


def _response(status: int, content: str, headers: str) -> bytes:
    body = content.encode()
    date = time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime())
    head = (
        f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\nDate: {date}\r\n{headers}"
        f"Content-Type: application/json; charset=utf-8\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def _id(place: int, kind: str) -> str:
    """A UUID: version and variant as they must be, the rest from the place."""
    return f"{kind * 8}-c0da-4000-8000-{place:012x}"


async def serve(latency: float, most_a_minute: int) -> None:
    """Serve on a free port of the loopback until standard input ends."""
    loop = asyncio.get_running_loop()
    codat = Codat(most_a_minute)
    server = await loop.create_server(lambda: Exchange(codat, latency), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--latency", type=float, default=0.0, help="seconds before each answer")
    parser.add_argument("--rate-limit", type=int, default=0, help="requests in any 60 seconds; 0: no limit")
    chosen = parser.parse_args()
    asyncio.run(serve(chosen.latency, chosen.rate_limit))
