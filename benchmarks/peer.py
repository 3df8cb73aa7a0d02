"""A peer that answers what bulk asks of Codat, from memory and as cheaply as Python can: `python -m benchmarks.peer`.

It is no stand-in for Codat (that is `bulk sandbox`): requests are taken at their word, nothing fails, and only what
bulk sends in a run without faults is there. A process of its own, so that its work is not measured with bulk's; it
prints its port and ends when its standard input does. With `--batch FOLDER` it begins with the companies that this
batch's journal has asked for, of which `--linked` many, spread evenly, are authorized.

`GET /seen` tells what came in since the last `POST /forget`, which also takes it back to how it began; neither is
counted.
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
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode

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


@dataclass(frozen=True, slots=True)
class Stock:
    """What a peer begins with."""

    companies: tuple[bytes, ...] = ()  # what was sent to make each: its place is its id
    platform_keys: tuple[str, ...] = ()  # of the connection that each has
    linked: frozenset[int] = frozenset()  # the places of those who have authorized


def stock(folder: Path, linked: int) -> Stock:
    """Read what a batch's journal has asked for; so many of its customers, spread evenly, have authorized."""
    connection = sqlite3.connect(f"{(folder / 'journal.sqlite3').absolute().as_uri()}?mode=ro", uri=True)
    asked = "SELECT body FROM requests WHERE operation = ? ORDER BY customer"
    companies = tuple(body.encode() for (body,) in connection.execute(asked, ("create_company",)))
    connections = connection.execute(asked, ("create_connection",))
    platform_keys = tuple(sys.intern(str(json.loads(body)["platformKey"])) for (body,) in connections)
    connection.close()
    return Stock(companies, platform_keys, frozenset(at * len(companies) // linked for at in range(linked)))


NOTHING = Stock()


class Codat:
    """The companies and connections that were made, and the answers to requests."""

    def __init__(self, most_a_minute: int = 0, begins_with: Stock = NOTHING) -> None:
        self._most_a_minute = most_a_minute
        self._begins_with = begins_with
        self._companies: list[bytes] = []  # what was sent to make each: its place is its id
        self._tagged: dict[tuple[str, str], list[int]] = {}  # the companies with a tag, for the pages of their list
        self.forget()
        today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        self._reset_at = format_datetime(today + timedelta(days=1), usegmt=True)

    def forget(self) -> None:
        """Begin anew."""
        if len(self._companies) != len(self._begins_with.companies):
            self._companies = list(self._begins_with.companies)
            self._tagged.clear()
        self.arrivals = Arrivals(self._most_a_minute)
        # The platformKey of the one accounting connection that each company may have.
        self._connections = dict(enumerate(self._begins_with.platform_keys))
        self._partners: set[int] = set()  # the companies with a partner expense connection

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
            self._tagged.clear()
            return 200, json.dumps(self._company(len(self._companies) - 1))
        if parts == ["companies"] and method == "GET":
            return 200, json.dumps(self._page(parse_qs(query)))
        if parts[0] == "companies" and len(parts) > 1:
            content = self._done_to(int(parts[1][-12:], 16), method, parts[2:], body)
            if content is not None:
                return 200, json.dumps(content)
        return 404, json.dumps({"statusCode": 404, "error": "Not found", "correlationId": _id(0, "9")})

    def _done_to(self, place: int, method: str, parts: list[str], body: bytes) -> dict[str, Any] | None:
        """Do what is asked of one company; None if there is no such thing."""
        if method == "GET" and not parts:
            return self._company(place)
        if method == "POST" and parts == ["connections"]:
            self._connections[place] = sys.intern(str(json.loads(body)["platformKey"]))
            return self._connection(place)
        if method == "POST" and parts == ["sync", "expenses", "connections", "partnerExpense"]:
            self._partners.add(place)
            return self._partner(place)
        return None

    def _page(self, query: dict[str, list[str]]) -> dict[str, object]:
        page, size = int(query.get("page", ["1"])[0]), int(query.get("pageSize", ["100"])[0])
        tags = query.get("tags", [""])[0]
        key, _, value = tags.partition("=")
        places = self._with_tag(key, value) if key else range(len(self._companies))
        here = [self._company(place) for place in places[(page - 1) * size : page * size]]
        filters = {"tags": tags} if tags else {}
        links = {"self": {"href": "/companies"}, "current": {"href": _page_path(page, size, filters)}}
        if len(places) > page * size:
            links["next"] = {"href": _page_path(page + 1, size, filters)}
        figures = {"pageNumber": page, "pageSize": size, "totalResults": len(places)}
        return {"results": here} | figures | {"_links": links}

    def _with_tag(self, key: str, value: str) -> Sequence[int]:
        if (key, value) not in self._tagged:
            sent = enumerate(map(json.loads, self._companies))
            self._tagged[key, value] = [place for place, each in sent if (each.get("tags") or {}).get(key) == value]
        return self._tagged[key, value]

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
            "dataConnections": [
                *([self._connection(place)] if place in self._connections else []),
                *([self._partner(place)] if place in self._partners else []),
            ],
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
            "status": "Linked" if place in self._begins_with.linked else "PendingAuth",
            "created": "2026-08-01T09:00:00.0000000Z",
            "lastSync": None,
            "dataConnectionErrors": [],
            "connectionInfo": {},
        }

    def _partner(self, place: int) -> dict[str, Any]:
        return {
            "id": _id(place, "5"),
            "integrationId": _id(0, "6"),
            "integrationKey": "prex",
            "sourceId": _id(0, "7"),
            "sourceType": "Expense",
            "platformName": "Partner Expense",
            "linkUrl": f"https://link-api.codat.io/connections/{_id(place, '5')}/start?otp={place}",
            "status": "Linked",
            "created": "2026-08-02T09:00:00.0000000Z",
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


def _page_path(page: int, size: int, filters: dict[str, str]) -> str:
    return "/companies?" + urlencode({"page": page, "pageSize": size} | filters)


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


async def serve(codat: Codat, latency: float) -> None:
    """Serve on a free port of the loopback until standard input ends."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Exchange(codat, latency), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--latency", type=float, default=0.0, help="seconds before each answer")
    parser.add_argument("--rate-limit", type=int, default=0, help="requests in any 60 seconds; 0: no limit")
    parser.add_argument("--batch", type=Path, metavar="FOLDER", help="begin with what this batch has asked for")
    parser.add_argument("--linked", type=int, default=0, help="how many of its customers have authorized")
    chosen = parser.parse_args()
    kept = stock(chosen.batch, chosen.linked) if chosen.batch else NOTHING
    asyncio.run(serve(Codat(chosen.rate_limit, kept), chosen.latency))
