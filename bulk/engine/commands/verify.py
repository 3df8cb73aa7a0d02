"""The command `verify`: read the whole company list and compare it with the journal.

Each created customer is expected to have one company, one accounting connection that is pending or linked, and at most
one partner expense connection.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import ClassVar

from bulk.engine.adopter import Adopter
from bulk.engine.comparison import Comparison
from bulk.engine.events import Hook, Started
from bulk.engine.reconcile import Taken
from bulk.engine.session import Session
from bulk.engine.statuses import read_all
from bulk.engine.step import Step
from bulk.journal import findings
from bulk.journal.writer import Writer
from bulk.model import Company
from bulk.text import timestamp


class Verify:
    """Compares Codat with the journal and, with `adopts`, adopts the companies that the journal lacks."""

    name = "verify"
    source: ClassVar[str | None] = None
    steps: tuple[Step, ...] = ()
    only_present = False

    def __init__(self, *, adopts: bool) -> None:
        """Create the command. Without `adopts`, it only compares."""
        self._adopts = adopts

    def prepare(self, connection: sqlite3.Connection, run: int) -> None:
        """Prepare nothing."""

    async def begin(self, writer: Writer, hook: Hook, now: float) -> bool:  # noqa: ARG002 - a command's signature
        """Return True: even an empty batch may have companies in Codat."""
        hook(Started(0, 0))
        return True

    async def work(self, session: Session) -> None:
        """Read the list and store the differences."""
        context = session.context
        comparison = Comparison(context.labels)
        adopter = Adopter(context.labels, accepts_missing=session.accepts_missing).of_all()
        await read_all(session, _Both(comparison, adopter) if self._adopts else comparison)
        at = timestamp(context.wall())

        def store(connection: sqlite3.Connection) -> None:
            differences = list(comparison.findings(connection))
            findings.replace_findings(connection, differences, adopts=self._adopts, at=at)

        await context.writer.write(store)


class _Both:
    """Hands the same pages to two handlers, one after the other."""

    adopts = True

    def __init__(self, first: Comparison, second: Adopter) -> None:
        self._first, self._second = first, second

    def begin(self, connection: sqlite3.Connection) -> None:
        self._first.begin(connection)
        self._second.begin(connection)

    def end(self, connection: sqlite3.Connection, at: float) -> bool:
        return self._second.end(connection, at)

    def take(self, connection: sqlite3.Connection, companies: Sequence[Company], at: float) -> Taken:
        self._first.take(connection, companies, at)
        return self._second.take(connection, companies, at)
