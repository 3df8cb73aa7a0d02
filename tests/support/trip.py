"""One customer's trip through `process`: a real journal, a real throttle, virtual time, and replies from a list."""

from __future__ import annotations

import random
import sqlite3
import tempfile
from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from contextlib import closing
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar

import anyio

from bulk.codat.client import Sender
from bulk.codat.endpoints import Request
from bulk.codat.responses import Reply
from bulk.codat.throttle import Stopped, Throttle
from bulk.engine.broken import BrokenOperations
from bulk.engine.context import RunContext
from bulk.engine.process import Deferred, Finished, process
from bulk.engine.queue import Item
from bulk.engine.step import Step
from bulk.journal import attempts, customers, database
from bulk.journal.attempts import Intent, Result
from bulk.journal.writer import Writer
from bulk.model import CustomerRecord, Labels, Outcome, Stop
from support.batches import Batch, good
from support.clock import run
from support.values import AT, BATCH, body, connection, ok

T = TypeVar("T")
CREATED_COMPANY = ok({"id": "c", "name": "Acme", "dataConnections": []})
CREATED_CONNECTION = ok(body(connection("PendingAuth", link="https://link.example.com/1?otp=1")))
NO_COMPANIES = ok({"results": [], "totalResults": 0})


class CrashError(Exception):
    """The process dies while a request is on its way."""


class InlineWriter(Writer):
    """Commits each operation at once, without a thread."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._db = connection
        self.after_commit: Callable[[], None] = lambda: None

    async def write(self, operation: Callable[[sqlite3.Connection], T]) -> T:
        """Run the operation in a transaction of its own."""
        with database.transaction(self._db):
            result = operation(self._db)
        self.after_commit()
        return result


@dataclass
class Replies:
    """A Sender that answers from a list. Without a reply left, the process dies while it waits for one."""

    left: deque[Reply]
    sent: list[tuple[Request, str | None]] = field(default_factory=list)
    on_send: Callable[[Request], None] = lambda _: None
    on_last: Callable[[], None] = lambda: None

    async def send(self, request: Request, *, key: str | None = None) -> Reply:
        """Return the next reply."""
        self.sent.append((request, key))
        self.on_send(request)
        await anyio.sleep(0.1)
        if not self.left:
            raise CrashError
        reply = self.left.popleft()
        if not self.left:
            self.on_last()
        return reply


@lru_cache
def _empty_journal() -> bytes:
    """Return a new journal: to copy one is faster than to make one, which waits for the disk."""
    with tempfile.TemporaryDirectory() as folder:
        database.open_journal(Path(folder)).close()
        return (Path(folder) / database.FILE).read_bytes()


def without_link(customer: CustomerRecord) -> CustomerRecord:
    """Return a customer as the feed of `links` does."""
    replaced = (customer.link_url, customer.link_issued_at)
    return customer.evolve(link_url=None, link_issued_at=None, replaced_link=replaced)


class Trip:
    """A batch with the customer `a`, and the runs that take it through some steps."""

    def __init__(self, folder: Path, steps: Iterable[Step], *, only_present: bool = True) -> None:
        folder.mkdir(parents=True)
        (folder / database.FILE).write_bytes(_empty_journal())
        self.batch = Batch(folder)
        self.batch.db.execute("PRAGMA synchronous = OFF")  # no test cuts the power
        self.batch.enrol("in.csv", [good("a")])
        self.steps = tuple(steps)
        self.only_present = only_present
        self.now = AT  # when the next run begins, in seconds since 1970
        self.number = 1  # of the run
        self.on_send: Callable[[Request], None] = lambda _: None
        self.after_commit: Callable[[Throttle], None] = lambda _: None
        self.before: Callable[[Throttle], None] = lambda _: None
        self.feed: Callable[[CustomerRecord], CustomerRecord] = lambda customer: customer
        self.scope: anyio.CancelScope  # of the current run
        self.stop: Stop | None = None  # of the last run
        self.keys: list[str | None] = []  # of all requests so far
        self.requests: list[Request] = []

    @property
    def operations(self) -> list[str]:
        """The operations of all requests so far."""
        return [request.operation for request in self.requests]

    def take(self, *replies: Reply, interrupts: bool = False) -> Finished | None:
        """Process the customer in one run; return None if the run ends before.

        Without a reply left the process dies while it waits for one. With `interrupts`, the run is interrupted
        while it waits for the last reply, so nothing leaves after it.
        """
        sender = Replies(deque(replies), on_send=self.on_send)
        try:
            return self.run(sender, interrupts=interrupts)
        except CrashError:
            return None
        finally:
            self.requests += [request for request, _ in sender.sent]
            self.keys += [key for _, key in sender.sent]

    def run(self, sender: Sender, *, interrupts: bool = False) -> Finished | None:
        """Process the customer in one run that sends with this sender; return None if the run stops before."""
        return self.in_run(self._process, sender, interrupts=interrupts)

    def in_run(
        self, work: Callable[[RunContext], Awaitable[T]], sender: Sender, *, interrupts: bool = False
    ) -> T | None:
        """Do something in one run that sends with this sender; return None if the run stops before."""

        async def do() -> T | None:
            began = self.now

            def wall() -> float:
                return began + anyio.current_time()

            throttle = Throttle(rate=60_000, concurrency=10, wall=wall, waits=True)
            if interrupts and isinstance(sender, Replies):
                sender.on_last = lambda: throttle.close(Stop("Interrupted", 130))
            self.before(throttle)
            try:
                with anyio.CancelScope() as self.scope:
                    return await work(self._context(sender, throttle, wall))
                return None
            except Stopped:
                return None
            finally:
                self.now = wall() + 1.0
                self.stop = throttle.stop
                assert throttle.budget.reserved == 0, "the reservation for the customer is free again"

        self.number += 1
        return run(do)

    async def _process(self, context: RunContext) -> Finished:
        item = Item(self.feed(self.customer()))
        while isinstance(result := await process(item, context), Deferred):
            await anyio.sleep(max(result.due - context.wall(), 0.0))
            item = result.item
        assert isinstance(result, Finished)
        return result

    def _context(self, sender: Sender, throttle: Throttle, wall: Callable[[], float]) -> RunContext:
        writer = InlineWriter(self.batch.db)
        writer.after_commit = lambda: self.after_commit(throttle)
        return RunContext(
            client=sender,
            throttle=throttle,
            broken=BrokenOperations(4),
            writer=writer,
            run=self.number,
            labels=Labels(BATCH),
            steps=self.steps,
            wall=wall,
            rng=random.Random(1),  # noqa: S311 - not a secret
            timeout=10.0,
            only_present=self.only_present,
        )

    def customer(self) -> CustomerRecord:
        """Return the customer with its attempts."""
        seq = self.batch.seq("a")
        found = customers.by_seq(self.batch.db, seq)
        assert found is not None
        return found.evolve(history=tuple(attempts.attempts_of(self.batch.db, [seq])[seq]))

    def record(
        self,
        step: str,
        outcome: Outcome | None,
        *,
        key: str | None,
        text: str | None = None,
        operation: str = "an operation",
        age: float = 60.0,
    ) -> None:
        """Record a request of an earlier run, sent `age` seconds ago, and its outcome."""
        intent = Intent(self.batch.seq("a"), step, operation, self.now - age, key, text)
        with database.transaction(self.batch.db):
            number = attempts.record_intent(self.batch.db, self.number, intent)
            if outcome is not None:
                attempts.record_outcome(self.batch.db, number, Result(outcome, self.now - age + 1.0))

    def outcomes(self) -> list[tuple[str, Outcome | None]]:
        """Return the steps and outcomes of all requests in the journal, as another process reads them."""
        with closing(sqlite3.connect(self.batch.path)) as other:
            rows = other.execute("SELECT step, outcome FROM requests ORDER BY id").fetchall()
        return [(step, Outcome(outcome) if outcome else None) for step, outcome in rows]

    def column(self, name: str) -> Any:
        """Return a column of the customer."""
        return self.batch.read("a", name)[name]

    def is_forgotten(self) -> bool:
        """Return whether the batch no longer has the customer."""
        return "a" not in self.batch.presence()
