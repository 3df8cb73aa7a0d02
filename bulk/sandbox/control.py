"""The handles under /_sandbox: counts, clock, faults, customers. They need no key and count in no limit."""

from __future__ import annotations

import os
from dataclasses import asdict
from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from bulk.sandbox import customers
from bulk.sandbox.clock import iso_time
from bulk.sandbox.exchange import Desk
from bulk.sandbox.faults import BadRule, read_rules

_STATUSES = frozenset({"PendingAuth", "Linked", "Unlinked", "Deauthorized"})


class Control:
    """What tests and the command line ask of a running sandbox."""

    def __init__(self, desk: Desk, *, folder: Path, tag: str = "uid") -> None:
        self._desk = desk
        self._folder = folder
        self._tag = tag

    def routes(self) -> list[Route]:
        """Give the routes below /_sandbox."""
        return [
            Route("/health", self.health, methods=["GET"]),
            Route("/stats", self.stats, methods=["GET", "DELETE"]),
            Route("/log", self.log, methods=["GET"]),
            Route("/clock", self.clock, methods=["GET", "POST"]),
            Route("/faults", self.faults, methods=["GET", "POST", "DELETE"]),
            Route("/customers", self.customers, methods=["POST"]),
            Route("/connections/{connection_id}", self.connection, methods=["PUT"]),
        ]

    async def health(self, _request: Request) -> JSONResponse:
        """Say which sandbox this is, and in which process."""
        return JSONResponse({"sandbox": str(self._folder), "pid": os.getpid()})

    async def stats(self, request: Request) -> JSONResponse:
        """Give the counts, or (DELETE) begin again from zero."""
        if request.method == "DELETE":
            self._desk.stats.reset()
        store = self._desk.store
        state = {
            "companies": store.count_companies(),
            "connections": store.connection_counts(),
            "duplicates": store.duplicates(self._tag),
        }
        return JSONResponse(self._desk.stats.report() | state)

    async def log(self, request: Request) -> JSONResponse:
        """List finished requests, of the last 20,000 those after `?after=NUMBER`."""
        after = request.query_params.get("after", "0")
        if not after.isdecimal():
            return _wrong("'after' must be a whole number")
        return JSONResponse(self._desk.stats.log_after(int(after)))

    async def clock(self, request: Request) -> JSONResponse:
        """Give the sandbox's time, or (POST) move it forward by `advance_seconds`."""
        clock = self._desk.clock
        if request.method == "POST":
            content = await _content(request)
            seconds = content.get("advance_seconds") if isinstance(content, dict) else None
            if not isinstance(seconds, int | float) or isinstance(seconds, bool) or not seconds >= 0:
                return _wrong("'advance_seconds' must be a number from 0")
            clock.advance(seconds)
            with self._desk.store.transaction():
                self._desk.store.keep_note("clock_offset_seconds", repr(clock.offset_seconds))
        return JSONResponse({"now": iso_time(clock.now()), "offset_seconds": clock.offset_seconds})

    async def faults(self, request: Request) -> JSONResponse:
        """List the faults, add some (POST), or lift them all (DELETE)."""
        if request.method == "DELETE":
            self._desk.faults.clear()
        if request.method == "POST":
            try:
                self._desk.faults.add(read_rules(await _content(request)))
            except BadRule as bad:
                return _wrong(str(bad))
        return JSONResponse(self._desk.faults.report())

    async def customers(self, request: Request) -> JSONResponse:
        """Let a share of the waiting customers decide: `share`, `decline_share`, `seed`."""
        content = await _content(request)
        try:
            wishes = customers.Wishes(**content)
            decisions = customers.decide(self._desk.store, self._desk.clock, wishes)
        except (TypeError, ValueError) as error:
            return _wrong(str(error))
        return JSONResponse(asdict(decisions))

    async def connection(self, request: Request) -> JSONResponse:
        """Set the status of one connection, as a customer would from within the accounting software."""
        content = await _content(request)
        status = content.get("status") if isinstance(content, dict) else None
        found = self._desk.store.connection_by_id(request.path_params["connection_id"])
        if found is None or status not in _STATUSES:
            return _wrong("no such connection, or no such status")
        with self._desk.store.transaction():
            self._desk.store.change_connection(found.n, status=status)
        return JSONResponse({"id": found.id, "status": status})


async def _content(request: Request) -> Any:
    try:
        return await request.json()
    except ValueError:
        return None


def _wrong(message: str) -> JSONResponse:
    return JSONResponse({"error": message}, status_code=400)
