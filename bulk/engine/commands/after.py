"""The jobs that go on after the email: follow-up, fresh links, unlinking, undoing.

Each first learns from the company list how far the customers are, where that decides what is asked; a page shows up
to 2,000 of them. Then it works off those it has chosen, through the same plan and gate as a migration.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import ClassVar

from bulk.codat import endpoints
from bulk.engine import steps
from bulk.engine.events import Hook, Started, Warned
from bulk.engine.process import RunContext
from bulk.engine.reconcile import Adopter, Tag, look_at, sweep
from bulk.engine.run import A_PAGE, Session
from bulk.engine.steps import Goal
from bulk.journal import customers, database, enrolment, facts
from bulk.journal.writer import Writer
from bulk.model import CustomerRecord, Step

MARGIN = 2 * 3600.0  # seconds before its end from which on a linkUrl is renewed
MAX_NAMED = 20  # customers that a message names one by one
HAS_COMPANY = "company_id IS NOT NULL"
MAY_HAVE_COMPANY = "company_id IS NOT NULL OR name_sent IS NOT NULL"
AUTHORIZED = "SELECT seq FROM customers WHERE state = 'linked' AND partner_connection_id IS NULL ORDER BY source, row"
STALE = """
    SELECT seq FROM customers
    WHERE state = 'link_ready' AND presence <> 'removed'
          AND (link_url IS NULL OR link_issued_at IS NULL
               OR CAST(strftime('%s', link_issued_at) AS INTEGER) + :lifetime <= :now + :margin)
    ORDER BY link_issued_at, source, row LIMIT :most"""
NOBODYS = """
    SELECT seq FROM customers
    WHERE company_origin = 'created' AND company_id IS NOT NULL AND partner_connection_id IS NULL
          AND (connection_status IS NULL OR connection_status IN ('PendingAuth', 'Deleted'))
    ORDER BY source, row"""


class _Job:
    """What these jobs have in common: no input, and nothing to do where Codat has nothing of the batch."""

    source: ClassVar[str | None] = None

    def prepare(self, connection: sqlite3.Connection, run: int) -> None:
        """Nothing needs preparing."""

    async def begin(self, writer: Writer, hook: Hook, now: float) -> bool:  # noqa: ARG002 - a job's signature
        """Whether Codat may have anything of this batch."""
        if await writer.write(lambda db: _exists(db, MAY_HAVE_COMPANY)):
            return True
        hook(Started(0, 0))
        return False


class FollowUp(_Job):
    """Learns who has authorized, and gives each of those a partner expense connection."""

    command = "follow-up"
    goal = Goal.PARTNER

    def __init__(self, *, retry_failed: bool = False, asks: bool = True) -> None:
        """Make the job. `asks`: whether Codat is asked who has authorized, or the journal was told already."""
        self._retry_failed = retry_failed
        self._asks = asks

    def prepare(self, connection: sqlite3.Connection, run: int) -> None:  # noqa: ARG002 - a job's signature
        """Put those back to work whose partner connection Codat refused, if they are to be."""
        if self._retry_failed:
            with database.transaction(connection):
                enrolment.retry_partners(connection)

    async def begin(self, writer: Writer, hook: Hook, now: float) -> bool:
        """Whether there is anybody to ask for."""
        if self._asks:
            return await super().begin(writer, hook, now)
        return await writer.write(lambda db: customers.select(db, AUTHORIZED, {})) > 0

    async def work(self, session: Session) -> None:
        """Ask who has authorized, then make the connections."""
        write = session.context.writer.write
        if self._asks:
            await learn(session)
        to_do = await write(lambda db: customers.select(db, AUTHORIZED, {}))
        done = await write(lambda db: _count(db, "state = 'complete'"))
        session.hook(Started(to_do, done))
        await session.work_off(_Chosen(session.context), to_do + done)


class Links(_Job):
    """Renews linkUrls that are no longer good, or soon will not be."""

    command = "links"
    goal = Goal.FRESH_LINK

    def __init__(self, *, margin: float | None = None, limit: int | None = None, lifetime: int | None = None) -> None:
        """Make the job. `margin` and `lifetime` in seconds; no lifetime: as long as the batch's links live."""
        self._margin = margin
        self._limit = limit
        self._lifetime = lifetime

    def prepare(self, connection: sqlite3.Connection, run: int) -> None:  # noqa: ARG002 - a job's signature
        """Keep how long links live: what the reports say of them hangs on it."""
        if self._lifetime is not None:
            with database.transaction(connection):
                facts.put(connection, {"link_lifetime": self._lifetime})

    async def begin(self, writer: Writer, hook: Hook, now: float) -> bool:
        """Choose whose link is renewed: the oldest first, so that one wave after the other has its turn."""
        to_do, live, margin = await writer.write(lambda db: self._choose(db, now))
        if self._margin is not None and margin < self._margin:
            hook(
                Warned(
                    f"The margin is cut to {margin:,.0f} seconds, half the lifetime of a linkUrl. To renew them all, "
                    "whatever their age: --link-lifetime 1s, and the same command with their lifetime after it."
                )
            )
        hook(Started(to_do, live))
        return to_do > 0

    def _choose(self, connection: sqlite3.Connection, now: float) -> tuple[int, int, float]:
        lifetime = float(facts.get(connection, "link_lifetime") or endpoints.LINK_LIFETIME)
        # Of a link that lives for an hour, two hours is no margin: it would be renewed, and spoiled, for ever.
        margin = min(MARGIN if self._margin is None else self._margin, lifetime / 2)
        values = {"lifetime": lifetime, "margin": margin, "now": now, "most": -1}
        stale = customers.select(connection, STALE, values)
        waiting = _count(connection, "state = 'link_ready' AND presence <> 'removed'")
        if self._limit is not None and stale > self._limit:
            customers.select(connection, STALE, values | {"most": self._limit})
        return min(stale, self._limit or stale), waiting - stale, margin

    async def work(self, session: Session) -> None:
        """Renew them."""
        await session.work_off(_Chosen(session.context, is_stale=True), 0)


class Unlink(_Job):
    """Deauthorizes the accounting connections of named customers."""

    command = "unlink"
    goal = Goal.UNLINKED

    def __init__(self, customer_ids: Sequence[str]) -> None:
        """Make the job for these customers."""
        self._customer_ids = customer_ids

    def prepare(self, connection: sqlite3.Connection, run: int) -> None:  # noqa: ARG002 - a job's signature
        """Keep who is named."""
        connection.execute("CREATE TEMP TABLE named (customer_id TEXT PRIMARY KEY)")
        connection.executemany("INSERT OR IGNORE INTO temp.named VALUES (?)", [(each,) for each in self._customer_ids])

    async def begin(self, writer: Writer, hook: Hook, now: float) -> bool:  # noqa: ARG002 - a job's signature
        """Whether Codat has a company of any of them."""
        if await writer.write(lambda db: _exists(db, f"{HAS_COMPANY} AND {NAMED}")):
            return True
        hook(Started(0, 0))
        return False

    async def work(self, session: Session) -> None:
        """Ask how far they are, since only a linked connection can be unlinked; then unlink those."""
        context = session.context
        companies, all_companies = await context.writer.write(_named_companies)
        if len(companies) <= endpoints.page_count(all_companies):
            await look_at(context, companies, Adopter(context.batch, session.hook).of_all(), session.hook)
            await context.writer.write(lambda db: _mark_unseen(db, NAMED, context.wall()))
        else:
            await learn(session)
        linked = f"SELECT seq FROM customers WHERE connection_status = 'Linked' AND {NAMED} ORDER BY source, row"  # noqa: S608 - constants
        to_do = await context.writer.write(lambda db: customers.select(db, linked, {}))
        session.hook(Started(to_do, 0))
        await session.work_off(_Chosen(context), to_do)


NAMED = "customer_id IN (SELECT customer_id FROM temp.named)"


class Undo(_Job):
    """Deletes the companies that this batch created and nobody has linked; or only learns which those are."""

    command = "undo"
    goal = Goal.UNDONE

    def __init__(self, *, deletes: bool) -> None:
        """Make the job; nothing is deleted unless it `deletes`."""
        self._deletes = deletes

    async def work(self, session: Session) -> None:
        """Ask who has linked theirs, and delete the others."""
        await learn(session)
        to_do = await session.context.writer.write(lambda db: customers.select(db, NOBODYS, {}))
        if self._deletes:
            session.hook(Started(to_do, 0))
            await session.work_off(_Chosen(session.context), to_do)


async def learn(session: Session) -> None:
    """Learn from the company list how far the batch's customers are. Raises Stopped.

    Who is not among the companies with the batch's tag is looked for among all, before it counts as deleted.
    """
    context, hook = session.context, session.hook
    tags = await context.writer.write(lambda db: _tags(db, context.batch))
    taker = Adopter(context.batch, hook)
    await sweep(context, tags, taker.of_all() if None in tags else taker, hook)
    if None not in tags and await context.writer.write(lambda db: _exists(db, UNSEEN)):
        await sweep(context, [None], taker.of_all(), hook)
    if named := await context.writer.write(lambda db: _mark_unseen(db, "true", context.wall())):
        others = ", ..." if len(named) > MAX_NAMED else ""
        hook(Warned(f"Codat no longer has the companies of: {', '.join(named[:MAX_NAMED])}{others}"))


# Who is known to be without a company is not looked for again; who is known to be without a connection may be so.
UNSEEN = """company_id IS NOT NULL AND (connection_status IS NOT 'Deleted' OR error_step IS NOT 'company')
    AND seq NOT IN (SELECT seq FROM temp.seen)"""


def _tags(connection: sqlite3.Connection, batch: str) -> list[Tag | None]:
    """Say which lists show all of the batch's companies: its own, and those of batches that it took some over from."""
    own = endpoints.batch_tag(batch)
    others = connection.execute(
        "SELECT DISTINCT company_batch FROM customers WHERE company_origin = 'taken_over'"
    ).fetchall()
    if (None,) in others:  # it carries no batch's tag
        return [None]
    tags = sorted({own, *(tag for (tag,) in others)})
    return [(endpoints.BATCH_TAG, tag) for tag in tags]


def _mark_unseen(connection: sqlite3.Connection, among: str, now: float) -> list[str]:
    """Note whose company Codat no longer has; gives their identifiers."""
    rows = connection.execute(f"SELECT seq, customer_id FROM customers WHERE {UNSEEN} AND {among}").fetchall()  # noqa: S608 - constants
    changes = steps.deleted(Step.COMPANY) | {"updated_at": steps.timestamp(now)}
    for seq, _ in rows:
        customers.change(connection, seq, changes)
    return [customer_id for _, customer_id in rows]


def _named_companies(connection: sqlite3.Connection) -> tuple[list[str], int]:
    rows = connection.execute(f"SELECT company_id FROM customers WHERE {HAS_COMPANY} AND {NAMED}")  # noqa: S608 - constants
    return [row[0] for row in rows], _count(connection, HAS_COMPANY)


def _count(connection: sqlite3.Connection, which: str) -> int:
    (number,) = connection.execute(f"SELECT count(*) FROM customers WHERE {which}").fetchone()  # noqa: S608 - constants
    return int(number)


def _exists(connection: sqlite3.Connection, which: str) -> bool:
    (answer,) = connection.execute(f"SELECT EXISTS (SELECT 1 FROM customers WHERE {which})").fetchone()  # noqa: S608 - constants
    return bool(answer)


def has_authorized(connection: sqlite3.Connection) -> bool:
    """Whether somebody waits for a partner connection."""
    return _exists(connection, "state = 'linked' AND partner_connection_id IS NULL")


class _Chosen:
    """Gives pages of those who were chosen."""

    def __init__(self, context: RunContext, *, is_stale: bool = False) -> None:
        """Make a feed. `is_stale`: the linkUrls that the journal has are no longer worth anything."""
        self._writer = context.writer
        self._is_stale = is_stale
        self._after = 0

    async def __call__(self) -> list[CustomerRecord]:
        page, self._after = await self._writer.write(self._read)
        return [entry.evolve(link_url=None) for entry in page] if self._is_stale else page

    def _read(self, connection: sqlite3.Connection) -> tuple[list[CustomerRecord], int]:
        return customers.selected(connection, after=self._after, most=A_PAGE)
