"""Pages of customers for a queue, read from the journal."""

from __future__ import annotations

import sqlite3

from bulk.engine.session import PAGE_SIZE
from bulk.journal import customers, selection
from bulk.journal.writer import Writer
from bulk.model import CustomerRecord


class PendingFeed:
    """The pending customers. Those begun come first, so that a day's quota yields linkUrls, not empty companies."""

    def __init__(self, writer: Writer, limit: int | None) -> None:
        """Create a feed of the input's first `limit` customers, or of all."""
        self._writer = writer
        self._limit = limit
        self._begun = True
        self._after = 0

    async def __call__(self) -> list[CustomerRecord]:
        """Return the next page, or an empty one at the end."""
        page = await self._writer.write(self._read)
        if not page and self._begun:
            self._begun, self._after = False, 0
            page = await self._writer.write(self._read)
        if page:
            self._after = page[-1].seq
        return page

    def _read(self, connection: sqlite3.Connection) -> list[CustomerRecord]:
        return customers.pending(connection, begun=self._begun, after=self._after, most=PAGE_SIZE, limit=self._limit)


class SelectedFeed:
    """The customers that a command has selected."""

    def __init__(self, writer: Writer, *, replaces_links: bool = False) -> None:
        """Create a feed. With `replaces_links`, every customer's linkUrl is to be renewed."""
        self._writer = writer
        self._replaces_links = replaces_links
        self._after = 0

    async def __call__(self) -> list[CustomerRecord]:
        """Return the next page, or an empty one at the end."""
        page, self._after = await self._writer.write(self._read)
        return [_without_link(customer) for customer in page] if self._replaces_links else page

    def _read(self, connection: sqlite3.Connection) -> tuple[list[CustomerRecord], int]:
        return selection.page(connection, after=self._after, most=PAGE_SIZE)


def _without_link(customer: CustomerRecord) -> CustomerRecord:
    replaced = (customer.link_url, customer.link_issued_at)
    return customer.evolve(link_url=None, link_issued_at=None, replaced_link=replaced)
