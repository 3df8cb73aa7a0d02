"""bulk as a library: each command a function with a typed result. Nothing here prints; progress comes as events."""

from __future__ import annotations

import math
import re
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cached_property, partial
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import anyio
import anyio.to_thread
import polars as pl
from anyio.from_thread import start_blocking_portal

from bulk import __version__
from bulk.checking import CheckResult, Cost, check
from bulk.codat.online import Account, ask
from bulk.codat.operations import pages
from bulk.codat.pace import Hold
from bulk.engine.after import FollowUp, Links, Undo, Unlink
from bulk.engine.events import Advanced, Ended, Enrolled, Event, Hook, Resting, Started, Swept, Warned, nobody
from bulk.engine.heed import Heed, is_needed, opened
from bulk.engine.migrate import Migration
from bulk.engine.polling import AFTER_TROUBLE, next_poll, next_try
from bulk.engine.run import Job, Options, Run, Share
from bulk.engine.steps import timestamp
from bulk.engine.verify import Verify
from bulk.errors import BatchInUse, BatchUnusable, JournalUnwritable, WrongUsage
from bulk.journal.lock import only_run
from bulk.journal.reading import FINDINGS, LinkFigures, Reader, Summary
from bulk.journal.store import FILE
from bulk.journal.writer import Writer
from bulk.model import Quota, State, Stop
from bulk.reporting import write_reports
from bulk.rows import open_input
from bulk.settings import Secret, Settings, webhook_secret

MOST_NAMED = 20  # customers that a message names one by one
AFTER_ANOTHER_RUN = 2.0  # seconds until a listener looks again whether the batch is free
BETWEEN_REPORTS = 60.0  # seconds, at least, between two that a listener writes


@dataclass(frozen=True)
class BatchResult:
    """A batch after a run or a report: the summary, why the run stopped if it did, and the reports as frames."""

    folder: Path
    summary: Summary
    stop: Stop | None
    paths: tuple[Path, ...]
    advanced: Mapping[str, int] = field(default_factory=dict)  # customers that this run has worked on, by their state

    @property
    def exit_code(self) -> int:
        """Give the exit code of the command that does the same."""
        if self.stop is not None:
            return self.stop.exit_code
        return 1 if self.summary.customers["rejected"] or self.summary.customers["failed"] else 0

    @property
    def waiting(self) -> int:
        """How many have yet to authorize, or to get their partner connection."""
        return self.summary.customers["link_ready"] + self.summary.customers["linked"]

    @cached_property
    def link_figures(self) -> LinkFigures:
        """How many linkUrls are good now, how many no longer, and when the next one expires."""
        with Reader(self.folder / FILE) as reader:
            return reader.link_figures(datetime.now(UTC))

    @cached_property
    def results(self) -> pl.DataFrame:
        """One row for each row of the input, in its order; then customers gone from it whom Codat has."""
        return pl.read_parquet(self.folder / "results.parquet")

    @cached_property
    def links(self) -> pl.DataFrame:
        """Who to email now, soonest to expire last."""
        with Reader(self.folder / FILE) as reader:
            return pl.concat(reader.links(datetime.now(UTC)), how="vertical")

    @cached_property
    def rejects(self) -> pl.DataFrame:
        """The rows that were not accepted, with the input's own columns and the reasons."""
        with Reader(self.folder / FILE) as reader:
            return pl.concat(reader.rejects(), how="vertical")


@dataclass(frozen=True)
class UnlinkResult(BatchResult):
    """What became of the customers that were to be unlinked, by customer_id."""

    unlinked: tuple[str, ...] = ()  # they are not authorized any more, whoever ended that
    others: Mapping[str, str] = field(default_factory=dict)  # and why not

    @property
    def exit_code(self) -> int:
        """Give 1 where a named customer could not be unlinked."""
        return self.stop.exit_code if self.stop is not None else 1 if self.others else 0


@dataclass(frozen=True)
class VerifyResult(BatchResult):
    """What Codat has otherwise than the journal."""

    findings: pl.DataFrame = field(
        default_factory=pl.DataFrame
    )  # finding, customer_id, company_id, connection_id, detail, adopted

    @property
    def exit_code(self) -> int:
        """Give 1 where something was found that was not adopted."""
        if self.stop is not None:
            return self.stop.exit_code
        return 1 if (self.findings["adopted"] == "no").any() else 0


@dataclass(frozen=True)
class UndoResult(BatchResult):
    """The companies that this batch created: customer_id, company_name, company_id, connection_status."""

    deletes: bool = False  # False: they were only listed
    deletable: pl.DataFrame = field(default_factory=pl.DataFrame)  # nobody has linked them, or not deleted after all
    left_alone: pl.DataFrame = field(default_factory=pl.DataFrame)  # somebody has, or had
    deleted: int = 0

    @property
    def exit_code(self) -> int:
        """Give 1 where a company could not be deleted."""
        return self.stop.exit_code if self.stop is not None else 1 if self.deletes and self.deletable.height else 0


async def look_online(settings: Settings) -> Account:
    """Ask Codat in at most three requests: is the key good, what is left of the quota, which platforms are enabled."""
    return await ask(settings)


async def migrate(
    path: str | Path,
    *,
    reports: str | Path = "reports",
    batch: str | None = None,
    settings: Settings | None = None,
    mapping: Mapping[str, str] | None = None,
    options: Options | None = None,
    on_event: Hook = nobody,
    interrupt: anyio.Event | None = None,
) -> BatchResult:
    """Create a company and an accounting connection for each customer of the file, once; write the batch's reports.

    The same call again resumes. Raises WrongUsage for what can be told beforehand (nothing was sent then), and
    JournalUnwritable when the disk fails; whatever else happens is in the result.
    """
    source = open_input(Path(path), mapping=mapping or {})
    folder = Path(reports) / storable(batch or stem(Path(path)))
    options = options or Options()
    ran = await _do(folder, Migration(source, options, on_event), settings, on_event, interrupt, options)
    return _reported(folder, *ran)


def migrate_blocking(path: str | Path, **options: Any) -> BatchResult:
    """Do what `migrate` does and wait for it; works in a notebook too, whose own loop is running already."""
    with start_blocking_portal() as portal:
        return portal.call(partial(migrate, path, **options))


async def follow_up(
    folder: str | Path,
    *,
    settings: Settings | None = None,
    retry_failed: bool = False,
    watch: float | None = None,
    until: datetime | None = None,
    on_event: Hook = nobody,
    interrupt: anyio.Event | None = None,
) -> BatchResult:
    """Learn who has authorized, and create the partner expense connection for each of those, once; write the reports.

    `watch`: go on asking, every so many seconds and as often as the daily quota allows, until nobody is left to wait
    for, `until` is over or `interrupt` is set. Raises as `migrate` does.
    """
    folder, interrupt = existing(folder), interrupt or anyio.Event()
    end = until.timestamp() if until is not None else math.inf
    result: BatchResult | None = None
    advanced: Counter[str] = Counter()  # in all rounds
    while True:
        try:
            ran = await _do(folder, FollowUp(retry_failed=retry_failed), settings, on_event, interrupt)
        except BatchInUse as busy:
            if result is None:
                raise
            # Between two rounds others may work on the batch.
            ran = _Ran(Stop(str(busy), JournalUnwritable.exit_code), Counter())
        advanced += ran.advanced
        result = _reported(folder, ran.stop, advanced)
        due = _next_round(result, watch, time.time())
        if due is None or interrupt.is_set():
            return result
        on_event(Resting(result.waiting, min(due, end), ran.stop))
        with anyio.move_on_after(max(min(due, end) - time.time(), 0.0)):
            await interrupt.wait()
        if interrupt.is_set() or due >= end:
            return replace(result, stop=Stop("Interrupted", 130) if interrupt.is_set() else result.stop)
        retry_failed = False


async def links(
    folder: str | Path,
    *,
    settings: Settings | None = None,
    margin: float = 2 * 3600.0,
    limit: int | None = None,
    link_lifetime: int | None = None,
    on_event: Hook = nobody,
    interrupt: anyio.Event | None = None,
) -> BatchResult:
    """Renew the linkUrls, of customers who have not authorized, that are no longer good `margin` seconds from now.

    `limit`: only the next so many, those first whose link is oldest. `link_lifetime` in seconds: how long a linkUrl is
    good; the batch remembers it. Raises as `migrate` does.
    """
    folder = existing(folder)
    job = Links(margin=margin, limit=limit, lifetime=link_lifetime)
    return _reported(folder, *await _do(folder, job, settings, on_event, interrupt))


async def unlink(
    folder: str | Path,
    customer_ids: Sequence[str],
    *,
    settings: Settings | None = None,
    on_event: Hook = nobody,
    interrupt: anyio.Event | None = None,
) -> UnlinkResult:
    """Deauthorize these customers' accounting connections, where they are Linked. Raises as `migrate` does."""
    folder, customer_ids = existing(folder), list(dict.fromkeys(customer_ids))
    with Reader(folder / FILE) as reader:
        known, rejected = reader.statuses(customer_ids), reader.rejected(customer_ids)
    if not known and not rejected:
        named = ", ".join(customer_ids[:MOST_NAMED])
        raise WrongUsage(f"{folder} has no such customer: {named}. Look them up in results.csv; nothing was sent.")
    result = _reported(folder, *await _do(folder, Unlink(customer_ids), settings, on_event, interrupt))
    with Reader(folder / FILE) as reader:
        found = reader.statuses(customer_ids)
    others = {each: reason for each in customer_ids if (reason := _not_unlinked(found.get(each)))}
    others |= {each: "was rejected: nothing was sent for its row" for each in others if each in rejected - set(found)}
    unlinked = tuple(customer_id for customer_id in customer_ids if customer_id not in others)
    return UnlinkResult(**vars(result), unlinked=unlinked, others=others)


async def verify(
    folder: str | Path,
    *,
    settings: Settings | None = None,
    adopt: bool = False,
    on_event: Hook = nobody,
    interrupt: anyio.Event | None = None,
) -> VerifyResult:
    """Compare what Codat has with the journal; change nothing there, and here only if told to `adopt` what is unknown.

    Raises as `migrate` does.
    """
    folder = existing(folder)
    result = _reported(folder, *await _do(folder, Verify(adopts=adopt), settings, on_event, interrupt))
    with Reader(folder / FILE) as reader:
        frames = reader.findings()
        findings = pl.concat(frames) if frames is not None else pl.DataFrame(schema=dict.fromkeys(FINDINGS, pl.String))
    return VerifyResult(**vars(result), findings=findings)


async def undo(
    folder: str | Path,
    *,
    settings: Settings | None = None,
    yes: bool = False,
    on_event: Hook = nobody,
    interrupt: anyio.Event | None = None,
) -> UndoResult:
    """List the companies that this batch created and nobody has linked; with `yes` delete them, for good.

    Raises as `migrate` does.
    """
    folder = existing(folder)
    result = _reported(folder, *await _do(folder, Undo(deletes=yes), settings, on_event, interrupt))
    with Reader(folder / FILE) as reader:
        deletable, left_alone = reader.created(nobodys=True), reader.created(nobodys=False)
        deleted = reader.done_in_last_run("delete_company")
    return UndoResult(**vars(result), deletes=yes, deletable=deletable, left_alone=left_alone, deleted=deleted)


async def listen(
    folder: str | Path,
    *,
    port: int = 0,
    secret: Secret | None = None,
    settings: Settings | None = None,
    ready: Callable[[str], None] = lambda _: None,
    on_event: Hook = nobody,
    interrupt: anyio.Event | None = None,
) -> BatchResult:
    """Receive Codat's webhook events on 127.0.0.1 and create partner connections as customers link, until interrupted.

    `port`: 0 for any that is free; `ready` is told the address. `secret`: what the events are signed with; without it
    CODAT_WEBHOOK_SECRET. Other commands may run on the batch meanwhile: what was received is acted on after them.
    Raises WrongUsage, JournalUnwritable.
    """
    from bulk import listening  # a server, which nothing else needs

    folder, interrupt, settings = existing(folder), interrupt or anyio.Event(), settings or Settings.make()
    is_genuine = listening.verifier(secret or webhook_secret())
    with listening.bound(port) as listener:
        async with Writer(opened(folder, settings), folder) as writer:
            rounds = _Rounds(writer, folder, settings, on_event, interrupt)
            ready(f"http://{listening.HOST}:{listener.getsockname()[1]}/")
            await listening.serve(writer, listener, is_genuine, rounds.work, interrupt)
    return _reported(folder, rounds.stop or Stop("Interrupted", 130))


class _Rounds:
    """Acts on what a listener has received, a round at a time; the reports follow at most a minute later."""

    def __init__(
        self, writer: Writer, folder: Path, settings: Settings, on_event: Hook, interrupt: anyio.Event
    ) -> None:
        self._writer = writer
        self._folder = folder
        self._settings = settings
        self._on_event = on_event
        self._interrupt = interrupt
        self._report_at: float | None = None
        self._reported_at = -math.inf
        self.stop: Stop | None = None  # what ended the listening, if it was not interrupted

    async def work(self) -> float | None:
        """Do a round if there is need; gives in how many seconds to come again, None if only for news."""
        try:
            if await self._writer.write(is_needed) and (pause := await self._round()) is not None:
                return pause
            return await self._report()
        except BatchInUse:
            return AFTER_ANOTHER_RUN
        except JournalUnwritable as error:  # meanwhile Codat hears so, and delivers again
            self._on_event(Warned(str(error)))
            return AFTER_TROUBLE

    async def _report(self) -> float | None:
        if self._report_at is None:
            return None
        wait = self._report_at - time.monotonic()
        if wait > 0:
            return wait
        await anyio.to_thread.run_sync(_reported, self._folder, None)  # events are answered all the while
        self._report_at, self._reported_at = None, time.monotonic()
        return None

    async def _round(self) -> float | None:
        job = Heed(timestamp(time.time()))
        stop, _ = await _do(existing(self._folder), job, self._settings, self._on_event, self._interrupt)
        self._report_at = self._report_at or max(time.monotonic(), self._reported_at + BETWEEN_REPORTS)
        if stop is None or stop.exit_code == 130:
            return None
        if stop.exit_code == JournalUnwritable.exit_code:
            due = next_try(time.time(), 0.0, stop)
            self._on_event(Warned(f"{stop.reason}. Listening goes on; the rest is tried again at {timestamp(due)}"))
            return max(due - time.time(), 0.0)
        self.stop = stop
        self._interrupt.set()
        return None


def report(folder: str | Path) -> BatchResult:
    """Write the reports of a batch again from its journal; send nothing. Raises BatchUnusable, JournalUnwritable."""
    return _reported(Path(folder), None)


def existing(folder: str | Path) -> Path:
    """Give the folder of a batch that is there. Raises BatchUnusable, with what to do."""
    path = Path(folder)
    if not (path / FILE).is_file():
        raise BatchUnusable(f"{path} holds no journal: give the folder of a batch, or migrate its input first.")
    return path


def stem(path: Path) -> str:
    """Give the name that a batch gets from its input file: `customers` for `customers.csv.gz`."""
    name = path.name
    for ending in (".gz", ".csv", ".tsv", ".txt", ".parquet"):
        name = name[: -len(ending)] if name.lower().endswith(ending) else name
    return storable(name or path.name)


def storable(name: str) -> str:
    """Give a name that is text through and through: a byte that is none becomes `%FF`."""
    return re.sub(r"[\ud800-\udfff]", lambda found: f"%{ord(found[0]) & 0xFF:02X}", name)


class _Ran(NamedTuple):
    """A run that has ended: why it stopped, if it did, and how far it brought how many customers."""

    stop: Stop | None
    advanced: Counter[str]


async def _do(
    folder: Path,
    job: Job,
    settings: Settings | None,
    on_event: Hook,
    interrupt: anyio.Event | None,
    options: Options | None = None,
) -> _Ran:
    settings = settings or Settings.make()
    advanced: Counter[str] = Counter()

    def hook(event: Event) -> None:
        if isinstance(event, Advanced) and not event.is_left:
            advanced[event.state] += 1
        on_event(event)

    with only_run(folder):
        run = Run(folder, settings, options or Options(), version=__version__, hook=hook)
        return _Ran(await run.do(job, interrupt or anyio.Event()), advanced)


def _next_round(result: BatchResult, watch: float | None, now: float) -> float | None:
    """Say when a follow-up that watches asks again; None if it does not."""
    stop = result.stop
    if watch is None or not result.waiting or (stop is not None and stop.exit_code != JournalUnwritable.exit_code):
        return None
    if stop is not None:
        return next_try(now, watch, stop)
    summary = result.summary
    companies = sum(summary.customers[state] for state in ("link_ready", "linked", "complete", "unlinked"))
    quota = summary.quota
    known = None
    if quota.remaining is not None and quota.resets_at is not None:
        known = Quota(quota.limit, quota.remaining, datetime.fromisoformat(quota.resets_at).timestamp())
    return next_poll(now, watch, pages=pages(companies), waiting=result.waiting, quota=known)


def _not_unlinked(known: tuple[str | None, str | None, str | None] | None) -> str | None:
    """Say why a customer is not unlinked after all; None if it is."""
    if known is None:
        return "is not among the customers of this batch"
    company_id, status, error = known
    if status in ("Unlinked", "Deauthorized"):
        return None
    if company_id is None or status is None:
        return "has no connection in Codat"
    if status == "Linked":
        return f"is still linked: {error}" if error else "is still linked"
    return f"has a connection that is {status}: only a Linked one can be unlinked"


def _reported(folder: Path, stop: Stop | None, advanced: Mapping[str, int] = MappingProxyType({})) -> BatchResult:
    written = write_reports(folder, now=datetime.fromtimestamp(time.time(), UTC))
    return BatchResult(folder, written.summary, stop, written.paths, dict(advanced))


__all__ = [
    "Advanced",
    "BatchResult",
    "CheckResult",
    "Cost",
    "Ended",
    "Enrolled",
    "Event",
    "Hold",
    "Options",
    "Resting",
    "Share",
    "Started",
    "State",
    "Stop",
    "Swept",
    "UndoResult",
    "UnlinkResult",
    "VerifyResult",
    "Warned",
    "check",
    "follow_up",
    "links",
    "listen",
    "look_online",
    "migrate",
    "migrate_blocking",
    "report",
    "undo",
    "unlink",
    "verify",
]
