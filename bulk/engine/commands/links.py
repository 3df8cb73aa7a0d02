"""The command `links`: renew linkUrls that have expired or will soon expire."""

from __future__ import annotations

import sqlite3
from typing import ClassVar

from bulk.engine.events import Hook, Started, Warned
from bulk.engine.feeds import SelectedFeed
from bulk.engine.session import Session
from bulk.engine.steps.link import RenewLink
from bulk.journal import database, facts, selection
from bulk.journal.writer import Writer
from bulk.model import LINK_LIFETIME_SECONDS

MARGIN = 2 * 3600.0  # seconds: a linkUrl is renewed this long before it expires


class Links:
    """Renews the linkUrls of customers who have not authorized, the oldest first."""

    name = "links"
    source: ClassVar[str | None] = None
    steps = (RenewLink(),)
    only_present = False

    def __init__(self, *, margin: float | None = None, limit: int | None = None, lifetime: int | None = None) -> None:
        """Create the command. `margin` and `lifetime` are in seconds; the default lifetime is the batch's."""
        self._margin = margin
        self._limit = limit
        self._lifetime = lifetime

    def prepare(self, connection: sqlite3.Connection, run: int) -> None:  # noqa: ARG002 - a command's signature
        """Store the lifetime of links, on which the reports depend, and the limit, which the next command repeats."""
        lifetime = {} if self._lifetime is None else {"link_lifetime": self._lifetime}
        with database.transaction(connection):
            facts.put(connection, {"links_limit": self._limit or 0} | lifetime)

    async def begin(self, writer: Writer, hook: Hook, now: float) -> bool:
        """Select the links to renew: the oldest first, so that with a limit every link has its turn."""
        to_do, live, margin = await writer.write(lambda db: self._select(db, now))
        if self._margin is not None and margin < self._margin:
            hook(
                Warned(
                    f"The margin is limited to {margin:,.0f} seconds, half the lifetime of a linkUrl. To renew all "
                    "links, whatever their age, run with --link-lifetime 1s, then again with their real lifetime."
                )
            )
        hook(Started(to_do, live))
        return to_do > 0

    def _select(self, connection: sqlite3.Connection, now: float) -> tuple[int, int, float]:
        """Return the number of links to renew, the number of others, and the margin in use."""
        lifetime = float(facts.get(connection, "link_lifetime") or LINK_LIFETIME_SECONDS)
        # A margin of two hours would renew a link that lives for an hour, and make it useless, in every run.
        margin = min(MARGIN if self._margin is None else self._margin, lifetime / 2)
        stale = selection.select_stale_links(connection, now=now, lifetime=lifetime, margin=margin)
        waiting = selection.count_waiting(connection)
        if self._limit is not None and stale > self._limit:
            selection.select_stale_links(connection, now=now, lifetime=lifetime, margin=margin, most=self._limit)
        return min(stale, self._limit or stale), waiting - stale, margin

    async def work(self, session: Session) -> None:
        """Renew the selected links."""
        await session.process_all(lambda: SelectedFeed(session.context.writer, replaces_links=True), 0)
