"""The sweep: the company list page by page, and what it shows about customers of the batch is taken over.

One request for up to 2,000 companies: how a batch without a journal finds what Codat has already, and how many
unknown outcomes are settled at once.
"""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Protocol, Self

import anyio

from bulk.codat import endpoints, responses
from bulk.codat.endpoints import CompanyPage, Request
from bulk.codat.responses import Reply
from bulk.codat.throttle import Slot, Stopped
from bulk.engine import retry, steps
from bulk.engine.events import Hook, Reconciled, Warned
from bulk.engine.process import RunContext, limits_of
from bulk.journal import attempts, customers, facts
from bulk.journal.attempts import Intent, Result
from bulk.model import Company, CustomerRecord, Outcome, Stop, customer_tag

MAX_READINGS = 3
Tag = tuple[str, str]


class PageHandler(Protocol):
    """What is done with the companies that a list shows; all of it in the transactions that write its pages down."""

    @property
    def adopts(self) -> bool:
        """Whether all that it is shown is in the journal afterwards: who is not, has nothing in Codat."""

    def begin(self, connection: sqlite3.Connection) -> None:
        """Prepare for a reading of the lists, the first or another one."""

    def take(self, connection: sqlite3.Connection, companies: Sequence[Company], at: float) -> int:
        """Take in a page, answered at this time; gives how many customers it was news for."""


async def sweep(context: RunContext, tags: Sequence[Tag | None], taker: PageHandler, hook: Hook) -> float:
    """Read the company lists with these tags (None: the list of all); gives when that began.

    Raises Stopped. A page that does not come is asked for again; a list that is not whole is read anew, and a run that
    cannot get a whole one stops: whom it does not see in the list, it would create.
    """
    began = context.wall()
    for _ in range(MAX_READINGS):
        await context.writer.write(taker.begin)
        if await _read_lists(context, tags, taker, hook):
            if taker.adopts:
                await context.writer.write(lambda connection: _note(connection, tags, retry.Sweep(began, context.run)))
            return began
        hook(Warned("Codat's list of companies changed or broke off while it was read; reading it again"))
    context.throttle.close(
        Stop("Codat's list of companies cannot be read as a whole: it changes, breaks off or repeats", 75)
    )
    raise Stopped


def _note(connection: sqlite3.Connection, tags: Sequence[Tag | None], made: retry.Sweep) -> None:
    """Write down a sweep that was made; before all companies were seen once, one of some proves nothing.

    Nor does one of all companies, as long as there are no customers to know them by.
    """
    (has_customers,) = connection.execute("SELECT EXISTS (SELECT 1 FROM customers)").fetchone()
    if (None in tags and has_customers) or facts.get(connection, "swept_at") is not None:
        facts.put(connection, {"swept_at": made.at, "swept_run": made.run})


async def look_at(context: RunContext, company_ids: Sequence[str], taker: PageHandler, hook: Hook) -> None:
    """Ask for single companies, where they are fewer than a list has pages. Raises Stopped."""
    await context.writer.write(taker.begin)
    for company_id in company_ids:
        await _page(endpoints.get_company(company_id), context, taker, hook)


async def _read_lists(context: RunContext, tags: Sequence[Tag | None], taker: PageHandler, hook: Hook) -> bool:
    for tag in tags:
        if not await _read_list(context, tag, taker, hook):
            return False
    return True


async def _read_list(context: RunContext, tag: Tag | None, taker: PageHandler, hook: Hook) -> bool:
    """Read the list once; gives whether it held still and came to its end."""
    request: Request | None = endpoints.list_companies(tag=tag)
    asked: set[str] = set()
    most = size = seen = 0
    while request is not None:
        asked.add(request.path)
        page = await _page(request, context, taker, hook)
        seen += len(page.companies)
        if page.total is not None and page.total < most:
            return False  # some were deleted, and others have moved up to a page that was read before
        most = page.total or most
        size = size or len(page.companies)
        following = page.next_path
        if following is None and seen < most and page.companies:
            # It names no next page and is not the last by its own count: only an empty one behind it is the end.
            following = endpoints.list_companies(tag=tag, page=len(asked) + 1, page_size=size).path
        if following in asked:
            return False
        request = endpoints.next_page(following) if following else None
    return True


async def ask_quota(context: RunContext, hook: Hook) -> None:
    """Let Codat tell what is left of the day's quota, with the one request that begins nothing. Raises Stopped."""
    taker = Adopter(context.batch, hook)
    await context.writer.write(taker.begin)
    await _page(endpoints.list_companies(page_size=1), context, taker, hook)


async def _page(request: Request, context: RunContext, taker: PageHandler, hook: Hook) -> CompanyPage:
    tries = 0
    while True:
        await context.throttle.reserve(1)
        reply, page = await _fetch(request, context, taker, hook)
        if page is not None:
            return page
        if reply.outcome is Outcome.RATE_LIMITED or context.throttle.stop is not None:
            continue  # the gate waits, or has closed
        tries += 1
        said = reply.problem.text if reply.problem else "no answer"
        if request.operation == "get_company" and steps.is_gone(reply):
            return CompanyPage((), 0, None)
        if reply.outcome is Outcome.REJECTED:
            context.throttle.close(Stop(f"Codat refused the list of companies: {said}", 75))
        elif tries >= 3 * retry.MAX_TRIES:
            context.throttle.close(Stop(f"Codat does not give the list of companies: {said}", 75))
        else:
            hook(Warned(f"Codat did not give the list of companies ({said}); trying again"))
            await anyio.sleep(retry.backoff(min(tries, 4), context.rng))


async def _fetch(
    request: Request, context: RunContext, taker: PageHandler, hook: Hook
) -> tuple[Reply, CompanyPage | None]:
    ticket: int | None = None
    try:
        async with Slot(context.throttle) as turn:
            with anyio.CancelScope(shield=True):
                sent_at = context.wall()
                ticket = context.throttle.on_sent()
                reply = await context.client.send(request)
                page = _read(request, reply) if reply.outcome is Outcome.DONE else None
                if page is None and reply.outcome is Outcome.DONE:
                    reply = responses.unreadable(reply, "a page of companies")
                context.throttle.on_response(ticket, reply, creates=False)
                turn.end()
                intent = Intent(None, None, request.operation, sent_at)
                result = Result(reply.outcome, context.wall(), reply.status, reply.problem)

                note_limits = limits_of(context)

                def take(connection: sqlite3.Connection) -> int:
                    attempts.record_outcome(connection, attempts.record_intent(connection, context.run, intent), result)
                    note_limits(connection)
                    return taker.take(connection, page.companies, result.answered_at) if page is not None else 0

                taken = await context.writer.write(take)
    finally:
        if ticket is None:  # it never left: what was booked for it is free again
            context.throttle.release(1)
    if page is not None and request.operation == "list_companies":
        hook(Reconciled(len(page.companies), taken))
    return reply, page


def _read(request: Request, reply: Reply) -> CompanyPage | None:
    if request.operation == "list_companies":
        return endpoints.read_company_page(reply.content)
    company = endpoints.read_company(reply.content)
    return CompanyPage((company,), 1, None) if company else None


class Adopter:
    """Takes over what Codat has and the journal lacks, and how far each customer has got there."""

    adopts = True

    def __init__(self, batch: str, hook: Hook) -> None:
        """Make a taker for the companies of a batch, by the name that marks them."""
        self._batch = batch
        self._hook = hook
        self._reads_all = False
        self._warned = False

    def of_all(self) -> Self:
        """Know companies that have lost their tags as well: for a list of all."""
        self._reads_all = True
        return self

    def begin(self, connection: sqlite3.Connection) -> None:
        """Forget who was seen in an earlier reading."""
        connection.execute("CREATE TEMP TABLE IF NOT EXISTS seen (seq INTEGER PRIMARY KEY)")
        connection.execute("DELETE FROM temp.seen")
        if self._reads_all:
            customers.index_companies(connection)

    def take(self, connection: sqlite3.Connection, companies: Sequence[Company], at: float) -> int:
        """Write down what a page shows about customers of the batch."""
        by_tag = by_customer(companies)
        taken = 0
        claimed: set[str] = set()
        for entry in known_customers(connection, companies, by_company=self._reads_all):
            own = by_tag[customer_tag(entry.customer_id)] + by_tag["uid " + entry.customer_id]
            own = own or [company for company in companies if company.id == entry.company_id]
            claimed.update(company.id for company in own)
            self._warn_of_doubles(entry, own)
            self._warn_of_silence(own)
            if any(company.id == entry.company_id for company in own) or entry.company_id is None:
                connection.execute("INSERT OR IGNORE INTO temp.seen VALUES (?)", (entry.seq,))
            changes = _changes(entry, own, batch=self._batch, at=at)
            if changes:
                customers.change(connection, entry.seq, changes | {"updated_at": steps.timestamp(at)})
                taken += 1
        self._note_strangers(connection, [company for company in companies if company.id not in claimed])
        return taken

    def _note_strangers(self, connection: sqlite3.Connection, unclaimed: Sequence[Company]) -> None:
        """Remember whose companies the list shows that the journal does not know: those of another one, or a lost one.

        Whoever of them is enrolled later is looked for before another company is made.
        """
        tags = (company.tags.get(endpoints.CUSTOMER_TAG) for company in unclaimed)
        customers.note_strangers(connection, [tag for tag in tags if tag])

    def _warn_of_silence(self, own: Sequence[Company]) -> None:
        if not self._warned and any(not company.knows_connections for company in own):
            self._warned = True
            self._hook(
                Warned("Codat's list does not say which connections some companies have: they stay as they were")
            )

    def _warn_of_doubles(self, entry: CustomerRecord, own: Sequence[Company]) -> None:
        ids = {company.id for company in own} | ({entry.company_id} if entry.company_id else set())
        ids.discard(entry.deleted_id)
        if len(ids) > 1:
            listed = ", ".join(sorted(map(str, ids)))
            self._hook(Warned(f"Codat has more than one company for customer {entry.customer_id}: {listed}"))


def known_customers(
    connection: sqlite3.Connection, companies: Sequence[Company], *, by_company: bool
) -> Iterable[CustomerRecord]:
    """Read the customers whose companies these are by their tags; `by_company`: or by the journal."""
    tags = [c.tags.get(endpoints.CUSTOMER_TAG, "") for c in companies]
    found = {entry.seq: entry for entry in customers.find_by_tags(connection, tags, [])}
    tagged = {customer_tag(entry.customer_id) for entry in found.values()}
    others = [c for c, tag in zip(companies, tags, strict=True) if tag not in tagged]
    uids = [c.tags.get(endpoints.READABLE_TAG, "") for c in others]
    found |= {entry.seq: entry for entry in customers.find_by_tags(connection, [], uids)}
    if by_company:
        known = {entry.company_id for entry in found.values()}
        unknown = [company.id for company in companies if company.id not in known]
        found |= {entry.seq: entry for entry in customers.find_by_companies(connection, unknown)}
    return found.values()


def by_customer(companies: Iterable[Company]) -> dict[str, list[Company]]:
    """Sort companies by the customer that their tags name: `<tag>`, or `uid <identifier>` where only that is there."""
    sorted_out: dict[str, list[Company]] = defaultdict(list)
    for company in companies:
        tag = company.tags.get(endpoints.CUSTOMER_TAG)
        sorted_out[tag if tag else "uid " + company.tags.get(endpoints.READABLE_TAG, "")].append(company)
    return sorted_out


def _changes(entry: CustomerRecord, own: Sequence[Company], *, batch: str, at: float) -> steps.Changes:
    """Give what a sweep changes about a customer: only what the journal did not know."""
    if entry.company_id is None:
        company = steps.company_of(entry, own)
        return steps.taken_over(entry, company, batch=batch, at=at) if company else {}
    company = next((c for c in own if c.id == entry.company_id), None)
    return steps.refreshed(entry, company, at=at) if company else {}
