"""`bulk sandbox` with handles for tests, under /_sandbox: counts, the clock, faults, changes in Codat's portal, events.

It runs as a script, in place of `python -m bulk.sandbox`. The handles need no key and are not counted.
"""

from __future__ import annotations

import asyncio
import random
import sys
from dataclasses import asdict
from functools import partial
from pathlib import Path

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

sys.path.insert(0, str(Path(__file__).parent.parent))  # a script sees its own folder only

from bulk.sandbox import app
from bulk.sandbox.clock import iso_time
from bulk.sandbox.command import sandbox
from bulk.sandbox.control import bad_request, json_of
from bulk.sandbox.exchange import Endpoint, Outcome, Services
from bulk.sandbox.faults import BadRule, read_rule
from bulk.sandbox.options import Options
from bulk.sandbox.store import StoredConnection
from support.sandbox_stats import Stats

STATUSES = ("PendingAuth", "Linked", "Unlinked", "Deauthorized")
OFFSET = "clock_offset_seconds"
TWO_WITH_ONE_TAG = """
    SELECT count(*) FROM (
        SELECT 1 FROM tag JOIN company ON n = tag.company AND until IS NULL
        WHERE key = 'uid' GROUP BY tag.value HAVING count(*) > 1
    )
"""
TWO_OF_A_COMPANY = """
    SELECT count(*) FROM (
        SELECT 1 FROM connection WHERE source_type = ? AND status IN ('PendingAuth', 'Linked') AND until IS NULL
        GROUP BY company HAVING count(*) > 1
    )
"""
CONNECTIONS = "SELECT source_type || ' ' || status, count(*) FROM connection WHERE until IS NULL GROUP BY 1"
EVENTS = "SELECT n, id, type, connection, status, tries, answer FROM event WHERE n > ? ORDER BY n"


class Hold:
    """Makes requests wait until a test opens it. It is open at first."""

    def __init__(self) -> None:
        self._is_open = asyncio.Event()
        self._operation: str | None = None  # whose requests wait; None: those of all operations
        self._left = 0  # requests that still pass once it is closed
        self.open()

    def close(self, *, after: int, operation: str | None) -> None:
        """Make all requests wait, or those of one operation, except the next `after`."""
        self._operation = operation
        self._left = after
        self._is_open.clear()

    def open(self) -> None:
        """Let all requests continue."""
        self.held = 0
        self._is_open.set()

    async def wait(self, operation: str) -> None:
        """Wait if the hold is closed for this operation and enough requests have passed."""
        if self._is_open.is_set() or self._operation not in (None, operation):
            return
        if self._left > 0:
            self._left -= 1
            return
        self.held += 1
        await self._is_open.wait()


class CountedEndpoint(Endpoint):
    """An endpoint whose requests are counted, and can be held."""

    def __init__(self, services: Services, operation: str, *, stats: Stats, hold: Hold) -> None:
        super().__init__(services, operation)
        self._stats = stats
        self._hold = hold

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        clock, outcome = self.services.clock, Outcome()
        arrival = self._stats.arrive(self.operation, clock.now())
        try:
            await self._hold.wait(self.operation)
            await self.answer(scope, receive, send, outcome)
        finally:
            self._stats.leave(arrival, method=scope["method"], path=scope["path"], outcome=outcome, now=clock.now())


class Handles:
    """The requests with which tests read and change a running sandbox."""

    def __init__(self, services: Services, stats: Stats, hold: Hold, *, webhook_url: str) -> None:
        self._services = services
        self._store = services.store
        self._stats = stats
        self._hold = hold
        self._webhook_url = webhook_url

    def routes(self) -> list[Route]:
        """Return the routes below /_sandbox."""
        return [
            Route("/stats", self.stats, methods=["GET", "DELETE"]),
            Route("/log", self.log, methods=["GET"]),
            Route("/hold", self.hold, methods=["GET", "POST", "DELETE"]),
            Route("/clock", self.clock, methods=["GET", "POST"]),
            Route("/faults", self.faults, methods=["GET", "POST", "DELETE"]),
            Route("/connections/{connection_id}", self.connection, methods=["PUT", "DELETE"]),
            Route("/companies/{company_id}", self.delete_company, methods=["DELETE"]),
            Route("/webhooks", self.webhooks, methods=["GET", "POST"]),
        ]

    async def stats(self, request: Request) -> JSONResponse:
        """Return the counts; (DELETE) reset them first."""
        if request.method == "DELETE":
            self._stats.reset()
        state = {
            "companies": self._store.count_companies(),
            "connections": dict(self._store.db.execute(CONNECTIONS).fetchall()),
            "duplicates": {
                "companies": self._count(TWO_WITH_ONE_TAG),
                "accounting_connections": self._count(TWO_OF_A_COMPANY, "Accounting"),
                "partner_connections": self._count(TWO_OF_A_COMPANY, "Expense"),
            },
        }
        return JSONResponse(self._stats.report() | state)

    async def log(self, request: Request) -> JSONResponse:
        """Return the finished requests; with `?after=NUMBER`, only later ones."""
        return JSONResponse(self._stats.log_after(int(request.query_params.get("after", "0"))))

    async def hold(self, request: Request) -> JSONResponse:
        """Return how many requests wait; (POST) make requests wait; (DELETE) let all continue."""
        if request.method == "POST":
            content = await json_of(request)
            self._hold.close(after=content["after"], operation=content["operation"])
        if request.method == "DELETE":
            self._hold.open()
        return JSONResponse({"held": self._hold.held})

    async def clock(self, request: Request) -> JSONResponse:
        """Return the sandbox's time; (POST) move it forward by `advance_seconds` first."""
        clock = self._services.clock
        if request.method == "POST":
            clock.offset_seconds += (await json_of(request))["advance_seconds"]
            with self._store.transaction():
                self._store.keep_note(OFFSET, repr(clock.offset_seconds))
        return JSONResponse({"now": iso_time(clock.now()), "offset_seconds": clock.offset_seconds})

    async def faults(self, request: Request) -> JSONResponse:
        """Return the faults in force; (POST) add some, or (DELETE) remove all first."""
        faults = self._services.faults
        if request.method == "DELETE":
            faults.active.clear()
        if request.method == "POST":
            content = await json_of(request)
            try:
                faults.add([read_rule(each) for each in (content if isinstance(content, list) else [content])])
            except BadRule as error:
                return bad_request(str(error))
        counts = [asdict(each.rule) | {"seen": each.seen, "struck": each.struck} for each in faults.active]
        return JSONResponse(counts)

    async def connection(self, request: Request) -> JSONResponse:
        """Delete a connection, or (PUT) set its `status`, as people in Codat's portal and customers can."""
        found = self._connection(request.path_params["connection_id"])
        if found is None:
            return bad_request("unknown connection", status=404)
        status = (await json_of(request))["status"] if request.method == "PUT" else None
        if status not in (None, *STATUSES):
            return bad_request("unknown status")
        with self._store.transaction():
            if status:
                self._services.changes.set_status(found, status)
            else:
                self._services.changes.delete_connection(found)
        return JSONResponse({"id": found.id, "status": status})

    async def delete_company(self, request: Request) -> JSONResponse:
        """Delete a company with its connections, as people in Codat's portal can."""
        found = self._store.company(request.path_params["company_id"])
        if found is None:
            return bad_request("unknown company", status=404)
        with self._store.transaction():
            self._services.changes.delete_company(found)
        return JSONResponse({"id": found.id, "status": None})

    async def webhooks(self, request: Request) -> JSONResponse:
        """Return the events and their counts; (POST) send all again: in order, or shuffled with `seed`."""
        if request.method == "POST":
            return JSONResponse({"queued": self._send_again((await json_of(request)).get("seed"))})
        rows = self._store.db.execute(EVENTS, (request.query_params.get("after", "0"),)).fetchall()
        names = ("n", "id", "type", "connection", "status", "attempts", "answer")
        counts = dict(self._store.db.execute("SELECT status, count(*) FROM event GROUP BY 1").fetchall())
        deliveries = [dict(zip(names, row, strict=True)) for row in rows]
        return JSONResponse({"url": self._webhook_url, "counts": counts, "deliveries": deliveries})

    def _send_again(self, seed: int | None) -> int:
        """Queue all events. Their due times are in the past and give the order in which they are sent."""
        numbers = [number for (number,) in self._store.db.execute("SELECT n FROM event ORDER BY n")]
        if seed is not None:
            random.Random(seed).shuffle(numbers)  # noqa: S311 - repeatable, not a secret
        order = [(place - len(numbers), number) for place, number in enumerate(numbers)]
        sql = "UPDATE event SET status = 'pending', tries = 0, due = ? WHERE n = ?"
        with self._store.transaction():
            self._store.db.executemany(sql, order)
        self._services.outbox.notify()
        return len(numbers)

    def _connection(self, connection_id: str) -> StoredConnection | None:
        row = self._store.db.execute("SELECT n FROM connection WHERE id = ?", (connection_id,)).fetchone()
        return None if row is None else self._store.connection_by_number(row[0])

    def _count(self, sql: str, *values: str) -> int:
        return int(self._store.db.execute(sql, values).fetchone()[0])


def make_app(services: Services, options: Options, *, folder: Path) -> Starlette:
    """Return the sandbox's application with the handles."""
    services.clock.offset_seconds = float(services.store.note(OFFSET) or 0.0)
    stats, hold = Stats(), Hold()
    handles = Handles(services, stats, hold, webhook_url=options.webhook_url).routes()
    endpoint = partial(CountedEndpoint, stats=stats, hold=hold)
    return app.make_app(services, options, folder=folder, endpoint=endpoint, handles=handles)


if __name__ == "__main__":
    sandbox(obj=make_app)
