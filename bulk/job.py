"""Jobs: runs a command on a batch under its lock, and writes the reports after it and while it waits."""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from functools import partial
from pathlib import Path

import anyio
import anyio.to_thread

from bulk import __version__
from bulk.batch import JobEnd, write_reports
from bulk.codat.limits import Hold
from bulk.codat.throttle import MAX_HOLD
from bulk.engine.events import Advanced, Event, Hook, Warned, WaveWritten
from bulk.engine.options import Options
from bulk.engine.run import Command, Run
from bulk.errors import BatchInUseError, BulkError, ClientInUseError
from bulk.journal.client_lock import Sender, only_sender
from bulk.journal.database import FILE, require_there
from bulk.journal.folder import NOT_PRIVATE, is_private
from bulk.journal.lock import only_run
from bulk.model import Stop
from bulk.results import BatchResult
from bulk.settings import Settings
from bulk.text import timestamp

LOCK_WAIT_SECONDS = 5.0  # long enough for a round of `listen`, which holds the lock only for a moment
LOCK_POLL_SECONDS = 0.2
CLIENT_POLL_SECONDS = 1.0
QUIET_SECONDS = 2.0
NO_LOCK = "bulk cannot notice other runs for the same Codat client, because no folder can have its lock"


async def run_job(
    folder: Path,
    command: Command,
    settings: Settings | None,
    on_event: Hook,
    interrupt: anyio.Event | None,
    options: Options | None = None,
    *,
    lock_wait: float = LOCK_WAIT_SECONDS,
) -> JobEnd:
    """Run a command on the batch in this folder, under its lock.

    Raises BatchInUseError if another run holds the lock for more than `lock_wait` seconds, JournalGoneError if the
    journal was moved or deleted in the meantime, and the errors of `Run.do`.
    """
    settings, options, interrupt = settings or Settings.make(), options or Options(), interrupt or anyio.Event()
    advanced: Counter[str] = Counter()

    def hook(event: Event) -> None:
        if isinstance(event, Advanced) and not event.is_left:
            advanced[event.state] += 1
        on_event(event)

    async with batch_lock(folder, lock_wait):
        if command.source is not None and not is_private(folder):
            hook(Warned(f"{folder}: {NOT_PRIVATE}"))
        sender = Sender(command.name, str(folder), os.getpid(), timestamp(time.time()))
        turn = partial(client_turn, sender=sender, waits=options.waits, hook=hook, interrupt=interrupt)
        run = Run(folder, settings, options, version=__version__, hook=hook, turn=turn)
        end = await run.do(command, interrupt)
    require_there(folder / FILE)  # without a journal, the reports would be empty
    return JobEnd(end.run, end.stop, advanced)


@asynccontextmanager
async def batch_lock(folder: Path, wait: float = LOCK_WAIT_SECONDS) -> AsyncIterator[None]:
    """Hold the lock of the batch's folder; wait up to `wait` seconds for it. Raises BatchInUseError, UsageError."""
    until = anyio.current_time() + wait
    with ExitStack() as stack:
        while True:
            try:
                stack.enter_context(only_run(folder))
                break
            except BatchInUseError:
                if anyio.current_time() >= until:
                    raise
            await anyio.sleep(LOCK_POLL_SECONDS)
        yield


@asynccontextmanager
async def client_turn(
    client: str, *, sender: Sender, waits: bool, hook: Hook, interrupt: anyio.Event
) -> AsyncIterator[None]:
    """Hold the lock of a Codat client on this machine; with `waits`, wait for it until the interrupt.

    Raises ClientInUseError. Without a folder for the lock, the run continues.
    """
    is_reported = False
    with ExitStack() as stack:
        while not interrupt.is_set():
            try:
                stack.enter_context(only_sender(client, sender))
                break
            except ClientInUseError as error:
                if not waits:
                    raise
                if not is_reported:
                    hook(Warned(f"{error}: waiting for it"))
                is_reported = True
            except OSError as error:
                hook(Warned(f"{NO_LOCK}: {error.filename}: {error.strerror}"))
                break
            with anyio.move_on_after(CLIENT_POLL_SECONDS):
                await interrupt.wait()
        yield


async def write_reports_in_thread(folder: Path, end: JobEnd) -> BatchResult:
    """Write the batch's reports in a worker thread, so that the event loop is not blocked."""
    return await anyio.to_thread.run_sync(partial(write_reports, folder, end))


async def run_and_report(
    folder: Path,
    command: Command,
    settings: Settings | None,
    on_event: Hook,
    interrupt: anyio.Event | None,
    options: Options | None = None,
) -> BatchResult:
    """Run a command and write the reports. Raises the errors of `run_job` and `write_reports`."""
    try:
        async with reports_in_waits(folder, on_event) as hook:
            end = await run_job(folder, command, settings, hook, interrupt, options)
    except ClientInUseError as error:
        end = JobEnd(stop=Stop(str(error), error.exit_code))
    return await write_reports_in_thread(folder, end)


@asynccontextmanager
async def reports_in_waits(folder: Path, hook: Hook, *, quiet: float = QUIET_SECONDS) -> AsyncIterator[Hook]:
    """Yield a hook for a run which also has the reports written when the run begins to wait for long.

    Otherwise the linkUrls of the first day would expire before anybody sees them. The reports are written when no
    customer has advanced for `quiet` seconds. An error in them is a warning, since the run can continue.
    """
    advanced = 0

    def watching(event: Event) -> None:
        nonlocal advanced
        advanced += isinstance(event, Advanced)
        hook(event)
        if isinstance(event, Hold) and event.until - time.time() > MAX_HOLD:
            group.start_soon(write)

    async def write() -> None:
        before = -1
        while before != advanced:
            before = advanced
            await anyio.sleep(quiet)
        try:
            result = await write_reports_in_thread(folder, JobEnd())
        except BulkError as error:
            hook(Warned(f"the reports were not written during the wait: {error}"))
            return
        if result.wave is not None and result.wave_file is not None:
            wave = result.wave
            hook(WaveWritten(wave.number, wave.usable, str(result.wave_file), wave.without_address))

    error: Exception | None = None
    async with anyio.create_task_group() as group:
        try:
            yield watching
        except Exception as caught:  # noqa: BLE001 - raised below, because the group would raise an ExceptionGroup
            error = caught
        group.cancel_scope.cancel()
    if error is not None:
        raise error
