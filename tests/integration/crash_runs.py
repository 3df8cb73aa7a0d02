"""One run after another on one batch's folder: each may crash, be interrupted, or lose its journal afterwards.

The engine and its journal are the real ones. Time is virtual, Codat is fake, and a test lists the fates of requests and
the customer actions between them.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from simulation.clock import Time
from simulation.network import Network
from simulation.process import EarlyEnd, Process
from simulation.trace import Trace
from support.fake_codat import FakeCodat, Rules
from support.fault_schedule import Fate, Passage, RetryAfter, Schedule
from support.records import LINKED

from bulk.engine.options import Options
from bulk.engine.run import Command
from bulk.model import Stop
from bulk.settings import Secret, Settings

MAX_RUN_SECONDS = 4 * 3600.0
DELETES = 4  # the first customer action that is a deletion in Codat's own portal

WELL = Passage(Fate.WELL)
NO_CONNECTION = Passage(Fate.NO_CONNECTION)
LOST_BEFORE = Passage(Fate.LOST_BEFORE)
LOST_AFTER = Passage(Fate.LOST_AFTER)
CUT_OFF = Passage(Fate.CUT_OFF, work=2.0)  # lost at once, done two seconds later
LATE = Passage(Fate.LATE, work=200.0)  # the client gives up long before it is done
TRUNCATED = Passage(Fate.TRUNCATED)
EMPTY = Passage(Fate.EMPTY)
THROTTLED = Passage(Fate.THROTTLED, retry_after=RetryAfter.SECONDS, wait=1.0)
BUSY = Passage(Fate.BUSY)
KEY_REJECTED = Passage(Fate.KEY_REJECTED)
LAGGING = Passage(Fate.WELL, lag=600.0)  # a list does not show the changes of the last ten minutes
WITHOUT_LAG = [
    *(WELL, NO_CONNECTION, LOST_BEFORE, LOST_AFTER, CUT_OFF, TRUNCATED, EMPTY, THROTTLED, BUSY),
    *(Passage(fate, status=500) for fate in (Fate.KEPT_BEFORE, Fate.KEPT_AFTER)),
    *(Passage(fate, status=502) for fate in (Fate.GATEWAY_BEFORE, Fate.GATEWAY_AFTER)),
    Passage(Fate.HTML_BEFORE),
]


@dataclass(frozen=True)
class Ending:
    """How a run ends: the moment of a crash, the seconds until an interruption, and whether the journal is lost."""

    crashes_at: int | None = None
    interrupted_after: float | None = None
    loses_journal: bool = False


@dataclass
class Script:
    """Returns the next passage of a list, and lets a customer act before it. After the list, every request succeeds.

    The question for the client of the API key, with which the first run begins, always succeeds.
    """

    passages: Iterator[Passage]
    actions: Iterator[int | None] = field(default_factory=lambda: iter(()))  # the number of the customer, if any
    act: Callable[[int], None] = lambda _: None

    def passage(self, now: float, *, timeout: float, operation: str) -> Passage:  # noqa: ARG002 - a schedule's signature
        """Return the passage of a request that leaves now."""
        if operation == "get_sync_settings":
            return WELL
        if (number := next(self.actions, None)) is not None:
            self.act(number)
        return next(self.passages, WELL)


class ScriptedCodat:
    """A fake Codat for all runs of a test, with a list of passages for requests."""

    def __init__(
        self,
        passages: Iterable[Passage] = (),
        *,
        actions: Iterable[int | None] = (),
        schedule: Schedule | None = None,  # in place of a list
        honours_keys: bool = True,
        allows_second: bool = True,
    ) -> None:
        self.time = Time()
        self.script = Script(iter(passages), iter(actions), self.act)
        rules = Rules(allows_second_connection=allows_second, allows_second_partner=allows_second)
        self.network = Network(self.time, schedule or self.script, rules, honours_keys=honours_keys)
        self.posts = 0

    @property
    def codat(self) -> FakeCodat:
        """The fake Codat behind the network."""
        return self.network.codat

    def then(self, passages: Iterable[Passage] = (), actions: Iterable[int | None] = ()) -> None:
        """Replace the passages and actions that are left."""
        self.script.passages, self.script.actions = iter(passages), iter(actions)

    def act(self, number: int) -> None:
        """Let a customer link, or withdraw its authorization. From `DELETES` on, delete its company.

        Nothing happens between a look-up of a company and its deletion, because Codat cannot make the two atomic.
        """
        companies = self.codat.companies
        company = companies[number % len(companies)] if companies else None
        if company is None or company.id in self.network.looked_at:
            return
        if number >= DELETES:
            self.codat.delete_company(company)
        elif company.accounting:
            (own, *_) = company.accounting
            self.codat.deauthorize(own) if own.status == LINKED else self.codat.link(own)


@dataclass
class CrashRuns:
    """The runs on one batch."""

    folder: Path
    scripted: ScriptedCodat
    concurrency: int
    rng: random.Random

    def rest(self, seconds: float) -> None:
        """Let time pass until the next run."""
        self.scripted.time.now += seconds
        self.scripted.network.catch_up()

    def do(self, command: Command, ending: Ending) -> Stop | None:
        """Run a command to its end; return why it stopped, if it did."""
        time, network = self.scripted.time, self.scripted.network
        settings = Settings(Secret("Basic none"), concurrency=self.concurrency)
        early_end = EarlyEnd(ending.crashes_at, ending.interrupted_after)
        process = Process(time, network, Trace(time), self.rng, early_end, settings.timeout)
        network.looked_at.clear()
        stop = process.run(self.folder, settings, Options(), command, longest=MAX_RUN_SECONDS)
        self.scripted.posts += sum(each.request.method == "POST" for each in process.requests)
        if ending.loses_journal:
            self.rest(60)
            for file in self.folder.glob("journal.sqlite3*"):
                file.unlink()
        return stop
