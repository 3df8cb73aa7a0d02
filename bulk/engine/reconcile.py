"""Reads Codat's company list page by page: one request returns up to 2,000 companies with their connections.

A PageHandler applies the pages to the batch.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Protocol

from bulk.codat import endpoints, responses
from bulk.codat.blockade import blocked_reason
from bulk.codat.endpoints import PAGE_SIZE, CompanyPage, Request
from bulk.codat.responses import Reply
from bulk.codat.throttle import Stopped
from bulk.engine import retry
from bulk.engine.context import RunContext
from bulk.engine.events import Hook, Reconciled, Warned
from bulk.engine.page_size import PageSize
from bulk.engine.questions import after_fault, send_once
from bulk.engine.step import is_gone
from bulk.journal import facts
from bulk.model import Company, Outcome, Stop

MAX_READINGS = 3  # of a list that changes while it is read
TOO_LARGE = (Outcome.UNKNOWN, Outcome.SERVER_ERROR)  # a page may have been: a timeout, a 5xx
Tag = tuple[str, str]


class _SmallerPages(Exception):  # noqa: N818 - not an error: the list is read again, with smaller pages
    """The list is to be read again from its beginning."""


@dataclass(frozen=True, slots=True)
class Taken:
    """The result of a page: the number of changed customers, and warnings for the user."""

    changed: int = 0
    warnings: tuple[str, ...] = ()


class _Blocked(Exception):  # noqa: N818 - not an error: the other companies are read
    """Something in front of Codat blocks the request for one company."""

    def __init__(self, reply: Reply) -> None:
        super().__init__()
        self.reply = reply


class PageHandler(Protocol):
    """Handles the companies that a list shows, inside the transactions that record its pages."""

    @property
    def adopts(self) -> bool:
        """Whether the journal has everything on the pages afterwards."""

    def begin(self, connection: sqlite3.Connection) -> None:
        """Prepare for a reading of the lists. It is called again for each repeated reading."""

    def take(self, connection: sqlite3.Connection, companies: Sequence[Company], at: float) -> Taken:
        """Handle a page that was received at this time."""

    def end(self, connection: sqlite3.Connection, at: float) -> bool:
        """Finish after the lists were read as a whole; return whether they are trusted."""


async def reconcile(context: RunContext, tags: Sequence[Tag | None], handler: PageHandler, hook: Hook) -> None:
    """Read the company lists with these tags (None means the list of all) and pass their pages to the handler.

    A list that changes or breaks off is read again. A run that cannot read a whole list stops, because otherwise it
    would create the missing customers again. Raises Stopped.
    """
    pages = PageSize(int(await context.writer.write(lambda db: facts.get(db, "page_size")) or PAGE_SIZE))
    readings = 0
    while readings < MAX_READINGS:
        await context.writer.write(handler.begin)
        reading = _Reading(context, handler, hook, pages)
        try:
            is_whole = await reading.read_lists(tags)
        except _SmallerPages:
            continue
        if is_whole:
            await reading.end()
            return
        readings += 1
        hook(Warned("Codat's company list changed or broke off while it was read; reading it again"))
    context.throttle.close(
        Stop("Codat's company list cannot be read as a whole: it changes, breaks off or repeats", 75)
    )
    raise Stopped


async def read_companies(
    context: RunContext, company_ids: Sequence[str], handler: PageHandler, hook: Hook
) -> list[str]:
    """Read single companies, for when they are fewer than the pages of a list; return those that a firewall blocks.

    Raises Stopped, also if it blocks all of them.
    """
    await context.writer.write(handler.begin)
    reading = _Reading(context, handler, hook, PageSize(PAGE_SIZE))
    blocked: list[str] = []
    for company_id in company_ids:
        try:
            await reading.page(endpoints.get_company(company_id))
        except _Blocked as company:
            blocked.append(company_id)
            if len(blocked) == len(company_ids):
                context.throttle.close(Stop(blocked_reason(company.reply), 75))
                raise Stopped from None
    return blocked


class _Reading:
    """One reading of lists or of single companies."""

    def __init__(self, context: RunContext, handler: PageHandler, hook: Hook, pages: PageSize) -> None:
        self._context = context
        self._handler = handler
        self._hook = hook
        self._pages = pages
        self._began = context.throttle.now()
        self._has_begun = False

    async def read_lists(self, tags: Sequence[Tag | None]) -> bool:
        """Read the lists once; return whether all were complete and did not change. May raise _SmallerPages."""
        for tag in tags:
            if not await self._read_list(tag):
                return False
        return True

    async def end(self) -> None:
        """Finish a reading of whole lists."""

        def finish(connection: sqlite3.Connection) -> bool:
            facts.put(connection, {"page_size": self._pages.next_size})
            is_adopted = self._handler.end(connection, self._context.wall()) and self._handler.adopts
            if is_adopted:
                facts.put(connection, {"list_read_at": self._began.wall})
            return is_adopted

        if await self._context.writer.write(finish):  # the journal now has everything in the list
            self._context.list_validity.begin(self._began)

    async def _read_list(self, tag: Tag | None) -> bool:
        pages = self._pages
        request: Request | None = endpoints.list_companies(tag=tag, page_size=pages.size)
        requested: set[str] = set()
        total = size = seen = 0
        while request is not None:
            requested.add(request.path)
            page = await self.page(request)
            seen += len(page.companies)
            if page.total is not None and page.total < total:
                return False  # companies were deleted, so others moved up to a page that was read before
            total = page.total or total
            size = size or len(page.companies)
            next_path = page.next_path
            if next_path is None and seen < total and page.companies:
                # It has no link to the next page, but by its own count it is not the last: an empty page is the end.
                next_path = endpoints.list_companies(tag=tag, page=len(requested) + 1, page_size=size).path
            pages.on_page(len(page.companies), is_last=next_path is None)
            if next_path in requested:
                return False
            request = endpoints.next_page(next_path) if next_path else None
        return True

    async def page(self, request: Request) -> CompanyPage:
        """Request a page until Codat returns it.

        Raises Stopped, _SmallerPages to begin the list again, and _Blocked for a single company.
        """
        context, tries = self._context, 0
        is_list = request.operation == "list_companies"
        while True:
            reply, page = await self._fetch(request)
            if page is not None:
                return page
            if reply.outcome is Outcome.RATE_LIMITED or context.throttle.stop is not None:
                continue  # the throttle waits, or is closed
            tries += 1
            if not is_list and is_gone(reply):
                return CompanyPage((), 0, None)
            if not is_list and reply.outcome is Outcome.BLOCKED and tries >= retry.MAX_TRIES:
                raise _Blocked(reply)
            is_smaller = is_list and reply.outcome in TOO_LARGE and self._pages.on_fault()
            how = f" with {self._pages.size} companies on a page" if is_smaller else ""
            thing = "the company list" if is_list else "a company"
            await after_fault(reply, tries, thing, context, self._hook, change=how)
            if is_smaller and context.throttle.stop is None:
                raise _SmallerPages

    async def _fetch(self, request: Request) -> tuple[Reply, CompanyPage | None]:
        """Request a page once, and record it together with its changes."""

        def take(connection: sqlite3.Connection, page: CompanyPage | None, at: float) -> Taken:
            return self._handler.take(connection, page.companies, at) if page is not None else Taken()

        reply, page, taken = await send_once(request, self._context, partial(_read, request), take, self._on_send)
        for warning in taken.warnings:
            self._hook(Warned(warning))
        if page is not None and request.operation == "list_companies":
            self._hook(Reconciled(len(page.companies), taken.changed))
        return reply, page

    def _on_send(self) -> None:
        """Note the time at which the first request leaves: it may have waited for the next day's quota."""
        if not self._has_begun:
            self._began, self._has_begun = self._context.throttle.now(), True


def _read(request: Request, reply: Reply) -> tuple[Reply, CompanyPage | None]:
    if reply.outcome is not Outcome.DONE:
        return reply, None
    if request.operation == "list_companies":
        page = endpoints.read_company_page(reply.content)
    else:
        company = endpoints.read_company(reply.content)
        page = CompanyPage((company,), 1, None) if company else None
    return (reply if page else responses.unreadable(reply, "a page of companies")), page
