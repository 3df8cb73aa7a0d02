"""A Codat inside the test: its rules, a script of misfortunes, and a world that can end between any two moments.

Between any two requests a customer may link, unlink or link again, or be deleted by somebody. It is far smaller than
the sandbox and shares nothing with it. What it answers goes through `bulk.codat.responses` like any answer, so a
fault is what a fault is on the wire.
"""

from __future__ import annotations

import itertools
import json
import shutil
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import anyio.lowlevel

from bulk.codat import responses
from bulk.codat.client import Sender
from bulk.codat.endpoints import Request
from bulk.codat.responses import Reply
from bulk.settings import Settings

DELETES = 4  # the first deed that is a deletion in Codat's own portal
GATEWAY = b"<html><body><h1>Bad Gateway</h1></body></html>"


class Fate(StrEnum):
    """What becomes of one request."""

    WELL = "it is done and answered"
    NO_CONNECTION = "it never leaves"
    LOST_BEFORE = "the connection is lost, nothing was done"
    LOST_AFTER = "it is done, then the connection is lost"
    LATE = "the connection is lost; it is done a little later"
    KEPT_BEFORE = "a 500 of Codat's own, nothing was done"
    KEPT_AFTER = "a 500 of Codat's own, though it was done"
    GATEWAY_BEFORE = "a 502 from a gateway, nothing was done"
    GATEWAY_AFTER = "a 502 from a gateway, though it was done"
    HTML = "a 200 from somebody else, nothing was done"
    TRUNCATED = "it is done, half of the answer arrives"
    EMPTY = "it is done, an empty 200 arrives"
    THROTTLED = "429, nothing was done"
    BUSY = "409, nothing was done"
    LAGGING = "a list does not yet show what was made last"


def _json(content: object) -> bytes:
    return json.dumps(content).encode()


def _error(status: int) -> bytes:
    return _json({"statusCode": status, "error": "as told", "correlationId": "c0ffee"})


# What comes back where nothing is done.
UNDONE = {
    Fate.NO_CONNECTION: responses.not_sent("no connection: refused"),
    Fate.LOST_BEFORE: responses.no_response("connection lost"),
    Fate.GATEWAY_BEFORE: responses.read(502, {}, GATEWAY),
    Fate.HTML: responses.read(200, {}, GATEWAY),
    Fate.THROTTLED: responses.read(429, {"retry-after": "1"}, _error(429)),
    Fate.BUSY: responses.read(409, {}, _error(409)),
}


class Crash(Exception):  # noqa: N818 - the end of a process, not an error of it
    """The process has ended here: nothing that comes later reaches the disk or Codat."""


class World:
    """Counts the moments of a run's life, and ends it at one of them.

    At its end the journal's files are copied as they are on the disk; only the copy lives on.
    """

    def __init__(self, folder: Path, *, ends_at: int | None, wall: Callable[[], float]) -> None:
        self._folder = folder
        self._ends_at = ends_at
        self._wall = wall
        self._moments = 0
        self._is_over = False

    @property
    def copy(self) -> Path:
        """Where what was on the disk at the end is kept."""
        return self._folder.with_name(self._folder.name + ".disk")

    def is_over(self) -> bool:
        """Whether the run that lived in it has ended."""
        return self._is_over

    def wall(self) -> float:
        """Give seconds since 1970; the run asks before each intent and each outcome is written."""
        self.moment()
        return self._wall()

    def moment(self) -> None:
        """Let a moment pass. Raises Crash if it was the last."""
        self._moments += 1
        if not self._is_over and self._moments == self._ends_at:
            self._is_over = True
            shutil.rmtree(self.copy, ignore_errors=True)
            self.copy.mkdir()
            for name in ("journal.sqlite3", "journal.sqlite3-wal"):  # in this order: the log holds what is newer
                if (self._folder / name).exists():
                    shutil.copyfile(self._folder / name, self.copy / name)
            raise Crash

    def begin_again(self) -> None:
        """Put the disk back as it was at the end."""
        shutil.rmtree(self._folder)
        self.copy.rename(self._folder)


@dataclass
class Pretend:
    """Codat's state and rules, beyond any one run."""

    fates: Iterator[Fate]
    honours_keys: bool
    allows_second: bool
    deeds: Iterator[int | None] = field(default_factory=lambda: iter(()))  # whose turn it is, before each request
    companies: list[dict[str, Any]] = field(default_factory=list)
    numbers: Iterator[int] = field(default_factory=itertools.count)
    looked_at: set[str] = field(default_factory=set)  # companies that a run looks at, and may delete
    kept: dict[str, tuple[int, bytes]] = field(default_factory=dict)
    late: list[Callable[[], object]] = field(default_factory=list)
    posts: int = 0

    def catch_up(self) -> None:
        """Do what was still under way."""
        late, self.late = self.late, []
        for do in late:
            do()

    @asynccontextmanager
    async def connected(self, world: World) -> AsyncIterator[Sender]:
        """Give what sends a run's requests here."""
        self.catch_up()
        self.looked_at.clear()
        yield _Line(self, world)

    def act(self, number: int) -> None:
        """Let one customer do what it can: link, or take back what it has linked. From `DELETES` on, it is deleted.

        Not between the look at a company and its deletion: Codat offers nothing that would make the two one.
        """
        company = self.companies[number % len(self.companies)] if self.companies else None
        if company is None or company["id"] in self.looked_at:
            return
        own = accounting(company)
        if number >= DELETES:
            self.companies.remove(company)
        elif own:
            own["status"] = "Deauthorized" if own["status"] == "Linked" else "Linked"

    def connect(self, world: World) -> Callable[[Settings], Any]:
        """Give what a run makes its connection with."""
        return lambda _: self.connected(world)

    def answer(self, request: Request, key: str | None) -> Reply:
        """Let one request meet its fate."""
        self.catch_up()
        if (deed := next(self.deeds, None)) is not None:
            self.act(deed)
        fate = next(self.fates, Fate.WELL)
        self.posts += request.method == "POST"
        if fate in UNDONE:
            return UNDONE[fate]
        if fate is Fate.LATE:
            self.late.append(lambda: self._done(request, key, None))
            return responses.no_response("no answer in time")
        kept = {Fate.KEPT_BEFORE: 500, Fate.KEPT_AFTER: 500}.get(fate)
        status, body = self._done(request, key, kept, is_done=fate is not Fate.KEPT_BEFORE, lags=fate is Fate.LAGGING)
        if fate is Fate.LOST_AFTER:
            return responses.no_response("connection lost")
        if fate is Fate.GATEWAY_AFTER:
            return responses.read(502, {}, GATEWAY)
        if fate is Fate.TRUNCATED:
            return responses.read(200, {}, body[: len(body) // 2])
        return responses.read(200 if fate is Fate.EMPTY else status, {}, b"" if fate is Fate.EMPTY else body)

    def _done(
        self, request: Request, key: str | None, fault: int | None, *, is_done: bool = True, lags: bool = False
    ) -> tuple[int, bytes]:
        if self.honours_keys and key in self.kept:
            return self.kept[key]
        status, body = self._perform(request, lags=lags) if is_done else (500, b"")
        if fault:
            status, body = fault, _error(fault)
        if self.honours_keys and key:
            self.kept[key] = status, body
        return status, body

    def _perform(self, request: Request, *, lags: bool) -> tuple[int, bytes]:
        parts = urlsplit(request.path)
        places = parts.path.strip("/").split("/")
        content = json.loads(request.body) if request.body else {}
        if places == ["companies"]:
            return self._create(content) if request.method == "POST" else self._list(parse_qs(parts.query), lags=lags)
        company = next((c for c in self.companies if c["id"] == places[1]), None)
        if company is None:
            return 404, _error(404)
        if len(places) == 2:
            return self._delete(company) if request.method == "DELETE" else self._show(company)
        if places[-1] == "partnerExpense":
            return self._connect_partner(company)
        connections = company["dataConnections"]
        if request.method == "POST":
            return self._connect(company, content)
        if len(places) == 3:
            for each in connections:
                each["linkUrl"] = self._mint(each["id"])
            return 200, _page(connections[:-1] if lags else connections)
        connection = next((c for c in connections if c["id"] == places[3]), None)
        if connection is None:
            return 404, _error(404)
        return self._unlink(connection) if request.method == "PATCH" else self._renew(connection)

    def _show(self, company: dict[str, Any]) -> tuple[int, bytes]:
        self.looked_at.add(company["id"])
        return 200, _json(company)

    def _delete(self, company: dict[str, Any]) -> tuple[int, bytes]:
        own = accounting(company)
        assert own is None or own["status"] == "PendingAuth", "a company that somebody has linked is deleted"
        self.companies.remove(company)
        return 204, b""

    def _mint(self, connection_id: str) -> str:
        return f"https://link.example.com/{connection_id}/start?otp={next(self.numbers):06}"

    def _renew(self, connection: dict[str, Any]) -> tuple[int, bytes]:
        connection["linkUrl"] = self._mint(connection["id"])
        return 200, _json(connection)

    @staticmethod
    def _unlink(connection: dict[str, Any]) -> tuple[int, bytes]:
        if connection["status"] != "Linked":
            return 400, _error(400)
        connection["status"] = "Unlinked"
        return 200, _json(connection)

    def _connect_partner(self, company: dict[str, Any]) -> tuple[int, bytes]:
        own = accounting(company)
        if own is None or own["status"] != "Linked" or (partners(company) and not self.allows_second):
            return 400, _error(400)
        connection = {"id": f"partner-{next(self.numbers)}", "status": "Linked", "sourceType": "Expense"}
        company["dataConnections"].append(connection | {"integrationKey": "mlth", "created": "2026-11-23T00:00:00Z"})
        return 200, _json(company["dataConnections"][-1])

    def _create(self, content: dict[str, Any]) -> tuple[int, bytes]:
        company = content | {"id": f"company-{next(self.numbers)}", "dataConnections": []}
        self.companies.append(company)
        return 200, _json(company)

    def _list(self, query: dict[str, list[str]], *, lags: bool) -> tuple[int, bytes]:
        name, _, value = query.get("tags", ["="])[0].partition("=")
        companies = self.companies[:-1] if lags else self.companies
        return 200, _page([c for c in companies if not name or c["tags"].get(name) == value])

    def _connect(self, company: dict[str, Any], content: dict[str, Any]) -> tuple[int, bytes]:
        if accounting(company) and not self.allows_second:
            return 400, _error(400)
        name = f"connection-{next(self.numbers)}"
        connection = {
            "id": name,
            "status": "PendingAuth",
            "sourceType": "Accounting",
            "integrationKey": content["platformKey"],
            "linkUrl": self._mint(name),
            "created": "2026-11-23T00:00:00Z",
        }
        company["dataConnections"].append(connection)
        return 200, _json(connection)


def accounting(company: dict[str, Any]) -> dict[str, Any] | None:
    """Give the accounting connection of a company."""
    return next((c for c in company["dataConnections"] if c["sourceType"] == "Accounting"), None)


def partners(company: dict[str, Any]) -> list[dict[str, Any]]:
    """Give the partner expense connections of a company."""
    return [c for c in company["dataConnections"] if c["sourceType"] == "Expense"]


class _Line:
    """One run's connection to Codat."""

    def __init__(self, codat: Pretend, world: World) -> None:
        self._codat = codat
        self._world = world

    async def send(self, request: Request, *, key: str | None = None) -> Reply:
        """Send one request, unless the world has ended; it may end before it arrives and before the answer does."""
        if self._world.is_over():
            raise Crash
        self._world.moment()
        await anyio.lowlevel.checkpoint()
        if self._world.is_over():  # it left before the end of the run that sent it, so it arrives
            self._codat.answer(request, key)
            raise Crash
        reply = self._codat.answer(request, key)
        self._world.moment()
        await anyio.lowlevel.checkpoint()
        return reply


def _page(results: list[dict[str, Any]]) -> bytes:
    return _json({"results": results, "pageNumber": 1, "totalResults": len(results), "_links": {}})
