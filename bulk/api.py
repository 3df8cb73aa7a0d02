"""The library: one function for each command, with a typed result. Nothing here prints; progress is reported as events.

Reading an input and writing reports happen in worker threads, so the caller's event loop keeps running.
"""

from __future__ import annotations

import math
import shlex
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from datetime import datetime
from functools import partial
from pathlib import Path

import anyio
import anyio.to_thread
import polars as pl

from bulk import named_customers, standard_input
from bulk.batch import (
    batch_of,
    batch_options,
    in_utc,
    input_options,
    remembered,
    report,
    require_batch,
    stem,
    storable,
)
from bulk.batch_comparison import BatchComparison
from bulk.check_result import CheckResult, Cost
from bulk.codat.account import Account, ask
from bulk.codat.forecast import Linking
from bulk.codat.limits import Hold
from bulk.email_record import sent
from bulk.engine.commands.links import Links
from bulk.engine.commands.migrate import Migrate
from bulk.engine.commands.undo import Undo
from bulk.engine.commands.unlink import Unlink
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
    WaveWritten,
    ignore_events,
)
from bulk.engine.options import Options, require_seconds, require_whole
from bulk.errors import UsageError
from bulk.input import Input, open_input
from bulk.input_check import check
from bulk.job import batch_lock, run_and_report
from bulk.journal.database import FILE
from bulk.journal.folder import require_spelling
from bulk.model import State, Stop, Threshold
from bulk.reading import NOTHING_SAID, Reading
from bulk.reports.columns import FINDINGS
from bulk.reports.rows import Reader
from bulk.results import BatchResult, LinksResult, SentResult, UndoResult, UnlinkResult, VerifyResult
from bulk.settings import Secret, Settings, webhook_secret
from bulk.text import argument
from bulk.watch import repeat_follow_up

AUTHORIZED = (State.LINKED, State.COMPLETE, State.UNLINKED)  # these customers have used their linkUrl


async def check_account(settings: Settings) -> Account:
    """Ask Codat about the account with at most four requests: the key, its client, the quota and the platforms."""
    return await ask(settings)


async def migrate(
    path: str | Path,
    *,
    reports: str | Path = "reports",
    batch: str | None = None,
    settings: Settings | None = None,
    mapping: Mapping[str, str] | None = None,
    platform_names: Mapping[str, str] | None = None,
    reading: Reading | None = None,
    options: Options | None = None,
    on_event: Hook = ignore_events,
    interrupt: anyio.Event | None = None,
) -> BatchResult:
    """Create a company and an accounting connection for each customer of the file, once; write the batch's reports.

    The same call resumes. Without `batch`, a file that the batch of its name does not have is refused. `mapping` is
    {field: column}, `platform_names` are {name in the input: platformKey}, and `reading` says how to read a text table.
    The batch remembers them. When `interrupt` is set, the run ends after the requests in flight. Raises UsageError
    before anything is sent, and JournalError if the disk fails. Everything else is in the result.
    """
    standard_input.require_batch(Path(path), batch)
    folder = Path(reports) / storable(batch or stem(Path(path)))
    options = options or Options()
    with ExitStack() as stack:
        file = await anyio.to_thread.run_sync(stack.enter_context, standard_input.spooled(Path(path)))
        opening = partial(
            open_for_batch,
            file,
            folder,
            mapping=mapping or {},
            platform_names=platform_names or {},
            reading=reading or NOTHING_SAID,
        )
        source = await anyio.to_thread.run_sync(opening)
        if batch is None:
            require_batch_name(source)
            options = replace(options, adds_files=False)
        return await run_and_report(folder, Migrate(source, options), settings, on_event, interrupt, options)


def open_for_batch(
    path: Path, folder: Path, *, mapping: Mapping[str, str], platform_names: Mapping[str, str], reading: Reading
) -> Input:
    """Read the header of an input of the batch in this folder, as the user says or as the batch remembers.

    Raises InputError, UsageError.
    """
    require_spelling(folder)
    known = remembered(folder)
    return open_input(path, mapping=mapping, platform_names=platform_names, reading=reading, remembered=known)


def require_batch_name(source: Input, codat: Sequence[str] = ()) -> None:
    """Raise UsageError for one of our own rejects files, which belongs to the batch that wrote it.

    `codat` are the options that select the Codat of the next command.
    """
    if not source.is_rejects_file:
        return
    command = ["bulk", "migrate", argument(source.path), *batch_options(batch_of(source.path))]
    command += input_options(source.mapping, source.platform_names, source.reading)
    raise UsageError(
        f"{source.path} is a report of bulk (its last columns are ours): its rows belong to the batch that wrote it. "
        f"Migrate it with: {shlex.join([*command, *codat])}"
    )


async def follow_up(
    folder: str | Path,
    *,
    settings: Settings | None = None,
    retry_failed: bool = False,
    watch: float | None = None,
    until: datetime | None = None,
    accept_missing: bool = False,
    wait: bool = False,
    on_event: Hook = ignore_events,
    interrupt: anyio.Event | None = None,
) -> BatchResult:
    """Create a partner expense connection for each customer who has authorized, once; write the batch's reports.

    With `watch`, repeat after this many seconds, or later if the daily quota is short, until no customer is pending,
    `until` has passed (UTC if it has no time zone) or `interrupt` is set. With `accept_missing`, continue although
    Codat's list lacks many of the batch's companies. Raises the same errors as `migrate`.
    """
    require_seconds("watch", watch, 1)
    return await repeat_follow_up(
        require_batch(folder),
        settings=settings,
        retry_failed=retry_failed,
        every=watch,
        end=in_utc(until).timestamp() if until is not None else math.inf,
        options=Options(accept_missing=accept_missing, waits=wait),
        on_event=on_event,
        interrupt=interrupt or anyio.Event(),
    )


async def links(
    folder: str | Path,
    *,
    settings: Settings | None = None,
    margin: float | None = None,
    limit: int | None = None,
    link_lifetime: int | None = None,
    wait: bool = False,
    on_event: Hook = ignore_events,
    interrupt: anyio.Event | None = None,
) -> LinksResult:
    """Renew the linkUrls of customers who have not authorized, if they expire within `margin` seconds.

    The default `margin` is two hours; it is at most half a linkUrl's lifetime. With `limit`, renew only this many, the
    oldest first. `link_lifetime` is in seconds, and is stored in the batch. Raises the same errors as `migrate`.
    """
    require_seconds("margin", margin, 0)
    require_whole("limit", limit, 1)
    require_whole("link_lifetime", link_lifetime, 1)
    folder = require_batch(folder)
    job = Links(margin=margin, limit=limit, lifetime=link_lifetime)
    result = await run_and_report(folder, job, settings, on_event, interrupt, Options(waits=wait))
    return await anyio.to_thread.run_sync(_links_result, result)


def _links_result(result: BatchResult) -> LinksResult:
    with Reader(result.folder / FILE) as reader:
        done = reader.done_in_run(result.run, "get_connection")
    return LinksResult(**vars(result), renewed=done - sum(result.advanced.get(state, 0) for state in AUTHORIZED))


async def unlink(
    folder: str | Path,
    customer_ids: Sequence[str],
    *,
    settings: Settings | None = None,
    accept_missing: bool = False,
    wait: bool = False,
    on_event: Hook = ignore_events,
    interrupt: anyio.Event | None = None,
) -> UnlinkResult:
    """Deauthorize the accounting connections of these customers if they are linked; write the batch's reports.

    Raises the same errors as `migrate`, and UsageError if the batch has none of these customers.
    """
    folder, customer_ids = require_batch(folder), named_customers.require_ids(customer_ids)
    await _require_customers(folder, customer_ids)
    result = await run_and_report(
        folder, Unlink(customer_ids), settings, on_event, interrupt, Options(accept_missing=accept_missing, waits=wait)
    )
    return await anyio.to_thread.run_sync(_unlink_result, result, customer_ids)


async def _require_customers(folder: Path, customer_ids: Sequence[str]) -> None:
    """Raise UsageError if the batch has none of the customers. An unusable folder is reported first."""
    async with batch_lock(folder):
        pass
    await anyio.to_thread.run_sync(named_customers.require_known, folder, customer_ids)


def _unlink_result(result: BatchResult, customer_ids: Sequence[str]) -> UnlinkResult:
    with Reader(result.folder / FILE) as reader:
        others = named_customers.not_unlinked(reader, customer_ids)
    unlinked = tuple(customer_id for customer_id in customer_ids if customer_id not in others)
    return UnlinkResult(**vars(result), unlinked=unlinked, others=others)


async def verify(
    folder: str | Path,
    *,
    settings: Settings | None = None,
    adopt: bool = False,
    accept_missing: bool = False,
    wait: bool = False,
    on_event: Hook = ignore_events,
    interrupt: anyio.Event | None = None,
) -> VerifyResult:
    """Compare Codat with the journal; change nothing in Codat.

    With `adopt`, add companies and connections that only Codat has to the journal. Raises the same errors as `migrate`.
    """
    folder = require_batch(folder)
    result = await run_and_report(
        folder, Verify(adopts=adopt), settings, on_event, interrupt, Options(accept_missing=accept_missing, waits=wait)
    )
    return await anyio.to_thread.run_sync(_verify_result, result)


def _verify_result(result: BatchResult) -> VerifyResult:
    with Reader(result.folder / FILE) as reader:
        frames = reader.findings()
        findings = pl.concat(frames) if frames is not None else pl.DataFrame(schema=dict.fromkeys(FINDINGS, pl.String))
    return VerifyResult(**vars(result), findings=findings)


async def undo(
    folder: str | Path,
    customer_ids: Sequence[str] | None = None,
    *,
    settings: Settings | None = None,
    yes: bool = False,
    accept_missing: bool = False,
    wait: bool = False,
    on_event: Hook = ignore_events,
    interrupt: anyio.Event | None = None,
) -> UndoResult:
    """List the companies that this batch created and no customer has linked; with `yes`, delete them for good.

    With `customer_ids`, only the companies of these customers. `migrate` creates a deleted company again only with
    `Options(again=True)`. Raises the same errors as `migrate`, and UsageError if the batch has none of the customers.
    """
    folder = require_batch(folder)
    if customer_ids is not None:
        customer_ids = named_customers.require_ids(customer_ids)
        await _require_customers(folder, customer_ids)
    options = Options(accept_missing=accept_missing, waits=wait)
    result = await run_and_report(folder, Undo(customer_ids, deletes=yes), settings, on_event, interrupt, options)
    return await anyio.to_thread.run_sync(partial(_undo_result, result, customer_ids, deletes=yes))


def _undo_result(result: BatchResult, customer_ids: Sequence[str] | None, *, deletes: bool) -> UndoResult:
    with Reader(result.folder / FILE) as reader:
        deletable, left_alone = reader.created(linked=False), reader.created(linked=True)
        taken_over, others = reader.count_adopted(), dict[str, str]()
        if customer_ids is not None:
            is_named = pl.col("customer_id").is_in(customer_ids)
            deletable, left_alone = deletable.filter(is_named), left_alone.filter(is_named)
            taken_over, others = 0, named_customers.not_deletable(reader, customer_ids, set(deletable["customer_id"]))
        return UndoResult(
            **vars(result),
            deletes=deletes,
            deletable=deletable,
            left_alone=left_alone,
            deleted=reader.deleted_in_run(result.run),
            taken_over=taken_over,
            others=others,
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
    """Receive Codat's webhook events on 127.0.0.1 until interrupted; create partner connections as customers link.

    A `port` of 0 means any free port. `ready` is called with the address. `secret` signs the events; the default is
    CODAT_WEBHOOK_SECRET. Other commands may use the batch meanwhile; events wait until they have finished. Raises
    UsageError, JournalError.
    """
    from bulk.webhooks import receiver, server  # loads a web server, which no other command needs

    folder, interrupt, settings = require_batch(folder), interrupt or anyio.Event(), settings or Settings.make()
    is_genuine = receiver.verifier(secret or webhook_secret())
    return await server.listen(folder, port, is_genuine, settings, ready, on_event, interrupt)


__all__ = [
    "Account",
    "Advanced",
    "BatchComparison",
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
    "SentResult",
    "Started",
    "State",
    "Stop",
    "Threshold",
    "UndoResult",
    "UnlinkResult",
    "VerifyResult",
    "Warned",
    "WaveWritten",
    "check",
    "check_account",
    "follow_up",
    "links",
    "listen",
    "migrate",
    "report",
    "sent",
    "undo",
    "unlink",
    "verify",
]
