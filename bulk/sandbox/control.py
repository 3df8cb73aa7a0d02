"""The handles under /_sandbox: counts, clock, faults, customers, deletions, events.

They need no key and count in no limit.
"""

from __future__ import annotations

import os
import random
from dataclasses import asdict
from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from bulk.sandbox.clock import iso_time
from bulk.sandbox.customers import AuthorizationRequest, Customers
from bulk.sandbox.exchange import Services
from bulk.sandbox.faults import BadRule, read_rules
from bulk.sandbox.store import StoredConnection
from bulk.sandbox.webhooks import FORGERIES

_STATUSES = frozenset({"PendingAuth", "Linked", "Unlinked", "Deauthorized"})


class Control:
    """What tests and the command line ask of a running sandbox."""

    def __init__(self, desk: Services, *, folder: Path, webhook_url: str = "", tag: str = "uid") -> None:
        self._desk = desk
        self._webhook_url = webhook_url
        self._customers = Customers(desk.store, desk.changes, desk.clock, tag=tag)
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
            Route("/customers/deauthorize", self.deauthorize, methods=["POST"]),
            Route("/connections/{connection_id}", self.connection, methods=["PUT"]),
            Route("/connections/{connection_id}", self.delete_connection, methods=["DELETE"]),
            Route("/companies/{company_id}", self.delete_company, methods=["DELETE"]),
            Route("/webhooks", self.webhooks, methods=["GET"]),
            Route("/webhooks", self.send_webhooks, methods=["POST"]),
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
        """Let waiting customers decide: `share` or `customers`, `decline_share`, `seed`, `platform`."""
        content = await _content(request)
        try:
            decisions = self._customers.decide(_wishes(content))
        except (TypeError, ValueError) as error:
            return _wrong(str(error))
        return JSONResponse(asdict(decisions))

    async def deauthorize(self, request: Request) -> JSONResponse:
        """Let linked customers take their authorization back: `share` or `customers`, `seed`."""
        content = await _content(request)
        try:
            withdrawals = self._customers.withdraw(_wishes(content))
        except (TypeError, ValueError) as error:
            return _wrong(str(error))
        return JSONResponse(asdict(withdrawals))

    async def connection(self, request: Request) -> JSONResponse:
        """Set the status of one connection, as a customer would from within the accounting software."""
        content = await _content(request)
        status = content.get("status") if isinstance(content, dict) else None
        found = self._desk.store.connection_by_id(request.path_params["connection_id"])
        if found is None or status not in _STATUSES:
            return _wrong("no such connection, or no such status")
        with self._desk.store.transaction():
            self._desk.changes.set_status(found, status)
        return JSONResponse({"id": found.id, "status": status})

    async def delete_connection(self, request: Request) -> JSONResponse:
        """Delete a connection, as somebody in Codat's portal would."""
        found = self._desk.store.connection_by_id(request.path_params["connection_id"])
        if found is None:
            return _wrong("no such connection", status=404)
        with self._desk.store.transaction():
            self._desk.changes.delete_connection(found)
        return JSONResponse({"id": found.id, "deleted": True})

    async def delete_company(self, request: Request) -> JSONResponse:
        """Delete a company with its connections, as somebody in Codat's portal would."""
        found = self._desk.store.company(request.path_params["company_id"])
        if found is None:
            return _wrong("no such company", status=404)
        with self._desk.store.transaction():
            self._desk.changes.delete_company(found)
        return JSONResponse({"id": found.id, "deleted": True})

    async def webhooks(self, request: Request) -> JSONResponse:
        """Count the events and list those after `?after=NUMBER`, with what became of them."""
        after = request.query_params.get("after", "0")
        if not after.isdecimal():
            return _wrong("'after' must be a whole number")
        outbox = self._desk.outbox
        return JSONResponse(
            {"url": self._webhook_url, "counts": outbox.counts(), "deliveries": outbox.listed(int(after))}
        )

    async def send_webhooks(self, request: Request) -> JSONResponse:
        """Send all events again (`repeat`), or in any order (`shuffle`, `seed`); or a lie (`forge`, `connection`)."""
        content = await _content(request)
        known = {"repeat", "shuffle", "seed", "forge", "connection"}
        if not isinstance(content, dict) or not content or set(content) - known:
            return _wrong(f"give {', '.join(sorted(known))}")
        if not self._webhook_url:
            return _wrong("the sandbox was started without --webhook-url")
        how = "secret" if content.get("forge") is True else content.get("forge")
        lied_about = self._lied_about(content.get("connection")) if how else None
        if how and how not in FORGERIES:
            return _wrong(f"a forgery is one of {', '.join(FORGERIES)}")
        if how and lied_about is None:
            return _wrong("there is no such connection, or none that waits")
        queued = 0
        with self._desk.store.transaction():
            if content.get("shuffle"):
                queued = self._desk.outbox.repeat(random.Random(content.get("seed")))  # noqa: S311 - no secret
            elif content.get("repeat"):
                queued = self._desk.outbox.repeat(None)
            if how and lied_about:
                self._desk.changes.forge(lied_about, how)
                queued += 1
        return JSONResponse({"queued": queued})

    def _lied_about(self, connection_id: str | None) -> StoredConnection | None:
        """Give the connection that is named, or the first one that waits for its customer."""
        store = self._desk.store
        if connection_id:
            return store.connection_by_id(connection_id)
        first = next(store.waiting(), None)
        return None if first is None else store.connection_by_number(first)


async def _content(request: Request) -> Any:
    try:
        return await request.json()
    except ValueError:
        return None


def _wishes(content: Any) -> AuthorizationRequest:
    wishes = AuthorizationRequest(**content)
    if isinstance(wishes.customers, str) or not all(isinstance(each, str) for each in wishes.customers):
        raise TypeError("'customers' is a list of identifiers")
    return wishes


def _wrong(message: str, *, status: int = 400) -> JSONResponse:
    return JSONResponse({"error": message}, status_code=status)
