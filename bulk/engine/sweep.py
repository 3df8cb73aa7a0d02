"""The sweep: the company list page by page, and what it shows about customers of the batch is taken over.

One request for up to 2,000 companies: how a batch without a journal finds what Codat has already, and how many
unknown outcomes are settled at once.
"""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Callable

import anyio

from bulk.codat import operations, wire
from bulk.codat.operations import CompanyPage, Request
from bulk.codat.pace import Stopped, Turn
from bulk.codat.wire import Reply
from bulk.engine import plan, steps
from bulk.engine.events import Hook, Swept, Warned
from bulk.engine.work import Tools
from bulk.journal import store
from bulk.journal.store import Intent, Result
from bulk.model import Company, Entry, Outcome, Stop, customer_tag

MOST_READINGS = 3


async def sweep(tools: Tools, *, of_batch: bool, hook: Hook) -> float:
    """Read the whole company list (`of_batch`: only of companies that this batch made); gives when it began.

    Raises Stopped. A page that does not come is asked for again; a list that is not whole is read anew, and a run that
    cannot get a whole one stops: whom it does not see in the list, it would create.
    """
    began = tools.wall()
    for _ in range(MOST_READINGS):
        if await _read_list(tools, of_batch=of_batch, hook=hook):
            await tools.writer.write(lambda connection: store.put(connection, {"swept_at": began}))
            return began
        hook(Warned("Codat's list of companies changed or broke off while it was read; reading it again"))
    tools.gate.close(Stop("Codat's list of companies cannot be read as a whole: it changes, breaks off or repeats", 75))
    raise Stopped


async def _read_list(tools: Tools, *, of_batch: bool, hook: Hook) -> bool:
    """Read the list once; gives whether it held still and came to its end."""
    tag = (operations.BATCH_TAG, operations.batch_tag(tools.batch)) if of_batch else None
    request: Request | None = operations.list_companies(tag=tag)
    asked: set[str] = set()
    most = size = seen = 0
    while request is not None:
        asked.add(request.path)
        page = await _page(request, tools, hook)
        seen += len(page.companies)
        if page.total is not None and page.total < most:
            return False  # some were deleted, and others have moved up to a page that was read before
        most = page.total or most
        size = size or len(page.companies)
        following = page.next_path
        if following is None and seen < most and page.companies:
            # It names no next page and is not the last by its own count: only an empty one behind it is the end.
            following = operations.list_companies(tag=tag, page=len(asked) + 1, page_size=size).path
        if following in asked:
            return False
        request = operations.next_page(following) if following else None
    return True


async def ask_quota(tools: Tools, hook: Hook) -> None:
    """Let Codat tell what is left of the day's quota, with the one request that begins nothing. Raises Stopped."""
    await _page(operations.list_companies(page_size=1), tools, hook)


async def _page(request: Request, tools: Tools, hook: Hook) -> CompanyPage:
    tries = 0
    while True:
        await tools.gate.book(1)
        reply, page = await _fetch(request, tools, hook)
        if page is not None:
            return page
        if reply.outcome in (Outcome.HELD, Outcome.STOPPED):
            continue  # the gate waits, or has closed
        tries += 1
        said = reply.problem.text if reply.problem else "no answer"
        if reply.outcome is Outcome.REFUSED:
            tools.gate.close(Stop(f"Codat refused the list of companies: {said}", 75))
        elif tries >= 3 * plan.MOST_TRIES:
            tools.gate.close(Stop(f"Codat does not give the list of companies: {said}", 75))
        else:
            hook(Warned(f"Codat did not give the list of companies ({said}); trying again"))
            await anyio.sleep(plan.backoff(min(tries, 4), tools.rng))


async def _fetch(request: Request, tools: Tools, hook: Hook) -> tuple[Reply, CompanyPage | None]:
    ticket: int | None = None
    try:
        async with Turn(tools.gate) as turn:
            with anyio.CancelScope(shield=True):
                sent_at = tools.wall()
                ticket = tools.gate.depart()
                reply = await tools.client.send(request)
                page = operations.read_company_page(reply.content) if reply.outcome is Outcome.DONE else None
                if page is None and reply.outcome is Outcome.DONE:
                    reply = wire.unreadable(reply, "a page of companies")
                tools.gate.answered(ticket, reply, creates=False)
                turn.over()
                intent = Intent(None, None, request.operation, sent_at)
                result = Result(reply.outcome, tools.wall(), reply.status, reply.problem)
                taken, doubles = await tools.writer.write(_taking_over(intent, result, page, tools))
    finally:
        if ticket is None:  # it never left: what was booked for it is free again
            tools.gate.unbook(1)
    if page is not None:
        hook(Swept(len(page.companies), taken))
    for customer_id, company_ids in doubles:
        hook(Warned(f"Codat has more than one company for customer {customer_id}: {', '.join(company_ids)}"))
    return reply, page


def _taking_over(
    intent: Intent, result: Result, page: CompanyPage | None, tools: Tools
) -> Callable[[sqlite3.Connection], tuple[int, list[tuple[str, list[str]]]]]:
    """Write down a page and, in the same transaction, what it shows about customers of the batch."""

    def write(connection: sqlite3.Connection) -> tuple[int, list[tuple[str, list[str]]]]:
        store.settle(connection, store.intend(connection, tools.run, intent), result)
        if page is None:
            return 0, []
        tags = [c.tags.get(operations.CUSTOMER_TAG, "") for c in page.companies]
        uids = [c.tags.get(operations.READABLE_TAG, "") for c in page.companies]
        by_tag = _by_customer(page.companies)
        taken, doubles = 0, []
        for entry in store.find_by_tags(connection, tags, uids):
            own = by_tag[customer_tag(entry.customer_id)] + by_tag["uid " + entry.customer_id]
            others = {c.id for c in own} | ({entry.company_id} if entry.company_id else set())
            if len(others) > 1:
                doubles.append((entry.customer_id, sorted(str(other) for other in others)))
            changes = _changes(entry, own, batch=tools.batch, at=result.answered_at)
            if changes:
                store.change(connection, entry.seq, changes | {"updated_at": steps.timestamp(result.answered_at)})
                taken += 1
        return taken, doubles

    return write


def _by_customer(companies: tuple[Company, ...]) -> dict[str, list[Company]]:
    """Sort companies by the customer that their tags name: `<tag>`, or `uid <identifier>` where only that is there."""
    sorted_out: dict[str, list[Company]] = defaultdict(list)
    for company in companies:
        tag = company.tags.get(operations.CUSTOMER_TAG)
        sorted_out[tag if tag else "uid " + company.tags.get(operations.READABLE_TAG, "")].append(company)
    return sorted_out


def _changes(entry: Entry, own: list[Company], *, batch: str, at: float) -> steps.Changes:
    """Give what a sweep changes about a customer: only what the journal did not know."""
    if entry.company_id is None:
        company = operations.find_company(own, entry.customer_id)
        return steps.taken_over(entry, company, batch=batch, at=at) if company else {}
    company = next((c for c in own if c.id == entry.company_id), None)
    if company is None or entry.connection_id is not None:
        return {}
    connection = operations.accounting_connection(company.connections, entry.platform_key)
    return steps.listed(connection, at=at) if connection else {}
