"""Repeats `follow-up` until no customer is pending."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import anyio

from bulk.batch import JobEnd
from bulk.codat.endpoints import page_count
from bulk.engine.commands.follow_up import FollowUp
from bulk.engine.events import Hook, Resting
from bulk.engine.options import Options
from bulk.engine.polling import next_poll, next_try
from bulk.errors import BatchInUseError, ClientInUseError, JournalError
from bulk.job import run_job, write_reports_in_thread
from bulk.journal.database import FILE, require_there
from bulk.model import Quota, Stop
from bulk.results import BatchResult
from bulk.settings import Settings

MAX_SLICE = 60.0  # seconds: laptops sleep, and clocks are corrected


async def repeat_follow_up(
    folder: Path,
    *,
    settings: Settings | None,
    retry_failed: bool,
    every: float | None,
    end: float,
    options: Options,
    on_event: Hook,
    interrupt: anyio.Event,
) -> BatchResult:
    """Do the rounds of a follow-up; return the result of the last one. Without `every`, there is only one round.

    `every` is the minimum number of seconds between rounds. `end` is in seconds since 1970, or infinity. Raises the
    errors of `run_job` and `write_reports`.
    """
    advanced: Counter[str] = Counter()  # in all rounds
    is_first = True
    while True:
        job = FollowUp(retry_failed=retry_failed and is_first)
        round_end = await _round(folder, job, settings, options, on_event, interrupt, is_first=is_first)
        advanced.update(round_end.advanced)
        result = await write_reports_in_thread(folder, JobEnd(round_end.run, round_end.stop, advanced))
        due = _next_round(result, every, time.time())
        if due is None:
            return result
        if not interrupt.is_set():
            on_event(Resting(result.waiting, min(due, end), round_end.stop))
        await wait_until(min(due, end), interrupt)
        require_there(folder / FILE)  # otherwise the next round would start a new batch
        if interrupt.is_set():
            return replace(result, stop=Stop("Interrupted", 130))
        if due >= end:
            return result
        is_first = False


async def _round(
    folder: Path,
    job: FollowUp,
    settings: Settings | None,
    options: Options,
    on_event: Hook,
    interrupt: anyio.Event,
    *,
    is_first: bool,
) -> JobEnd:
    """Do one round. If another run is using the batch, only the first round raises an error."""
    try:
        return await run_job(folder, job, settings, on_event, interrupt, options)
    except BatchInUseError as error:
        if is_first:
            raise
        return JobEnd(stop=Stop(str(error), JournalError.exit_code))
    except ClientInUseError as error:  # commands that watch take turns with the others
        return JobEnd(stop=Stop(str(error), error.exit_code))


async def wait_until(due: float, interrupt: anyio.Event, wall: Callable[[], float] = time.time) -> None:
    """Wait until a time, in seconds since 1970, or an interrupt. After each slice, the clock is read again."""
    while not interrupt.is_set() and (left := due - wall()) > 0:
        with anyio.move_on_after(min(left, MAX_SLICE)):
            await interrupt.wait()


def _next_round(result: BatchResult, every: float | None, now: float) -> float | None:
    """Return the time of the next round, in seconds since 1970, or None if this round was the last."""
    stop = result.stop
    if every is None or not result.waiting or (stop is not None and stop.exit_code != JournalError.exit_code):
        return None
    if stop is not None:
        return next_try(now, every, stop)
    customers, quota = result.summary.customers, result.summary.quota
    companies = sum(customers[state] for state in ("link_ready", "linked", "complete", "unlinked"))
    known = None
    if quota.remaining is not None and quota.resets_at is not None:
        known = Quota(quota.limit, quota.remaining, datetime.fromisoformat(quota.resets_at).timestamp())
    return next_poll(now, every, pages=page_count(companies), waiting=result.waiting, quota=known)
