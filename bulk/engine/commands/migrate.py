"""The command `migrate`: enrol the input, read the company list, give every customer a connection with a linkUrl."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from bulk import platforms
from bulk.engine.adopter import Adopter
from bulk.engine.context import RunContext
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
from bulk.errors import BatchError
from bulk.input import Input
from bulk.journal import conflicts, customers, database, enrolment, facts, reopening
from bulk.journal.conflicts import SameSpelling
from bulk.journal.enrolment import ACCEPTED, REJECTED, Enrolment, ImportDiff, Source
from bulk.journal.writer import Writer
from bulk.problems import SAME_SPELLING, SAME_SPELLING_REMEDY
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
        self.source = _as_text(source.path)
        self._input = source
        self._options = options
        self._diff = ImportDiff()
        self._to_do = self._done = 0
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
            if not self._options.adds_files and not is_known(connection, self._input):
                raise _unknown(connection, self._input)
            source = _source_of(connection, self._options.source)
            self._not_accepted = conflicts.accept(connection, self._options.accepts)
            reads_again = len(self._not_accepted) < len(self._options.accepts)
            diff = compare(connection, self._input, run, source, reads_again=reads_again, asks=True)
            if self._options.retry_failed:
                reopening.reopen_failed(connection)
            if self._options.products:
                facts.put(connection, {"products": json.dumps(self._options.products)})
            if self._options.link_lifetime is not None:
                facts.put(connection, {"link_lifetime": self._options.link_lifetime})
            facts.put(connection, {"mapping": json.dumps(dict(self._input.mapping))})
            facts.put(connection, {"platform_names": json.dumps(dict(self._input.platform_names))})
            enrolment.record_diff(connection, run, diff)
            self._same_spelling = conflicts.same_spelling(connection, run=run)
        self._diff = diff

    async def begin(self, writer: Writer, hook: Hook, now: float) -> bool:  # noqa: ARG002 - a command's signature
        """Report the differences, and count the customers with something left to do."""
        diff = self._diff
        numbers = (diff.new, diff.same, diff.changed, diff.removed, diff.rejected, diff.conflicts)
        hook(Enrolled(*numbers, is_another=diff.is_another))
        if self._not_accepted:
            hook(Warned(_not_in_conflict(self._not_accepted)))
        if self._same_spelling is not None:
            hook(Warned(_warning(self._same_spelling)))
        if text := _email_warning(self._input.email_problems):
            hook(Warned(text))
        self._to_do, self._done = await writer.write(lambda db: _count(db, self._options.limit))
        hook(Started(self._to_do, self._done))
        # The company list shows whether a conflict still exists.
        self._has_conflicts = await writer.write(conflicts.has_any)
        return self._to_do > 0 or self._has_conflicts

    async def work(self, session: Session) -> None:
        """Adopt the companies that exist in Codat already, then process the customers."""
        context = session.context
        customers = self._to_do + self._done
        session.needs_list = self._has_conflicts or await self._has_request(context)
        while True:
            if session.needs_list:
                await self._read_list(session)
                await self._report_settled(session)
            await session.process_all(lambda: PendingFeed(context.writer, self._options.limit), customers)
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
        """Report the work again if the list has settled conflicts: their customers were counted as done."""
        to_do, done = await session.context.writer.write(lambda db: _count(db, self._options.limit))
        if to_do + session.finished > self._to_do:
            self._to_do = to_do + session.finished
            session.hook(Started(to_do, done))

    async def _has_request(self, context: RunContext) -> bool:
        """Return whether any customer needs a request. A pending one that was removed from the input may need none."""
        feed = PendingFeed(context.writer, self._options.limit)
        while page := await feed():
            if any(has_request(customer, context) for customer in page):
                return True
        return False


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


def is_known(connection: sqlite3.Connection, source: Input) -> bool:
    """Return whether the batch has this input or no file yet. Any other would add its customers to the batch's."""
    return enrolment.is_known(connection, _as_text(source.path.resolve()), source.digest)


def _unknown(connection: sqlite3.Connection, source: Input) -> BatchError:
    name = facts.get(connection, "name")
    return BatchError(
        f"The batch {name} was created from another file, and {source.path} would add its customers. Pass "
        f"--batch {name} if that is right, or another --batch NAME for a batch of its own. Nothing was sent."
    )


def _source_of(connection: sqlite3.Connection, name: str | None) -> str | None:
    """Return the source system of the batch, and store a new one; customers enrolled before get it too.

    Raises BatchError if a company in Codat may have another one in its tags.
    """
    known = facts.get(connection, "source")
    if name is None or name == known:
        return known
    if customers.has_sent(connection):
        named = f'the source "{known}"' if known else "no source"
        raise BatchError(
            f'The batch was begun with {named}, and its companies carry it in their tags. Migrate the source "{name}" '
            "in a batch of its own (--batch); nothing was sent."
        )
    facts.put(connection, {"source": name})
    enrolment.tag_customers(connection, name)
    return name


def in_batch(connection: sqlite3.Connection, source: Input, *, is_answered: bool = False) -> Input:
    """Return the input with what the batch remembers: the user's names of platforms, and the keys that Codat lists.

    `is_answered` is whether Codat was asked for this input. A file that the batch has was enrolled with an answer.
    """
    names = platforms.merged_names(facts.platform_names(connection), source.platform_names)
    source = replace(source, platform_names=names)
    if is_answered or enrolment.has_content(connection, source.digest):
        source.confirmed_keys = facts.platform_keys(connection)
    return source


def compare(
    connection: sqlite3.Connection,
    source: Input,
    run: int,
    system: str | None,
    *,
    reads_again: bool = False,
    asks: bool = False,
) -> ImportDiff:
    """Return the differences of an input from the batch, which has its rows afterwards.

    `system` is the source system. A file that the batch has is read again only with `reads_again`. Call it in a
    transaction. With `asks`, it raises UnconfirmedKey.
    """
    diff = None if reads_again else enrolment.compare_unchanged(connection, source.digest)
    return diff or enrol(connection, source, run, system, asks=asks)


def enrol(
    connection: sqlite3.Connection, source: Input, run: int, system: str | None = None, *, asks: bool = False
) -> ImportDiff:
    """Enrol an input's rows within the caller's transaction; return their differences from the batch.

    `system` is the source system from --source. With `asks`, it raises UnconfirmedKey for a platformKey that neither
    bulk nor the batch knows.
    """
    path = _as_text(source.path.resolve())
    file = Source(
        path, source.digest, source.columns, source.extras, source.mapping, source.fields, source.is_rejects_file
    )
    enrolled = Enrolment(connection, file, run=run, system=system)
    listed = facts.platform_keys(connection) or frozenset()
    rows = 0
    for checked in source.read():
        if asks and (unconfirmed := checked.unconfirmed_keys.keys() - listed):
            raise UnconfirmedKey(min(unconfirmed))
        rows += checked.accepted.height + checked.rejected.height
        enrolled.take(
            checked.accepted.select(ACCEPTED).iter_rows(), checked.rejected.select(REJECTED).iter_rows(), rows=rows
        )
    return enrolled.finish()


def _as_text(path: Path) -> str:
    """Return a file's name as text, even if its bytes are not text. Different names stay different."""
    return str(path).encode("utf-8", "backslashreplace").decode("utf-8")


def _count(connection: sqlite3.Connection, limit: int | None) -> tuple[int, int]:
    """Return the numbers of customers that are left to do and that are done."""
    to_do = customers.count_pending(connection, limit=limit)
    known = customers.count(connection)
    return to_do, max(min(known, known if limit is None else limit) - to_do, 0)
