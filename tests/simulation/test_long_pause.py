"""A run that was frozen, or waited for its quota, is overtaken by a copy of the batch elsewhere."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.fake_codat import Rules
from support.fault_schedule import Fate, Passage

from bulk.engine.commands.migrate import Migrate
from bulk.engine.options import Options
from bulk.input import open_input
from bulk.model import Stop
from bulk.settings import Secret, Settings
from simulation.clock import Time
from simulation.memory import folder_in_memory
from simulation.migrating import write_input
from simulation.network import BASE_URL, Network
from simulation.process import EarlyEnd, Process, Work, run_together
from simulation.trace import Trace

CUSTOMERS = 30
HOUR, DAY = 3600.0, 86_400.0


class NoFaults:
    """Lets each request take 0.3 seconds."""

    def passage(self, now: float, *, timeout: float, operation: str) -> Passage:
        """Return the passage of a request that leaves now."""
        del now, timeout, operation
        return Passage(Fate.WELL, 0.1, 0.1, 0.1)


class Copies:
    """Two copies of a batch in folders of their own."""

    def __init__(self, folder: Path, *, quota: int = 0) -> None:
        """Create the input."""
        self._folder = folder
        self.time = Time()
        self.network = Network(self.time, NoFaults(), Rules(quota=quota))
        self._path = write_input(folder / "customers.csv", CUSTOMERS)
        self._rng = random.Random(7)  # noqa: S311 - repeatable, not a secret

    def run(self, name: str, **special: object) -> tuple[Process, Work]:
        """Return a run of the copy with this name. `special` are attributes of its process."""
        settings, options = Settings(Secret("Basic none"), base_url=BASE_URL, concurrency=2), Options(waits=True)
        trace, timeout = Trace(self.time), settings.timeout
        process = Process(self.time, self.network, trace, self._rng, EarlyEnd(), timeout, sender=name)
        for attribute, value in special.items():
            setattr(process, attribute, value)
        return process, Work(self._folder / name / "batch", settings, options, Migrate(open_input(self._path), options))

    def created(self, process: Process) -> int:
        """Return the number of creates that a process sent."""
        return sum(each.request.method == "POST" for each in process.requests)

    @property
    def companies(self) -> int:
        """The number of companies in Codat."""
        return len(self.network.codat.companies)


@pytest.fixture
def folder() -> Iterator[Path]:
    """Return a folder in memory."""
    with folder_in_memory() as folder:
        for name in ("first", "second"):
            (folder / name).mkdir()
        yield folder


@pytest.mark.parametrize("hours", [1, 3])
def test_a_run_that_was_frozen_reads_the_list_again_before_it_creates(folder: Path, hours: int) -> None:
    """The keys of the copy may be forgotten, and its companies are in the list."""
    copies = Copies(folder)
    first = copies.run("first", freeze=(1.5, hours * HOUR))
    second = copies.run("second", begins_after=10.0)
    assert run_together([first, second], longest=DAY) == [None, None]
    assert copies.companies == CUSTOMERS
    assert copies.created(first[0]) < CUSTOMERS
    lists = [each for each in first[0].requests if each.request.operation == "list_companies"]
    assert len(lists) == 2


def test_two_copies_that_wait_for_the_same_quota_create_each_company_once(folder: Path) -> None:
    """Each day, both of them continue from what Codat has."""
    copies = Copies(folder, quota=25)
    stops: list[Stop | None] = run_together(
        [copies.run("first"), copies.run("second", begins_after=3 * HOUR)], longest=30 * DAY
    )
    assert stops == [None, None]
    assert copies.companies == CUSTOMERS


def test_a_run_without_a_long_pause_reads_the_list_once(folder: Path) -> None:
    """No request is wasted."""
    copies = Copies(folder)
    first = copies.run("first", freeze=(1.5, 60.0))
    assert run_together([first], longest=DAY) == [None]
    assert len(first[0].requests) == 2 * CUSTOMERS + 2
