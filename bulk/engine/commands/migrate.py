"""The job of `migrate`: enrol the input, sweep if need be, give every customer a company, a connection and a link."""

from __future__ import annotations

import json
import sqlite3
from dataclasses import replace
from pathlib import Path

from bulk.codat import endpoints
from bulk.engine import retry
from bulk.engine.events import Enrolled, Hook, Started
from bulk.engine.process import RunContext
from bulk.engine.reconcile import Adopter, ask_quota, sweep
from bulk.engine.run import A_PAGE, Options, Session
from bulk.engine.steps import Goal
from bulk.input import Input
from bulk.journal import customers, database, enrolment, facts
from bulk.journal.enrolment import ACCEPTED, REJECTED, Enrolment, ImportDiff, Source
from bulk.journal.writer import Writer
from bulk.model import CustomerRecord


class Migration:
    """Takes the customers of an input as far as they get."""

    command = "migrate"
    goal = Goal.LINK_READY

    def __init__(self, source: Input, options: Options, hook: Hook) -> None:
        """Make the job for this input."""
        self.source = _legible(source.path)
        self._input = source
        self._options = options
        self._hook = hook
        self._to_do = self._done = 0
        self._sweep: retry.Sweep | None = None

    def prepare(self, connection: sqlite3.Connection, run: int) -> None:
        """Enrol the input."""
        with database.transaction(connection):
            tally = enrolment.known_unchanged(connection, self._input.digest) or enrolled(connection, self._input, run)
            if self._options.retry_failed:
                enrolment.retry_failed(connection)
            if self._options.link_lifetime is not None:
                facts.put(connection, {"link_lifetime": self._options.link_lifetime})
            facts.put(connection, {"mapping": json.dumps(dict(self._input.mapping))})
            enrolment.note(connection, run, tally)
        self._hook(
            Enrolled(tally.new, tally.same, tally.changed, tally.removed, tally.rejected, is_another=tally.is_another)
        )

    async def begin(self, writer: Writer, hook: Hook, now: float) -> bool:  # noqa: ARG002 - a job's signature
        """Count who is to be done."""
        limit = self._options.limit
        self._to_do, self._done, self._sweep = await writer.write(lambda db: _survey(db, limit))
        hook(Started(self._to_do, self._done))
        return self._to_do > 0

    async def work(self, session: Session) -> None:
        """Sweep if need be, then work off the customers: first those begun."""
        context, reserve = session.context, self._options.reserve
        if await context.writer.write(lambda db: facts.is_short_of_quota(db, context.wall(), reserve=reserve)):
            await ask_quota(context, session.hook)
        session.context = await self._swept(context, session.hook)
        await session.work_off(_Feed(context.writer, self._options.limit), self._to_do + self._done)

    async def _swept(self, context: RunContext, hook: Hook) -> RunContext:
        """Sweep where a batch has no journal yet, or where it is cheaper than a look-up for each unknown outcome.

        And where the new customers may be those of companies that an earlier sweep has shown, and that nobody had.
        """
        tag = None
        if self._sweep is not None:
            tag = (endpoints.BATCH_TAG, endpoints.batch_tag(context.batch))
            may_be_there = await context.writer.write(customers.has_strangers_to_do)
            doubtful, newest, companies = await context.writer.write(_doubts)
            is_settled = newest + retry.SETTLING_OF_KEPT <= context.wall()  # else they wait, and the others need not
            is_dear = not is_settled or doubtful <= endpoints.page_count(companies + doubtful)
            if is_dear and not may_be_there:
                return replace(context, sweep=self._sweep)
            tag = None if may_be_there else tag  # another batch may have made them
        began = await sweep(context, [tag], Adopter(context.batch, hook), hook)
        return replace(context, sweep=retry.Sweep(began, context.run))


def enrolled(connection: sqlite3.Connection, source: Input, run: int) -> ImportDiff:
    """Enrol an input's rows, within the caller's transaction; gives how they compare with the batch."""
    path = _legible(source.path.resolve())
    file = Source(path, source.digest, source.columns, source.extras, source.fields, source.mapping)
    enrolment = Enrolment(connection, file, run=run)
    rows = 0
    for checked in source.read():
        rows += checked.accepted.height + checked.rejected.height
        enrolment.take(
            checked.accepted.select(ACCEPTED).iter_rows(),
            checked.rejected.select(REJECTED).iter_rows(),
            rows=rows,
        )
    return enrolment.finish()


def _legible(path: Path) -> str:
    """Give a file's name as text, also where its bytes are none; different names stay different."""
    return str(path).encode("utf-8", "backslashreplace").decode("utf-8")


def _survey(connection: sqlite3.Connection, limit: int | None) -> tuple[int, int, retry.Sweep | None]:
    """Say how many customers are to be done and are done, and which sweep was the last."""
    to_do = customers.count_pending(connection, limit=limit)
    known = customers.count_in_work_or_done(connection)
    swept_at = facts.get(connection, "swept_at")
    done = max(min(known, known if limit is None else limit) - to_do, 0)
    if swept_at is None:
        return to_do, done, None
    # A journal from before it said in which run is not believed: what is in doubt is looked up one by one.
    return to_do, done, retry.Sweep(float(swept_at), int(facts.get(connection, "swept_run") or 0))


def _doubts(connection: sqlite3.Connection) -> tuple[int, float, int]:
    """Say how many outcomes are unknown, when the newest was asked for, and how many companies the batch made."""
    doubtful, newest = customers.count_doubtful(connection)
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

    async def __call__(self) -> list[CustomerRecord]:
        page = await self._writer.write(self._read)
        if not page and self._begun:
            self._begun, self._after = False, 0
            page = await self._writer.write(self._read)
        if page:
            self._after = page[-1].seq
        return page

    def _read(self, connection: sqlite3.Connection) -> list[CustomerRecord]:
        return customers.customers(connection, begun=self._begun, after=self._after, most=A_PAGE, limit=self._limit)
