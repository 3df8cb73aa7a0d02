"""Codat for a great many companies: quota, companies and links, as cheap as Python can, and nothing ever goes wrong.

Faults are the sandbox's business (`codat`). Here a request is taken at its word, in time, and only what a migration and
its follow-ups send is there. What was sent lies in a file, so that memory is left to what is measured.
"""

from __future__ import annotations

import heapq
import json
import random
import sys
from array import array
from collections import Counter, deque
from collections.abc import Iterable
from email.utils import formatdate
from pathlib import Path
from urllib.parse import parse_qs

from bulk.codat import responses
from bulk.codat.endpoints import Request
from bulk.codat.forecast import Linking
from bulk.codat.quota import QUOTA_A_COMPANY
from bulk.codat.responses import Reply
from simulation.clock import START, Time
from simulation.trace import Broken

DAY = 86_400.0
BARE, WAITING, LINKED, COMPLETE = range(4)  # how far a company is


class LeanCodat:
    """The other side, over all runs of a migration."""

    def __init__(self, time: Time, file: Path, *, rate: int, linked: int, linking: Linking, seed: int) -> None:
        """Begin with `linked` companies of others; `linking` says who of the batch's customers links, and when."""
        self.requests: Counter[str] = Counter()
        self.last_at = 0.0  # when the last request came
        self._time = time
        self._rate = rate
        self._linked = self._others = linked
        self._linking = linking
        self._rng = random.Random(seed)  # noqa: S311 - repeatable, no secret
        self._sent = file.open("w+b")
        self._begins = array("Q", [0])  # of what was sent for each company, by its place, in the file
        self._far = bytearray()
        self._platforms: list[str] = []
        self._emailed = 0  # companies, in order of their place
        self._links: list[tuple[float, int]] = []  # when who will link
        self._recent: deque[float] = deque()
        self._day, self._used = -1, 0

    def close(self) -> None:
        """Let go of the file."""
        self._sent.close()

    @property
    def linked(self) -> int:
        """Count the linked companies, by now."""
        while self._links and self._links[0][0] <= self._time.now:
            _, place = heapq.heappop(self._links)
            self._far[place] = LINKED
            self._linked += 1
        return self._linked

    def email(self) -> None:
        """Have everybody emailed who has got a link since the last time: some of them will link."""
        for place in range(self._emailed, len(self._far)):
            if self._rng.random() < self._linking.share:
                at = self._time.now + self._rng.uniform(0.0, self._linking.within * DAY)
                heapq.heappush(self._links, (at, place))
        self._emailed = len(self._far)

    def answer(self, request: Request) -> Reply:
        """Take a request in now. Raises Broken where it breaks a limit: a migration without faults never does."""
        limit = self._spend()
        self.requests[request.operation] += 1
        reset_at = START + (self._day + 1) * DAY
        headers = {
            "date": formatdate(START + self._time.now, usegmt=True),
            "x-rate-limit-limit": str(limit),
            "x-rate-limit-remaining": str(limit - self._used),
            "x-rate-limit-reset": formatdate(reset_at, usegmt=True),
        }
        return responses.read(200, headers, self._do(request))

    def _spend(self) -> int:
        now, recent = self._time.now, self._recent
        recent.append(now)
        while recent[0] <= now - 60.0:
            recent.popleft()
        if len(recent) > self._rate:
            raise Broken(f"{len(recent)} requests in a minute, and {self._rate} are allowed")
        if int(now // DAY) != self._day:
            self._day, self._used = int(now // DAY), 0
        self._used += 1
        self.last_at = now
        limit = QUOTA_A_COMPANY * (1 + self.linked)
        if self._used > limit:
            raise Broken(f"{self._used} requests in a day, and {limit} are allowed")
        return limit

    def _do(self, request: Request) -> bytes:
        path, _, query = request.path.partition("?")
        parts = path.strip("/").split("/")
        if request.operation == "create_company":
            self._sent.seek(self._begins[-1])
            self._begins.append(self._begins[-1] + self._sent.write((request.body or "").encode()))
            self._far.append(BARE)
            self._platforms.append("")
            return self._companies([len(self._far) - 1])[0]
        if request.operation == "list_companies":
            return self._page({name: value for name, (value,) in parse_qs(query).items()})
        place = int(parts[1][-12:], 16)
        if request.operation == "create_connection" and self._far[place] == BARE:
            self._far[place], self._platforms[place] = (
                WAITING,
                sys.intern(json.loads(request.body or "")["platformKey"]),
            )
            return self._connection(place)
        if request.operation == "create_partner_expense_connection" and self._far[place] == LINKED:
            self._far[place] = COMPLETE
            return _partner(place)
        raise Broken(f"{request.method} {request.path}: not now")

    def _page(self, query: dict[str, str]) -> bytes:
        page, size = int(query["page"]), int(query["pageSize"])
        others = 0 if "tags" in query else self._others
        total = others + len(self._far)
        here = range((page - 1) * size, min(page * size, total))
        bodies = [_other(place) for place in here if place < others]
        bodies += self._companies([place - others for place in here if place >= others])
        tags = f"&tags={query['tags']}" if "tags" in query else ""
        following = f"/companies?page={page + 1}&pageSize={size}{tags}"
        links = {"next": {"href": following}} if page * size < total else {}
        return b'{"results":[%b],"totalResults":%d,"_links":%b}' % (
            b",".join(bodies),
            total,
            json.dumps(links).encode(),
        )

    def _companies(self, places: Iterable[int]) -> list[bytes]:
        """Give companies, which are beside each other, as what was sent and what Codat adds."""
        bodies: list[bytes] = []
        for place in places:
            begin, end = self._begins[place], self._begins[place + 1]
            if not bodies or self._sent.tell() != begin:
                self._sent.seek(begin)
            connections = [self._connection(place)] if self._far[place] != BARE else []
            connections += [_partner(place)] if self._far[place] == COMPLETE else []
            added = b'{"id":"%b","redirect":"https://link.codat.io/company/%b","created":"2026-11-23T00:00:00Z",' % (
                (_id(place, "1"),) * 2
            )
            listed = b'"dataConnections":[%b],' % b",".join(connections)
            bodies.append(added + listed + self._sent.read(end - begin)[1:])
        return bodies

    def _connection(self, place: int) -> bytes:
        status = "Linked" if self._far[place] in (LINKED, COMPLETE) else "PendingAuth"
        return _connection(_id(place, "2"), self._platforms[place], "Accounting", status)


def _connection(connection_id: bytes, platform_key: str, source_type: str, status: str) -> bytes:
    return (
        b'{"id":"%b","integrationId":"33333333-c0da-4000-8000-000000000000","integrationKey":"%b",'
        b'"sourceId":"44444444-c0da-4000-8000-000000000000","sourceType":"%b","platformName":"Some Platform",'
        b'"linkUrl":"https://link-api.codat.io/connections/%b/start?otp=123456","status":"%b",'
        b'"created":"2026-11-23T00:00:00Z","dataConnectionErrors":[],"connectionInfo":{}}'
    ) % (connection_id, platform_key.encode(), source_type.encode(), connection_id, status.encode())


def _partner(place: int) -> bytes:
    return _connection(_id(place, "5"), "prex", "Expense", "Linked")


def _other(place: int) -> bytes:
    connection = _connection(_id(place, "8"), "gbol", "Accounting", "Linked")
    return b'{"id":"%b","name":"Another","tags":{},"dataConnections":[%b]}' % (_id(place, "9"), connection)


def _id(place: int, kind: str) -> bytes:
    """A UUID: version and variant as they must be, the rest from the place."""
    return b"%b-c0da-4000-8000-%012x" % (kind.encode() * 8, place)
