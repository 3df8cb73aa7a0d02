"""The frame of every run: open the journal, the throttle and the client; run a command; end in order.

A first run, a resumed run and a retry are the same: the journal shows the work that is left.
"""

from __future__ import annotations

import contextlib
import json
import math
import random
import secrets
import sqlite3
import time
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import anyio
import anyio.to_thread
from anyio.abc import TaskGroup

from bulk.codat.client import Client, Sender
from bulk.codat.limits import Hold
from bulk.codat.throttle import Stopped, Throttle
from bulk.engine.broken import BrokenOperations
from bulk.engine.context import RunContext
from bulk.engine.events import Ended, Hook, Warned
from bulk.engine.identity import identify, read_identity
from bulk.engine.options import Options
from bulk.engine.session import Session, Work
from bulk.engine.step import Step
from bulk.errors import BatchError, BulkError
from bulk.journal import attempts, database, facts, runs
from bulk.journal.error_translator import wrap_errors
from bulk.journal.writer import Writer
from bulk.model import LINK_LIFETIME_SECONDS, Labels, Stop
from bulk.settings import Settings
from bulk.text import timestamp


class Command(Protocol):
    """A command that runs on a batch."""

    @property
    def name(self) -> str:
        """The command's name, for the journal."""

    @property
    def source(self) -> str | None:
        """The input file that it reads, or None."""

    @property
    def steps(self) -> tuple[Step, ...]:
        """The steps that it takes for customers."""

    @property
    def only_present(self) -> bool:
        """Whether it creates nothing new for customers that were removed from the input."""

    def prepare(self, connection: sqlite3.Connection, run: int) -> Work | None:
        """Do the work that does not need Codat, before everything else. No transaction is open yet.

        Return a question to Codat if it must be answered first: then nothing was done, and `prepare` is called again.
        """

    async def begin(self, writer: Writer, hook: Hook, now: float) -> bool | Stop:
        """Determine the work to do; return whether it needs Codat, or the reason to end the run before it."""

    async def work(self, session: Session) -> None:
        """Do the work. Raises Stopped when the throttle is closed."""


@dataclass(frozen=True, slots=True)
class RunEnd:
    """The end of a run: its number in the journal, and the reason if it stopped early."""

    run: int
    stop: Stop | None


class Run:
    """One run in the folder of a batch, which the caller has locked."""

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
        turn: Callable[[str], AbstractAsyncContextManager[None]] = lambda _: contextlib.nullcontext(),
    ) -> None:
        """Prepare a run. `wall` returns seconds since 1970; `connect` and `writer` create the client and the writer.

        `turn` waits for the right to send for a Codat client, and holds it.
        """
        self._folder = folder
        self._batch = folder.name
        self._settings = settings
        self._options = options
        self._version = version
        self._hook = hook
        self._wall = wall
        self._rng = rng or random.Random()  # noqa: S311 - it spreads pauses and protects no secret
        self._connect = connect
        self._writer = writer
        self._turn = turn

    async def do(self, command: Command, interrupt: anyio.Event) -> RunEnd:
        """Run a command; return the end of the run.

        Setting `interrupt` ends the run in order: requests in flight are completed and recorded. Raises BulkError for
        an input or a journal that cannot be used. The work done until then is in the journal.
        """
        began = time.monotonic()
        connection = await anyio.to_thread.run_sync(database.open_journal, self._folder)
        try:
            run = await anyio.to_thread.run_sync(self._begin_run, connection, command)
        except BaseException:
            connection.close()
            raise
        async with self._writer(connection, self._folder) as writer:
            stopped: str | None = "it ended with an error"
            try:
                stop = await self._do(command, connection, writer, run, interrupt)
                stopped = _reason(stop) if stop is not None else None
            except BulkError as error:
                stopped = str(error)
                raise
            finally:
                await self._finish(writer, run, time.monotonic() - began, stopped)
        self._hook(Ended(stop))
        return RunEnd(run, stop)

    def _begin_run(self, connection: sqlite3.Connection, command: Command) -> int:
        """Assign a new batch to this Codat, and record that the run has begun; return its number."""
        at = timestamp(self._wall())
        with wrap_errors(self._folder / database.FILE, nothing_sent=True):
            self._claim(connection)
            self._identity = read_identity(connection, self._settings)
            if not self._identity.is_doubtful:
                self._remember_address(connection)
            return runs.begin_run(connection, command=command.name, version=self._version, source=command.source, at=at)

    async def _do(
        self, command: Command, connection: sqlite3.Connection, writer: Writer, run: int, interrupt: anyio.Event
    ) -> Stop | None:
        """Let the command do its work after the questions that must be settled first.

        One is whether the key is another client's, if it may be. The others are the command's.
        """
        question = _do_nothing if self._identity.is_doubtful else await self._prepare(command, connection, run)
        while question is not None:
            stop = await self._in_session(command, question, writer, run, interrupt)
            if stop is not None:
                return stop
            question = await self._prepare(command, connection, run)
        begun = await command.begin(writer, self._hook, self._wall())
        if not begun or isinstance(begun, Stop):
            return begun or None
        return await self._in_session(command, command.work, writer, run, interrupt)

    async def _prepare(self, command: Command, connection: sqlite3.Connection, run: int) -> Work | None:
        """Let the command prepare in a thread, while the writer does not use the connection."""
        with wrap_errors(self._folder / database.FILE, nothing_sent=True):
            return await anyio.to_thread.run_sync(command.prepare, connection, run)

    def _claim(self, connection: sqlite3.Connection) -> None:
        """Assign a new batch to this Codat. Raises BatchError for one that belongs to another Codat."""
        # The name marks the batch's companies in Codat, so it stays the same when the folder is renamed.
        self._batch = facts.get(connection, "name") or self._batch
        known = facts.get(connection, "codat")
        new: dict[str, object] = {}
        if facts.get(connection, "key_salt") is None:
            new["key_salt"] = secrets.token_hex(16)
        if known is None:
            new |= {
                "name": self._batch,
                "codat": self._settings.codat,
                "created_at": timestamp(self._wall()),
                "link_lifetime": LINK_LIFETIME_SECONDS,
            }
        else:
            require_same_codat(known, self._folder, self._settings)
        with database.transaction(connection):
            facts.put(connection, new)

    def _remember_address(self, connection: sqlite3.Connection) -> None:
        """Store the address, which the next commands need. That of a key of another client is not the batch's."""
        with database.transaction(connection):
            facts.put(connection, {"base_url": self._settings.base_url})

    async def _in_session(
        self,
        command: Command,
        work: Work,
        writer: Writer,
        run: int,
        interrupt: anyio.Event,
    ) -> Stop | None:
        """Do the work while the throttle is open and the key is known to be the client's."""
        now, rate = self._wall(), self._settings.rate
        recent, retry_after, system, products = await writer.write(
            lambda db: (
                attempts.recent_requests(db, now=now, limit=rate),
                facts.retry_after(db),
                facts.get(db, "source"),
                facts.get(db, "products"),
            )
        )
        labels = Labels(self._batch, system, tuple(json.loads(products or "[]")))
        async with self._connect(self._settings) as client, anyio.create_task_group() as group:
            throttle = self._throttle(recent, writer, run, group)
            group.start_soon(_close_on, interrupt, throttle)
            session = self._session(command, client, throttle, writer, run, labels)
            if retry_after is not None:
                throttle.resume_hold(*retry_after)
                await writer.write(session.context.limits_note())  # if the clock was set back, count from now
            try:
                was_doubtful = self._identity.is_doubtful
                self._identity = await identify(self._identity, session.context, self._hook)
                if was_doubtful:
                    await writer.write(lambda db: facts.put(db, {"base_url": self._settings.base_url}))
                async with self._turn(self._identity.client or self._settings.base_url):
                    if throttle.stop is not None:  # interrupted during the wait
                        raise Stopped
                    await work(session)
            except Stopped:
                pass
            except BulkError as error:
                session.error = error
            group.cancel_scope.cancel()
        if session.error is not None:
            raise session.error
        return throttle.stop or _left(session.left)

    def _throttle(self, recent: list[float], writer: Writer, run: int, group: TaskGroup) -> Throttle:
        return Throttle(
            rate=self._settings.rate,
            concurrency=self._settings.concurrency,
            wall=self._wall,
            reserve=self._options.reserve,
            waits=self._options.waits,
            recent=recent,
            on_hold=lambda hold: self._record_hold(hold, writer, run, group),
        )

    def _session(
        self, command: Command, client: Sender, throttle: Throttle, writer: Writer, run: int, labels: Labels
    ) -> Session:
        context = RunContext(
            client=client,
            throttle=throttle,
            broken=BrokenOperations(self._settings.concurrency),
            writer=writer,
            run=run,
            labels=labels,
            steps=command.steps,
            wall=self._wall,
            rng=self._rng,
            timeout=self._settings.timeout,
            only_present=command.only_present,
        )
        return Session(
            context,
            self._hook,
            self._settings.concurrency,
            self._max_failures,
            accepts_missing=self._options.accept_missing,
        )

    def _max_failures(self, customers: int) -> float:
        share = self._options.max_failures
        return share.of(customers) if share else math.inf

    def _record_hold(self, hold: Hold, writer: Writer, run: int, group: TaskGroup) -> None:
        self._hook(hold)
        since, until = timestamp(self._wall()), timestamp(hold.until)

        async def record() -> None:
            # If the disk is full, recording the next intent fails and ends the run in order.
            with contextlib.suppress(BulkError):
                await writer.write(lambda db: runs.record_hold(db, run, since=since, until=until, why=hold.why))

        group.start_soon(record)

    async def _finish(self, writer: Writer, run: int, seconds: float, stopped: str | None) -> None:
        at = timestamp(self._wall())
        with anyio.CancelScope(shield=True):
            try:
                await writer.write(lambda db: runs.finish_run(db, run, at=at, seconds=seconds, stopped=stopped))
            except BulkError as error:
                self._hook(Warned(str(error)))


def require_same_codat(known: str, folder: Path, settings: Settings) -> None:
    """Raise BatchError if the batch belongs to another Codat than the settings do."""
    if known != settings.codat:
        raise BatchError(
            f"The batch {folder} was run against {known}, and this run would use {settings.codat}. "
            "Pass the batch's own with --base-url or --sandbox, or choose another batch; nothing was sent."
        )


def _left(customers: int) -> Stop | None:
    if not customers:
        return None
    number = "1 customer" if customers == 1 else f"{customers} customers"
    return Stop(f"{number} could not be finished for now; their errors are in results.csv", 75)


def _reason(stop: Stop) -> str:
    until = f" until {timestamp(stop.until)}" if stop.until is not None else ""
    return stop.reason + until


async def _do_nothing(_: Session) -> None:
    """Do nothing."""


async def _close_on(interrupt: anyio.Event, throttle: Throttle) -> None:
    await interrupt.wait()
    throttle.close(Stop("Interrupted", 130))
