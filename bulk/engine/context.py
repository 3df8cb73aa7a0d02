"""The context of a run."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass, field

from bulk.codat.client import Sender
from bulk.codat.throttle import Throttle
from bulk.engine.broken import BrokenOperations
from bulk.engine.list_validity import ListValidity
from bulk.engine.step import Step
from bulk.journal import facts
from bulk.journal.writer import Writer
from bulk.model import Labels
from bulk.text import timestamp


@dataclass(frozen=True, slots=True)
class RunContext:
    """The client, the throttle and the journal of a run, with its steps and settings."""

    client: Sender
    throttle: Throttle
    broken: BrokenOperations
    writer: Writer
    run: int
    labels: Labels
    steps: tuple[Step, ...]  # the steps of this run, in order
    wall: Callable[[], float]  # seconds since 1970
    rng: random.Random
    timeout: float = 30.0  # seconds to wait for a response
    only_present: bool = False  # create nothing new for customers that were removed from the input
    list_validity: ListValidity = field(default_factory=ListValidity)

    def limits_note(self) -> Callable[[sqlite3.Connection], None]:
        """Return a function that stores the limits that Codat's responses have reported so far."""
        quota, asked_until = self.throttle.budget.quota, self.throttle.asked_until

        def note(connection: sqlite3.Connection) -> None:
            if quota is not None and quota is self.throttle.budget.quota:  # otherwise a later response is on its way
                facts.put_quota(connection, quota, timestamp(quota.resets_at))
            if asked_until is not None:
                facts.put_retry_after(connection, noted_at=asked_until.noted_at, until=asked_until.until)

        return note
