"""One run of `migrate`: enrol the input, sweep if need be, work off the agenda, stop in order.

A first run, a resumed one, a retry and a rerun with an edited file are the same: what is left to do is what the
journal says.
"""

from __future__ import annotations

import math
import random
import sqlite3
import time
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace
from pathlib import Path

import anyio
import anyio.to_thread

from bulk.codat import operations
from bulk.codat.client import Client, Sender
from bulk.codat.pace import Gate, Stopped
from bulk.engine import plan, steps
from bulk.engine.agenda import Agenda
from bulk.engine.events import Advanced, Ended, Enrolled, Hook, Started, Warned
from bulk.engine.sweep import ask_quota, sweep
from bulk.engine.work import Finished, Tools, advance
from bulk.errors import BatchUnusable, BulkError, WrongUsage
from bulk.journal import enrol, store
from bulk.journal.enrol import Enrolment, Source, Tally
from bulk.journal.writer import Writer
from bulk.model import Entry, State, Stop
from bulk.rows import Input
from bulk.settings import Settings

A_PAGE = 200  # entries read from the journal at once


@dataclass(frozen=True, slots=True)
class Share:
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
    max_failures: Share | None = None

    def __post_init__(self) -> None:
        """Refuse what is no number of the kind. Raises WrongUsage."""
        for name, number, least in (("limit", self.limit, 1), ("reserve", self.reserve, 0)):
            is_number = isinstance(number, int) and not isinstance(number, bool) and number >= least
            if not is_number and not (name == "limit" and number is None):
                raise WrongUsage(f"{name} needs a whole number from {least}; {number!r} is none.")
        share = self.max_failures
        if share is None:
            return
        if not isinstance(share, Share) or not 0 <= share.number <= (100 if share.is_percent else 2**53):
            raise WrongUsage(f"max_failures needs a Share, of a number or of 0 to 100 percent; {share!r} is none.")


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
    ) -> None:
        """Prepare a run. `wall` gives seconds since 1970; `connect` makes what sends the requests."""
        self._folder = folder
        self._batch = folder.name
        self._settings = settings
        self._options = options
        self._version = version
        self._hook = hook
        self._wall = wall
        self._rng = rng or random.SystemRandom()
        self._connect = connect
        self._failures = 0
        self._left = 0
        self._trouble: BulkError | None = None

    async def migrate(self, source: Input, interrupt: anyio.Event) -> Stop | None:
        """Enrol the input and take its customers as far as they get; gives why it stopped, if it did.

        `interrupt`, once set, ends the run in order: what is in flight is finished and written down. Raises
        BulkError for an input or a journal that cannot be used; what was done until then is in the journal.
        """
        began = time.monotonic()
        connection = store.open_journal(self._folder)
        try:
            with store.translated(self._folder / store.FILE):
                self._claim(connection)
                run = store.begin_run(
                    connection,
                    command="migrate",
                    version=self._version,
                    source=_legible(source.path),
                    at=steps.timestamp(self._wall()),
                )
                await anyio.to_thread.run_sync(self._enrol, connection, source, run)
        except BaseException:
            connection.close()
            raise
        async with Writer(connection, self._folder) as writer:
            try:
                stop = await self._work(writer, run, interrupt)
            finally:
                await self._finish(writer, run, time.monotonic() - began)
        self._hook(Ended(stop))
        return stop

    def _claim(self, connection: sqlite3.Connection) -> None:
        """Make the batch this Codat's; refuse one that belongs to another."""
        # The name marks the batch's companies in Codat: it stays what it was when the folder is renamed.
        self._batch = store.get(connection, "name") or self._batch
        known = store.get(connection, "codat")
        if known is None:
            with store.transaction(connection):
                store.put(
                    connection,
                    {
                        "name": self._batch,
                        "codat": self._settings.codat,
                        "created_at": steps.timestamp(self._wall()),
                        "link_lifetime": 24 * 3600,
                    },
                )
        elif known != self._settings.codat:
            raise BatchUnusable(
                f"The batch {self._folder} was run against {known}, and this run would use {self._settings.codat}. "
                "Give the other with --base-url or --sandbox, or another batch with --batch; nothing was sent."
            )

    def _enrol(self, connection: sqlite3.Connection, source: Input, run: int) -> None:
        with store.transaction(connection):
            tally = enrol.known_unchanged(connection, source.digest) or _enrolled(connection, source, run)
            if self._options.retry_failed:
                enrol.retry_failed(connection)
            enrol.note(connection, run, tally)
        self._hook(
            Enrolled(tally.new, tally.same, tally.changed, tally.gone, tally.rejected, is_another=tally.is_another)
        )

    async def _work(self, writer: Writer, run: int, interrupt: anyio.Event) -> Stop | None:
        limit = self._options.limit
        to_do, done, is_warm, swept_at = await writer.write(lambda db: _survey(db, limit, self._wall()))
        asked_until = await writer.write(store.asked_until)
        self._hook(Started(to_do, done))
        if not to_do:
            return None
        settings = self._settings
        gate = Gate(
            rate=settings.rate,
            concurrency=settings.concurrency,
            wall=self._wall,
            reserve=self._options.reserve,
            waits=self._options.waits,
            is_warm=is_warm,
            on_hold=self._hook,
        )
        if asked_until is not None:
            gate.go_on_holding(asked_until)
        async with self._connect(settings) as client, anyio.create_task_group() as group:
            group.start_soon(_close_on, interrupt, gate)
            tools = Tools(client, gate, writer, run, self._batch, self._wall, self._rng, swept_at or 0.0)
            try:
                reserve = self._options.reserve
                if await writer.write(lambda db: store.is_short_of_quota(db, self._wall(), reserve=reserve)):
                    await ask_quota(tools, self._hook)
                tools = await self._swept(tools, is_first=swept_at is None)
                await self._work_off(tools, to_do + done)
            except Stopped:
                pass
            except BulkError as error:
                self._trouble = error
            group.cancel_scope.cancel()
        if self._trouble is not None:
            raise self._trouble
        if gate.stop is None and self._left:
            return Stop(f"{self._left} customers could not be finished, because Codat did not answer for them", 75)
        return gate.stop

    async def _swept(self, tools: Tools, *, is_first: bool) -> Tools:
        """Sweep where a batch has no journal yet, or where it is cheaper than a look-up for each unknown outcome."""
        of_batch = not is_first
        if of_batch:
            doubtful, newest, companies = await tools.writer.write(_doubts)
            is_settled = newest + plan.SETTLING_OF_KEPT <= self._wall()  # else they wait, and the others need not
            if not is_settled or doubtful <= operations.pages(companies + doubtful):
                return tools
        return replace(tools, swept_at=await sweep(tools, of_batch=of_batch, hook=self._hook))

    async def _work_off(self, tools: Tools, customers: int) -> None:
        agenda = Agenda(_Feed(tools.writer, self._options.limit), self._wall)
        most_failures = self._options.max_failures.of(customers) if self._options.max_failures else math.inf

        async def worker() -> None:
            try:
                while (item := await agenda.next()) is not None:
                    verdict = await advance(item, tools)
                    if isinstance(verdict, Finished):
                        self._note(item.entry, verdict, tools, most_failures)
                        agenda.done()
                    else:
                        agenda.park(verdict.item, verdict.due)
            except Stopped:
                agenda.close()
            except BulkError as error:
                self._trouble = self._trouble or error
                tools.gate.close(Stop(str(error), error.exit_code))
                agenda.close()

        async def close_with_gate() -> None:
            await tools.gate.closed.wait()
            agenda.close()

        async with anyio.create_task_group() as group:
            group.start_soon(close_with_gate)
            async with anyio.create_task_group() as workers:
                # Some more than there may be requests in flight: while one writes down, another can send.
                for _ in range(self._settings.concurrency + -(-self._settings.concurrency // 4)):
                    workers.start_soon(worker)
            group.cancel_scope.cancel()

    def _note(self, entry: Entry, verdict: Finished, tools: Tools, most_failures: float) -> None:
        if verdict.state is None:
            return
        if verdict.state is State.PENDING and entry.is_present:
            self._left += 1
        if verdict.state is State.FAILED:
            self._failures += 1
            if self._failures > most_failures:
                tools.gate.close(
                    Stop(
                        f"{self._failures} customers have failed, more than --max-failures allows. See their errors in "
                        "results.csv; the same command goes on with the others",
                        1,
                    )
                )
        self._hook(Advanced(entry.customer_id, verdict.state, tools.gate.budget.quota))

    async def _finish(self, writer: Writer, run: int, seconds: float) -> None:
        at = steps.timestamp(self._wall())
        with anyio.CancelScope(shield=True):
            try:
                await writer.write(lambda db: store.finish_run(db, run, at=at, seconds=seconds, stopped=None))
            except BulkError as error:
                self._hook(Warned(str(error)))


def _legible(path: Path) -> str:
    """Give a file's name as text, also where its bytes are none; different names stay different."""
    return str(path).encode("utf-8", "backslashreplace").decode("utf-8")


def _enrolled(connection: sqlite3.Connection, source: Input, run: int) -> Tally:
    path = _legible(source.path.resolve())
    enrolment = Enrolment(connection, Source(path, source.digest, source.columns, source.extras), run=run)
    rows = 0
    for batch in source.batches():
        rows += batch.accepted.height + batch.rejected.height
        enrolment.take(
            batch.accepted.select(enrol.ACCEPTED).iter_rows(),
            batch.rejected.select(enrol.REJECTED).iter_rows(),
            rows=rows,
        )
    return enrolment.finish()


def _survey(connection: sqlite3.Connection, limit: int | None, now: float) -> tuple[int, int, bool, float | None]:
    """Say how many customers are to be done and are done, whether requests left lately, and when the last sweep was."""
    to_do = store.count_pending(connection, limit=limit)
    customers = store.count_in_work_or_done(connection)
    last = store.last_request_at(connection)
    swept_at = store.get(connection, "swept_at")
    done = max(min(customers, customers if limit is None else limit) - to_do, 0)
    return to_do, done, last is not None and abs(now - last) < 60, None if swept_at is None else float(swept_at)


def _doubts(connection: sqlite3.Connection) -> tuple[int, float, int]:
    """Say how many outcomes are unknown, when the newest was asked for, and how many companies the batch made."""
    doubtful, newest = store.count_doubtful(connection)
    if doubtful <= 1:  # a sweep has one page at least
        return doubtful, newest, 0
    (companies,) = connection.execute("SELECT count(*) FROM customers WHERE company_origin = 'created'").fetchone()
    return doubtful, newest, int(companies)


class _Feed:
    """Gives pages of entries: first those begun, so that a day's quota ends with links, not with empty companies."""

    def __init__(self, writer: Writer, limit: int | None) -> None:
        self._writer = writer
        self._limit = limit
        self._begun = True
        self._after = 0

    async def __call__(self) -> list[Entry]:
        page = await self._writer.write(self._read)
        if not page and self._begun:
            self._begun, self._after = False, 0
            page = await self._writer.write(self._read)
        if page:
            self._after = page[-1].seq
        return page

    def _read(self, connection: sqlite3.Connection) -> list[Entry]:
        return store.entries(connection, begun=self._begun, after=self._after, most=A_PAGE, limit=self._limit)


async def _close_on(interrupt: anyio.Event, gate: Gate) -> None:
    await interrupt.wait()
    gate.close(Stop("Interrupted", 130))
