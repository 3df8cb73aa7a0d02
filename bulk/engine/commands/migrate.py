"""The command `migrate`: enrol the input, read the company list, give every customer a connection with a linkUrl."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping, Sequence
from functools import partial

from bulk.engine.adopter import Adopter
from bulk.engine.context import RunContext
from bulk.engine.enrolling import as_text, compare, in_batch, require_known, source_of
from bulk.engine.events import Enrolled, Hook, Started, Warned
from bulk.engine.feeds import PendingFeed
from bulk.engine.integrations import UnconfirmedKey, list_platform_keys
from bulk.engine.options import Options
from bulk.engine.process import has_request
from bulk.engine.session import Session, Work
from bulk.engine.statuses import mark_all_missing, read_all
from bulk.engine.steps.company import CreateCompany
from bulk.engine.steps.confirmation import ConfirmCompany
from bulk.engine.steps.connection import CreateConnection
from bulk.engine.steps.link import RenewLink
from bulk.input import Input
from bulk.journal import conflicts, customers, database, enrolment, facts, reopening
from bulk.journal.conflicts import SameSpelling
from bulk.journal.enrolment import ImportDiff
from bulk.journal.writer import Writer
from bulk.model import REQUESTS_PER_CUSTOMER, Stop
from bulk.problems import SAME_SPELLING, SAME_SPELLING_REMEDY
from bulk.reading import STANDARD_INPUT
from bulk.text import count, shorten

OLD_LINKS = "This journal does not have them; links that were sent to these customers before may no longer open."
MAX_NAMED = 3  # customers in a message
MAX_SHOWN = 80  # characters of an identifier in a message


class Migrate:
    """Takes the customers of an input as far as possible."""

    name = "migrate"
    steps = (ConfirmCompany(), CreateCompany(), CreateConnection(), RenewLink())
    only_present = True

    def __init__(self, source: Input, options: Options) -> None:
        """Create the command for this input."""
        is_piped = source.path.name == STANDARD_INPUT
        self.source = STANDARD_INPUT if is_piped else as_text(source.path)
        self._input = source
        self._options = options
        self._diff = ImportDiff()
        self._to_do = self._done = self._undone = 0
        self._has_conflicts = self._has_asked = False
        self._not_accepted: list[str] = []
        self._same_spelling: SameSpelling | None = None

    def prepare(self, connection: sqlite3.Connection, run: int) -> Work | None:
        """Enrol the input, or return the question whether its unknown platformKeys exist."""
        try:
            self._enrol(connection, run)
        except UnconfirmedKey as found:
            self._has_asked = True
            return partial(list_platform_keys, key=found.key)
        return None

    def _enrol(self, connection: sqlite3.Connection, run: int) -> None:
        """Enrol the input in one transaction. Raises UnconfirmedKey."""
        with database.transaction(connection):
            self._input = in_batch(connection, self._input, is_answered=self._has_asked)
            if not self._options.adds_files:
                require_known(connection, self._input)
            source = source_of(connection, self._options.source)
            self._not_accepted = conflicts.accept(connection, self._options.accepts)
            reads_again = len(self._not_accepted) < len(self._options.accepts)
            diff = compare(connection, self._input, run, source, reads_again=reads_again, asks=True)
            if self._options.retry_failed:
                reopening.reopen_failed(connection)
            if self._options.again:
                reopening.reopen_undone(connection)
            self._undone = customers.count_undone(connection)
            if self._options.products:
                facts.put(connection, {"products": json.dumps(self._options.products)})
            if self._options.link_lifetime is not None:
                facts.put(connection, {"link_lifetime": self._options.link_lifetime})
            if self._options.max_rejected is not None:
                facts.put(connection, {"max_rejected": self._options.max_rejected})
            remembered = {"mapping": self._input.columns_to_remember, "platform_names": self._input.platform_names}
            facts.put(connection, {name: json.dumps(dict(value)) for name, value in remembered.items()})
            facts.put_reading(connection, self._input.reading)
            enrolment.record_diff(connection, run, diff)
            self._same_spelling = conflicts.same_spelling(connection, run=run)
        self._diff = diff

    async def begin(
        self,
        writer: Writer,
        hook: Hook,
        now: float,  # noqa: ARG002 - a command's signature
    ) -> bool | Stop:
        """Report the differences, and count the customers with something left to do."""
        diff = self._diff
        numbers = (diff.new, diff.same, diff.changed, diff.removed, diff.rejected, diff.conflicts)
        hook(Enrolled(*numbers, is_another=diff.is_another))
        if self._not_accepted:
            hook(Warned(_not_in_conflict(self._not_accepted)))
        if self._same_spelling is not None:
            hook(Warned(_warning(self._same_spelling)))
        for note in self._input.lost_columns:
            hook(Warned(note))
        if text := _email_warning(self._input.email_problems):
            hook(Warned(text))
        if self._undone:
            undone = count(self._undone, "company was", "companies were")
            them = "it" if self._undone == 1 else "them"
            hook(Warned(f"{undone} deleted by undo and will not be created again. To create {them}, add --again."))
        if (stop := await writer.write(_too_many_rejected)) is not None:
            return stop
        self._to_do, self._done = await writer.write(lambda db: _count(db, self._options.limit))
        hook(Started(self._to_do, self._done, REQUESTS_PER_CUSTOMER))
        # The company list shows whether a conflict still exists.
        accepts = bool(self._options.accepts)
        self._has_conflicts = await writer.write(lambda db: conflicts.has_any(db, accepts=accepts))
        return self._to_do > 0 or self._has_conflicts

    async def work(self, session: Session) -> None:
        """Adopt the companies that exist in Codat already, then process the customers."""
        context = session.context
        known = await context.writer.write(customers.count)
        selected = known if self._options.limit is None else min(known, self._options.limit)
        session.needs_list = self._has_conflicts or await self._has_request(context)
        while True:
            if session.needs_list:
                await self._read_list(session)
                await self._report_settled(session)
            await session.process_all(lambda: PendingFeed(context.writer, self._options.limit), selected)
            if not session.needs_list:
                return

    async def _read_list(self, session: Session) -> None:
        """Adopt the companies that the list shows. With --accept-missing, the others are gone."""
        accepts, writer = session.accepts_missing, session.context.writer
        adopter = Adopter(session.context.labels, settles_conflicts=True, accepts_missing=accepts)
        await read_all(session, adopter.of_all() if accepts else adopter)
        if accepts:
            await mark_all_missing(session)
        if links := await writer.write(customers.count_without_link):
            session.hook(Warned(f"{count(links, 'linkUrl')} will be read from Codat again. {OLD_LINKS}"))

    async def _report_settled(self, session: Session) -> None:
        """Report the work again if the list has settled conflicts: their customers were not counted."""
        to_do, done = await session.context.writer.write(lambda db: _count(db, self._options.limit))
        if to_do + session.finished > self._to_do:
            self._to_do = to_do + session.finished
            session.hook(Started(to_do, done, REQUESTS_PER_CUSTOMER))

    async def _has_request(self, context: RunContext) -> bool:
        """Return whether any customer needs a request. A pending one that was removed from the input may need none."""
        feed = PendingFeed(context.writer, self._options.limit)
        while page := await feed():
            if any(has_request(customer, context) for customer in page):
                return True
        return False


def _too_many_rejected(connection: sqlite3.Connection) -> Stop | None:
    """Return the reason to send nothing if more rows are rejected than the batch accepts."""
    limit = facts.max_rejected(facts.get_all(connection))
    if limit is None:
        return None
    rejected, rows = enrolment.count_rows(connection)
    if rejected <= limit.of(rows):
        return None
    reason = (
        f"{count(rejected, 'row is', 'rows are')} rejected, more than --max-rejected {limit} allows, so nothing was "
        "sent. Fix them in a copy of rejects.csv, or raise --max-rejected; with none, the other rows are sent"
    )
    return Stop(reason, 1)


def _not_in_conflict(customer_ids: Sequence[str]) -> str:
    """Return the warning about customers to accept who are not in a conflict that a person can accept."""
    others = f" and {count(len(customer_ids) - MAX_NAMED, 'other')}" if len(customer_ids) > MAX_NAMED else ""
    named = ", ".join(shorten(each, MAX_SHOWN) for each in customer_ids[:MAX_NAMED])
    return (
        f"--accept: {named}{others}: the batch had not shown a conflict of these customers that can be accepted, so "
        "nothing was accepted for them. Run migrate without --accept, and look at conflicts.csv first."
    )


def _warning(found: SameSpelling) -> str:
    """Return the warning of two spellings in one file, which remain two customers."""
    others = f" (and {count(found.customers - 1, 'other row')}; see bulk check)" if found.customers > 1 else ""
    customer_id, first = (shorten(each, MAX_SHOWN) for each in (found.customer_id, found.first_customer_id))
    sentence = SAME_SPELLING.format(first, found.first_row)
    return f"Row {found.row}: customer_id {customer_id} {sentence}{others}: {SAME_SPELLING_REMEDY}"


def _email_warning(problems: Mapping[str, int]) -> str:
    """Return the warning of emails that were left out and of cells with several, or ""."""
    several = problems.get("email_several", 0)
    left_out = sum(problems.values()) - several
    parts = [f"{count(left_out, 'email is', 'emails are')} no address and left out"] if left_out else []
    if several:
        parts.append(f"{count(several, 'email has', 'emails have')} several addresses, and the first is used")
    return f"{'; '.join(parts)}: bulk check lists them" if parts else ""


def _count(connection: sqlite3.Connection, limit: int | None) -> tuple[int, int]:
    """Return the numbers of customers that are left to do and that are done. Others are in conflict or failed."""
    return customers.count_pending(connection, limit=limit), customers.count_done(connection, limit=limit)
