"""Applies the received events in separate runs, and writes the reports from time to time."""

from __future__ import annotations

import math
import time
from pathlib import Path

import anyio
import anyio.to_thread

from bulk.batch import write_reports
from bulk.engine.commands.listen import ApplyEvents, has_work
from bulk.engine.events import Hook, Warned
from bulk.engine.polling import AFTER_TROUBLE, next_try
from bulk.errors import BatchInUseError, ClientInUseError, JournalError, JournalGoneError
from bulk.job import run_job
from bulk.journal.database import FILE, require_there
from bulk.journal.writer import Writer
from bulk.model import Stop
from bulk.settings import Settings
from bulk.text import timestamp

AFTER_ANOTHER_RUN = 2.0  # seconds until the worker checks again whether the batch is free
AFTER_ANOTHER_SENDER = 10.0  # the same for the Codat client; the journal has a run for each attempt
BETWEEN_REPORTS = 60.0  # the minimum, in seconds
REST_AFTER_REPORTS = 9  # the minimum, as a multiple of the seconds that the reports took


class WebhookWorker:
    """Works in rounds. Each round is a run that holds the batch's lock."""

    def __init__(
        self, writer: Writer, folder: Path, settings: Settings, on_event: Hook, interrupt: anyio.Event
    ) -> None:
        self._writer = writer
        self._folder = folder
        self._settings = settings
        self._on_event = on_event
        self._interrupt = interrupt
        self._report_at: float | None = None
        self._next_report_at = -math.inf
        self.stop: Stop | None = None  # the reason if it ended without an interrupt

    async def work(self) -> float | None:
        """Run a round if there is work. Return the seconds until the next call, or None to wait for another event."""
        try:
            if await self._writer.write(has_work) and (pause := await self._round()) is not None:
                return pause
            return await self._report()
        except BatchInUseError:
            return AFTER_ANOTHER_RUN
        except ClientInUseError:
            return AFTER_ANOTHER_SENDER
        except JournalGoneError:  # waiting does not help
            raise
        except JournalError as error:  # meanwhile the receiver answers 503, and Codat repeats the deliveries
            self._on_event(Warned(str(error)))
            return AFTER_TROUBLE

    async def _report(self) -> float | None:
        if self._report_at is None:
            return None
        wait = self._report_at - time.monotonic()
        if wait > 0:
            return wait
        began = time.monotonic()
        await anyio.to_thread.run_sync(write_reports, self._folder)  # so that deliveries are answered meanwhile
        ended = time.monotonic()
        self._report_at = None
        self._next_report_at = max(began + BETWEEN_REPORTS, ended + REST_AFTER_REPORTS * (ended - began))
        return None

    async def _round(self) -> float | None:
        job = ApplyEvents(timestamp(time.time()))
        require_there(self._folder / FILE)
        _, stop, _ = await run_job(self._folder, job, self._settings, self._on_event, self._interrupt, lock_wait=0)
        self._report_at = self._report_at or max(time.monotonic(), self._next_report_at)
        if stop is None or stop.exit_code == 130:
            return None
        if stop.exit_code == JournalError.exit_code:
            due = next_try(time.time(), 0.0, stop)
            self._on_event(Warned(f"{stop.reason}. Listening continues; the rest is tried again at {timestamp(due)}"))
            return max(due - time.time(), 0.0)
        self.stop = stop
        self._interrupt.set()
        return None
