"""One operation is broken for ever: all customers that do not need it finish in one run."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest
from support.fake_codat import Rules
from support.fault_schedule import Fate, Passage

from bulk.engine.commands.migrate import Migrate
from bulk.engine.options import Options
from bulk.input import open_input
from bulk.journal.database import FILE
from bulk.model import Stop
from bulk.settings import Secret, Settings
from simulation.clock import Time
from simulation.memory import folder_in_memory
from simulation.migrating import write_input
from simulation.network import BASE_URL, Network
from simulation.process import EarlyEnd, Process
from simulation.trace import Trace

DAY = 86_400.0
MANY = 30  # customers of each kind: more than can fail in the five minutes after which a run gives up
NOT_DONE = (
    *(Fate.KEPT_BEFORE, Fate.GATEWAY_BEFORE, Fate.FIREWALL, Fate.BUSY),
    *(Fate.LOST_BEFORE, Fate.STALLED, Fate.HTML_BEFORE),
)


@dataclass
class OneBroken:
    """Lets each request for one operation meet the same fault. All others are well."""

    operation: str = ""
    fate: Fate = Fate.WELL

    def passage(self, now: float, *, timeout: float, operation: str) -> Passage:
        """Return the passage of a request that leaves now."""
        del now, timeout
        fate = self.fate if operation == self.operation else Fate.WELL
        return Passage(fate, 0.05, 0.05, 0.05, status=403 if fate is Fate.FIREWALL else 503)


class Batch:
    """A batch of which a first part has a company, and a second part has nothing yet."""

    def __init__(self, folder: Path) -> None:
        """Create the input."""
        self._folder = folder
        self._time = Time()
        self.schedule = OneBroken()
        self._network = Network(self._time, self.schedule, Rules())
        self._path = write_input(folder / "customers.csv", 3 * MANY)
        self._rng = random.Random(7)  # noqa: S311 - repeatable, not a secret

    def migrate(self, *, limit: int | None = None, broken: str = "", fate: Fate = Fate.WELL) -> Stop | None:
        """Run `migrate` once while an operation is broken."""
        self.schedule.operation, self.schedule.fate = broken, fate
        settings, options = Settings(Secret("Basic none"), base_url=BASE_URL), Options(limit=limit)
        process = Process(self._time, self._network, Trace(self._time), self._rng, EarlyEnd(), settings.timeout)
        command = Migrate(open_input(self._path), options)
        stop = process.run(self._folder / "batch", settings, options, command, longest=DAY)
        self._time.now += DAY  # all keys and limits are forgotten
        return stop

    def lose_journal(self) -> None:
        """Delete the journal: the links of all connections must be read again."""
        for file in (self._folder / "batch").glob(f"{FILE}*"):
            file.unlink()

    @property
    def companies(self) -> int:
        """The number of companies in Codat."""
        return len(self._network.codat.companies)

    def ready(self) -> list[bool]:
        """Return whether each customer has its link, in the order of the input."""
        with closing(sqlite3.connect(self._folder / "batch" / FILE)) as journal:
            rows = journal.execute("SELECT state = 'link_ready' FROM customers ORDER BY seq").fetchall()
        return [bool(is_ready) for (is_ready,) in rows]


@pytest.fixture
def batch() -> Iterator[Batch]:
    """Return a batch in memory."""
    with folder_in_memory() as folder:
        yield Batch(folder)


@pytest.mark.parametrize("fate", NOT_DONE)
def test_customers_with_a_company_finish_although_no_company_can_be_created(batch: Batch, fate: Fate) -> None:
    """The others wait for another run."""
    batch.migrate(limit=MANY, broken="create_connection", fate=Fate.BUSY)
    stop = batch.migrate(broken="create_company", fate=fate)
    assert stop is not None
    assert stop.exit_code == 75
    assert batch.ready() == [*[True] * MANY, *[False] * 2 * MANY]
    assert batch.migrate() is None


@pytest.mark.parametrize("fate", NOT_DONE)
def test_new_customers_finish_although_no_link_can_be_read(batch: Batch, fate: Fate) -> None:
    """The customers who wait for a link are begun, so they are the first in the queue."""
    batch.migrate(limit=MANY)
    batch.lose_journal()
    stop = batch.migrate(broken="get_connection", fate=fate)
    assert stop is not None
    assert stop.exit_code == 75
    assert batch.ready() == [*[False] * MANY, *[True] * 2 * MANY]
    assert batch.migrate() is None


@pytest.mark.parametrize("fate", [fate for fate in NOT_DONE if fate not in (Fate.BUSY, Fate.FIREWALL)])
def test_few_companies_are_created_while_connections_cannot_be(batch: Batch, fate: Fate) -> None:
    """A day's quota yields links, not companies without a connection."""
    stop = batch.migrate(broken="create_connection", fate=fate)
    assert stop is not None
    assert stop.exit_code == 75
    assert batch.companies < MANY
    assert batch.migrate() is None


@pytest.mark.parametrize("operation", ["create_company", "create_connection"])
@pytest.mark.parametrize("fate", [Fate.LOST_AFTER, Fate.EMPTY])
def test_requests_whose_responses_are_lost_are_looked_up(batch: Batch, operation: str, fate: Fate) -> None:
    """Everybody finishes: no response is needed."""
    assert batch.migrate(broken=operation, fate=fate) is None
    assert all(batch.ready())
