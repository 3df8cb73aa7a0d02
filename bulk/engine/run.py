"""One run of a command on a batch: claim the journal, open the gate and the client, work off an agenda, end in order.

What the commands differ in is a `Job`: migrate (`migrate.py`), those that go on after the email (`after.py`), and the
proof (`verify.py`). A first run, a resumed one and a retry are the same: what is left to do is what the journal says.
"""

from __future__ import annotations

import contextlib
import math
import random
import sqlite3
import time
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import anyio
import anyio.to_thread
from anyio.abc import TaskGroup

from bulk.codat import endpoints
from bulk.codat.client import Client, Sender
from bulk.codat.throttle import Hold, Stopped, Throttle
from bulk.engine import steps
from bulk.engine.events import Advanced, Ended, Hook, Warned
from bulk.engine.process import Finished, RunContext, advance, limits_of
from bulk.engine.queue import CustomerQueue
from bulk.engine.steps import Goal
from bulk.errors import BatchError, BulkError, UsageError
from bulk.journal import attempts, database, facts, mark, runs
from bulk.journal.error_translator import wrap_errors
from bulk.journal.writer import Writer
from bulk.model import CustomerRecord, State, Stop
from bulk.settings import Settings

A_PAGE = 200  # entries read from the journal at once


@dataclass(frozen=True, slots=True)
class Threshold:
    """A number of customers, or a share of all of them."""

    number: float
    is_percent: bool = False

    def of(self, customers: int) -> int:
        """Give the number of customers that this is of so many."""
        return math.floor(customers * self.number / 100) if self.is_percent else int(self.number)


@dataclass(frozen=True, slots=True)
class Options:
    """What a run is told beside the settings; the words of the command's options."""

    limit: int | None = None  # only the first so many customers of the input
    retry_failed: bool = False
    waits: bool = False  # sleep through an exhausted daily quota
    reserve: int = 0  # requests of the daily quota to leave unused
    max_failures: Threshold | None = None
    link_lifetime: int | None = None  # seconds that a linkUrl is good; the batch remembers it

    def __post_init__(self) -> None:
        """Refuse what is no number of the kind. Raises WrongUsage."""
        numbers = (("limit", self.limit, 1), ("reserve", self.reserve, 0), ("link_lifetime", self.link_lifetime, 1))
        for name, number, least in numbers:
            is_number = isinstance(number, int) and not isinstance(number, bool) and number >= least
            if not is_number and not (name != "reserve" and number is None):
                raise UsageError(f"{name} needs a whole number from {least}; {number!r} is none.")
        share = self.max_failures
        if share is None:
            return
        if not isinstance(share, Threshold) or not 0 <= share.number <= (100 if share.is_percent else 2**53):
            raise UsageError(f"max_failures needs a Share, of a number or of 0 to 100 percent; {share!r} is none.")


Feed = Callable[[], Awaitable[list[CustomerRecord]]]


@dataclass(slots=True)
class Session:
    """What a job works with while the gate is open."""

    context: RunContext
    hook: Hook
    concurrency: int
    most_failures: Callable[[int], float] = lambda _: math.inf
    failures: int = 0
    left: int = 0  # customers that could not be finished for now
    trouble: BulkError | None = field(default=None)

    async def work_off(self, feed: Feed, customers: int) -> None:
        """Take the customers of the feed as far as they get, many at once. `customers`: all that a share is of."""
        context = self.context
        agenda = CustomerQueue(feed, context.wall)
        most_failures = self.most_failures(customers)

        async def worker() -> None:
            try:
                while (item := await agenda.next()) is not None:
                    verdict = await advance(item, context)
                    if isinstance(verdict, Finished):
                        self._note(item.entry, verdict, most_failures)
                        agenda.done()
                    else:
                        agenda.defer(verdict.item, verdict.due)
            except Stopped:
                agenda.close()
            except BulkError as error:
                self.trouble = self.trouble or error
                context.throttle.close(Stop(str(error), error.exit_code))
                agenda.close()

        async def close_with_gate() -> None:
            await context.throttle.closed.wait()
            agenda.close()

        async with anyio.create_task_group() as group:
            group.start_soon(close_with_gate)
            async with anyio.create_task_group() as workers:
                # Some more than there may be requests in flight: while one writes down, another can send.
                for _ in range(self.concurrency + -(-self.concurrency // 4)):
                    workers.start_soon(worker)
            group.cancel_scope.cancel()

    def _note(self, entry: CustomerRecord, verdict: Finished, most_failures: float) -> None:
        if verdict.state is None:
            return
        self.left += verdict.is_left
        if verdict.state is State.FAILED and not verdict.is_left:
            self.failures += 1
            if self.failures > most_failures:
                self.context.throttle.close(
                    Stop(
                        f"{self.failures} customers have failed, more than --max-failures allows. See their errors in "
                        "results.csv; the same command goes on with the others",
                        1,
                    )
                )
        quota = self.context.throttle.budget.quota
        self.hook(Advanced(entry.customer_id, verdict.state, quota, is_left=verdict.is_left))


class Job(Protocol):
    """What a command does with a batch."""

    @property
    def command(self) -> str:
        """The command's name, for the journal."""

    @property
    def source(self) -> str | None:
        """The input file that it reads, if it does."""

    @property
    def goal(self) -> Goal:
        """What it wants of the customers."""

    def prepare(self, connection: sqlite3.Connection, run: int) -> None:
        """Do what needs no Codat, before all else; not yet in a transaction."""

    async def begin(self, writer: Writer, hook: Hook, now: float) -> bool:
        """See what there is to do; gives whether Codat is needed for it."""

    async def work(self, session: Session) -> None:
        """Do it. Raises Stopped when the gate is closed."""


class Run:
    """One run on one batch's folder, which the caller has locked."""

    def __init__(
        self,
        folder: Path,
        settings: Settings,
        options: Options,
        *,
        version: str,
        hook: Hook,
        wall: Callable[[], float] = time.time,
        rng: random.Random | None = None,
        connect: Callable[[Settings], AbstractAsyncContextManager[Sender]] = Client,
        writer: Callable[[sqlite3.Connection, Path], Writer] = Writer,
    ) -> None:
        """Prepare a run. `wall` gives seconds since 1970; `connect` makes what sends, `writer` what writes down."""
        self._folder = folder
        self._batch = folder.name
        self._settings = settings
        self._options = options
        self._version = version
        self._hook = hook
        self._wall = wall
        self._rng = rng or random.Random()  # noqa: S311 - its keys need to differ, not to be secret; seeded by the system
        self._connect = connect
        self._writer = writer

    async def do(self, job: Job, interrupt: anyio.Event) -> Stop | None:
        """Do a job; gives why it stopped, if it did.

        `interrupt`, once set, ends the run in order: what is in flight is finished and written down. Raises
        BulkError for an input or a journal that cannot be used; what was done until then is in the journal.
        """
        began = time.monotonic()
        connection = await anyio.to_thread.run_sync(database.open_journal, self._folder)
        try:
            with wrap_errors(self._folder / database.FILE):
                self._claim(connection)
                self._notice_loss(connection)
                at = steps.timestamp(self._wall())
                run = runs.begin_run(connection, command=job.command, version=self._version, source=job.source, at=at)
                await anyio.to_thread.run_sync(job.prepare, connection, run)
        except BaseException:
            connection.close()
            raise
        async with self._writer(connection, self._folder) as writer:
            stopped: str | None = "it ended with an error"
            try:
                stop = await self._work(job, writer, run, interrupt)
                stopped = _told(stop) if stop is not None else None
            except BulkError as error:
                stopped = str(error)
                raise
            finally:
                await self._finish(writer, run, time.monotonic() - began, stopped)
        self._hook(Ended(stop))
        return stop

    def _claim(self, connection: sqlite3.Connection) -> None:
        """Make the batch this Codat's; refuse one that belongs to another."""
        # The name marks the batch's companies in Codat: it stays what it was when the folder is renamed.
        self._batch = facts.get(connection, "name") or self._batch
        known = facts.get(connection, "codat")
        if known is None:
            with database.transaction(connection):
                facts.put(
                    connection,
                    {
                        "name": self._batch,
                        "codat": self._settings.codat,
                        "created_at": steps.timestamp(self._wall()),
                        "link_lifetime": endpoints.LINK_LIFETIME,
                    },
                )
        else:
            refuse_another(known, self._folder, self._settings)
        with database.transaction(connection):
            facts.put(connection, {"base_url": self._settings.base_url})  # what the next command needs to be told

    def _notice_loss(self, connection: sqlite3.Connection) -> None:
        """Say so if the journal is one of some time ago; the company list is then read before anybody is created."""
        lost = mark.fallen_behind(connection, self._folder)
        if lost:
            self._hook(
                Warned(
                    f"{self._folder / database.FILE} lacks its last {lost} requests: a part of it was lost, or an "
                    "older copy was put back. The next migrate reads Codat's company list and takes over what was made "
                    "since, before it creates anybody; linkUrls that were renewed since may no longer open."
                )
            )

    async def _work(self, job: Job, writer: Writer, run: int, interrupt: anyio.Event) -> Stop | None:
        if not await job.begin(writer, self._hook, self._wall()):
            return None
        settings, options = self._settings, self._options
        now, rate = self._wall(), settings.rate
        recent, retry_after = await writer.write(
            lambda db: (attempts.recent_requests(db, now=now, limit=rate), facts.retry_after(db))
        )
        throttle = Throttle(
            rate=settings.rate,
            concurrency=settings.concurrency,
            wall=self._wall,
            reserve=options.reserve,
            waits=options.waits,
            recent=recent,
            on_hold=lambda hold: self._note_hold(hold, writer, run, group),
        )
        async with self._connect(settings) as client, anyio.create_task_group() as group:
            group.start_soon(_close_on, interrupt, throttle)
            context = RunContext(
                client, throttle, writer, run, self._batch, job.goal, self._wall, self._rng, settings.timeout
            )
            if retry_after is not None:
                throttle.resume_hold(*retry_after)
                await writer.write(limits_of(context))  # if the clock was set back, the wait counts from now
            session = Session(context, self._hook, settings.concurrency, self._most_failures)
            try:
                await job.work(session)
            except Stopped:
                pass
            except BulkError as error:
                session.trouble = error
            group.cancel_scope.cancel()
        if session.trouble is not None:
            raise session.trouble
        if throttle.stop is None and session.left:
            left = "1 customer" if session.left == 1 else f"{session.left} customers"
            return Stop(f"{left} could not be finished for now; their errors are in results.csv", 75)
        return throttle.stop

    def _most_failures(self, customers: int) -> float:
        share = self._options.max_failures
        return share.of(customers) if share else math.inf

    def _note_hold(self, hold: Hold, writer: Writer, run: int, group: TaskGroup) -> None:
        self._hook(hold)
        since, until = steps.timestamp(self._wall()), steps.timestamp(hold.until)

        async def note() -> None:
            # Where the disk is full, the next intent finds that out, and ends the run in order.
            with contextlib.suppress(BulkError):
                await writer.write(lambda db: runs.hold(db, run, since=since, until=until, why=hold.why))

        group.start_soon(note)

    async def _finish(self, writer: Writer, run: int, seconds: float, stopped: str | None) -> None:
        at = steps.timestamp(self._wall())
        with anyio.CancelScope(shield=True):
            try:
                await writer.write(lambda db: runs.finish_run(db, run, at=at, seconds=seconds, stopped=stopped))
            except BulkError as error:
                self._hook(Warned(str(error)))


def refuse_another(known: str, folder: Path, settings: Settings) -> None:
    """Refuse a batch that is known to belong to another Codat than the settings name. Raises BatchUnusable."""
    if known != settings.codat:
        raise BatchError(
            f"The batch {folder} was run against {known}, and this run would use {settings.codat}. "
            "Give the other with --base-url or --sandbox, or take another batch; nothing was sent."
        )


def _told(stop: Stop) -> str:
    until = f" until {steps.timestamp(stop.until)}" if stop.until is not None else ""
    return stop.reason + until


async def _close_on(interrupt: anyio.Event, throttle: Throttle) -> None:
    await interrupt.wait()
    throttle.close(Stop("Interrupted", 130))
