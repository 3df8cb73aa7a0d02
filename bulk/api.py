"""bulk as a library: each command a function with a typed result. Nothing here prints; progress comes as events."""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import polars as pl
from anyio.from_thread import start_blocking_portal

from bulk.batch import Ran, batch_lock, require_batch, run_job, stem, storable, write_reports
from bulk.codat.account import Account, ask
from bulk.codat.endpoints import page_count
from bulk.codat.forecast import Linking
from bulk.codat.throttle import Hold
from bulk.engine.commands.after import FollowUp, Links, Undo, Unlink
from bulk.engine.commands.migrate import Migration
from bulk.engine.commands.verify import Verify
from bulk.engine.events import (
    Advanced,
    Ended,
    Enrolled,
    Event,
    Hook,
    Reconciled,
    Resting,
    Started,
    Warned,
    ignore_events,
)
from bulk.engine.polling import next_poll, next_try
from bulk.engine.run import Options, Threshold
from bulk.errors import BatchInUseError, JournalError, UsageError
from bulk.input import open_input
from bulk.input_check import CheckResult, Cost, check
from bulk.journal.database import FILE, require_there
from bulk.model import Quota, State, Stop
from bulk.reports.rows import FINDINGS, Reader
from bulk.results import BatchResult, LinksResult, UndoResult, UnlinkResult, VerifyResult
from bulk.settings import Secret, Settings, webhook_secret

MAX_NAMED = 20  # customers that a message names one by one
MOVED_ON = (State.LINKED, State.COMPLETE, State.UNLINKED)  # they need no linkUrl any more


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
    on_event: Hook = ignore_events,
    interrupt: anyio.Event | None = None,
) -> BatchResult:
    """Create a company and an accounting connection for each customer of the file, once; write the batch's reports.

    The same call again resumes. Raises WrongUsage for what can be told beforehand (nothing was sent then), and
    JournalUnwritable when the disk fails; whatever else happens is in the result.
    """
    source = open_input(Path(path), mapping=mapping or {})
    folder = Path(reports) / storable(batch or stem(Path(path)))
    options = options or Options()
    ran = await run_job(folder, Migration(source, options, on_event), settings, on_event, interrupt, options)
    return write_reports(folder, *ran)


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
    on_event: Hook = ignore_events,
    interrupt: anyio.Event | None = None,
) -> BatchResult:
    """Learn who has authorized, and create the partner expense connection for each of those, once; write the reports.

    `watch`: go on asking, every so many seconds and as often as the daily quota allows, until nobody is left to wait
    for, `until` is over or `interrupt` is set. Raises as `migrate` does.
    """
    folder, interrupt = require_batch(folder), interrupt or anyio.Event()
    end = until.timestamp() if until is not None else math.inf
    result: BatchResult | None = None
    advanced: Counter[str] = Counter()  # in all rounds
    while True:
        try:
            ran = await run_job(folder, FollowUp(retry_failed=retry_failed), settings, on_event, interrupt)
        except BatchInUseError as busy:
            if result is None:
                raise
            # Between two rounds others may work on the batch.
            ran = Ran(Stop(str(busy), JournalError.exit_code), Counter())
        advanced += ran.advanced
        result = write_reports(folder, ran.stop, advanced)
        due = _next_round(result, watch, time.time())
        if due is None or interrupt.is_set():
            return result
        on_event(Resting(result.waiting, min(due, end), ran.stop))
        with anyio.move_on_after(max(min(due, end) - time.time(), 0.0)):
            await interrupt.wait()
        require_there(folder / FILE)  # else the next round would begin a batch of its own
        if interrupt.is_set() or due >= end:
            return replace(result, stop=Stop("Interrupted", 130) if interrupt.is_set() else result.stop)
        retry_failed = False


async def links(
    folder: str | Path,
    *,
    settings: Settings | None = None,
    margin: float | None = None,
    limit: int | None = None,
    link_lifetime: int | None = None,
    on_event: Hook = ignore_events,
    interrupt: anyio.Event | None = None,
) -> LinksResult:
    """Renew the linkUrls, of customers who have not authorized, that are no longer good `margin` seconds from now.

    `margin`: two hours if it is not given, and never more than half the lifetime of a linkUrl. `limit`: only the next
    so many, those first whose link is oldest. `link_lifetime` in seconds: how long a linkUrl is good; the batch
    remembers it. Raises as `migrate` does.
    """
    folder = require_batch(folder)
    job = Links(margin=margin, limit=limit, lifetime=link_lifetime)
    result = write_reports(folder, *await run_job(folder, job, settings, on_event, interrupt))
    with Reader(folder / FILE) as reader:
        answered = reader.done_in_last_run("get_connection")
    return LinksResult(**vars(result), renewed=answered - sum(result.advanced.get(state, 0) for state in MOVED_ON))


async def unlink(
    folder: str | Path,
    customer_ids: Sequence[str],
    *,
    settings: Settings | None = None,
    on_event: Hook = ignore_events,
    interrupt: anyio.Event | None = None,
) -> UnlinkResult:
    """Deauthorize these customers' accounting connections, where they are Linked. Raises as `migrate` does."""
    folder, customer_ids = require_batch(folder), list(dict.fromkeys(customer_ids))
    async with batch_lock(folder):
        pass  # what is wrong with the folder is said first
    with Reader(folder / FILE) as reader:
        known, rejected = reader.statuses(customer_ids), reader.rejected(customer_ids)
    if not known and not rejected:
        named = ", ".join(customer_ids[:MAX_NAMED])
        raise UsageError(f"{folder} has no such customer: {named}. Look them up in results.csv; nothing was sent.")
    result = write_reports(folder, *await run_job(folder, Unlink(customer_ids), settings, on_event, interrupt))
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
    on_event: Hook = ignore_events,
    interrupt: anyio.Event | None = None,
) -> VerifyResult:
    """Compare what Codat has with the journal; change nothing there, and here only if told to `adopt` what is unknown.

    Raises as `migrate` does.
    """
    folder = require_batch(folder)
    result = write_reports(folder, *await run_job(folder, Verify(adopts=adopt), settings, on_event, interrupt))
    with Reader(folder / FILE) as reader:
        frames = reader.findings()
        findings = pl.concat(frames) if frames is not None else pl.DataFrame(schema=dict.fromkeys(FINDINGS, pl.String))
    return VerifyResult(**vars(result), findings=findings)


async def undo(
    folder: str | Path,
    *,
    settings: Settings | None = None,
    yes: bool = False,
    on_event: Hook = ignore_events,
    interrupt: anyio.Event | None = None,
) -> UndoResult:
    """List the companies that this batch created and nobody has linked; with `yes` delete them, for good.

    Raises as `migrate` does.
    """
    folder = require_batch(folder)
    result = write_reports(folder, *await run_job(folder, Undo(deletes=yes), settings, on_event, interrupt))
    with Reader(folder / FILE) as reader:
        deletable, left_alone = reader.created(nobodys=True), reader.created(nobodys=False)
        deleted, taken_over = reader.done_in_last_run("delete_company"), reader.taken_over()
    return UndoResult(
        **vars(result),
        deletes=yes,
        deletable=deletable,
        left_alone=left_alone,
        deleted=deleted,
        taken_over=taken_over,
    )


async def listen(
    folder: str | Path,
    *,
    port: int = 0,
    secret: Secret | None = None,
    settings: Settings | None = None,
    ready: Callable[[str], None] = lambda _: None,
    on_event: Hook = ignore_events,
    interrupt: anyio.Event | None = None,
) -> BatchResult:
    """Receive Codat's webhook events on 127.0.0.1 and create partner connections as customers link, until interrupted.

    `port`: 0 for any that is free; `ready` is told the address. `secret`: what the events are signed with; without it
    CODAT_WEBHOOK_SECRET. Other commands may run on the batch meanwhile: what was received is acted on after them.
    Raises WrongUsage, JournalUnwritable.
    """
    from bulk.webhooks import receiver  # a server, which nothing else needs

    folder, interrupt, settings = require_batch(folder), interrupt or anyio.Event(), settings or Settings.make()
    is_genuine = receiver.verifier(secret or webhook_secret())
    return await receiver.listen(folder, port, is_genuine, settings, ready, on_event, interrupt)


def report(folder: str | Path, *, since: datetime | None = None) -> BatchResult:
    """Write the reports of a batch again from its journal; send nothing. Raises BatchUnusable, JournalUnwritable.

    `since`: they also say what has changed after that moment (UTC unless it says otherwise).
    """
    if since is not None and since.tzinfo is None:
        since = since.replace(tzinfo=UTC)
    return write_reports(Path(folder), None, since=since)


def _next_round(result: BatchResult, watch: float | None, now: float) -> float | None:
    """Say when a follow-up that watches asks again; None if it does not."""
    stop = result.stop
    if watch is None or not result.waiting or (stop is not None and stop.exit_code != JournalError.exit_code):
        return None
    if stop is not None:
        return next_try(now, watch, stop)
    summary = result.summary
    companies = sum(summary.customers[state] for state in ("link_ready", "linked", "complete", "unlinked"))
    quota = summary.quota
    known = None
    if quota.remaining is not None and quota.resets_at is not None:
        known = Quota(quota.limit, quota.remaining, datetime.fromisoformat(quota.resets_at).timestamp())
    return next_poll(now, watch, pages=page_count(companies), waiting=result.waiting, quota=known)


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


__all__ = [
    "Advanced",
    "BatchResult",
    "CheckResult",
    "Cost",
    "Ended",
    "Enrolled",
    "Event",
    "Hold",
    "Linking",
    "LinksResult",
    "Options",
    "Reconciled",
    "Resting",
    "Started",
    "State",
    "Stop",
    "Threshold",
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
