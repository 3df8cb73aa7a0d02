"""A partial outage: nine of ten requests are answered 503 for some minutes, and the work continues with the rest."""

from __future__ import annotations

import random
import re
from dataclasses import dataclass

import pytest
from support.fake_codat import Rules
from support.fault_schedule import Fate, Passage

from bulk.codat.limits import Hold
from bulk.engine.commands.migrate import Migrate
from bulk.engine.events import Event
from bulk.engine.options import Options
from bulk.input import open_input
from bulk.model import Stop
from bulk.settings import Secret, Settings
from simulation.clock import Time
from simulation.memory import folder_in_memory
from simulation.migrating import write_input
from simulation.network import BASE_URL, Network
from simulation.process import EarlyEnd, Process
from simulation.trace import Trace

CUSTOMERS = 15
FEWEST = 2 * CUSTOMERS + 1  # requests without an outage
MINUTE, DAY = 60.0, 86_400.0


@dataclass
class Outage:
    """Answers a share of all requests with a 503 until the outage ends."""

    rng: random.Random
    share: float
    ends_at: float
    fate: Fate

    def passage(self, now: float, *, timeout: float, operation: str) -> Passage:
        """Return the passage of a request that leaves now."""
        del timeout, operation
        is_struck = now < self.ends_at and self.rng.random() < self.share
        return Passage(self.fate if is_struck else Fate.WELL, 0.05, 0.05, 0.05, status=503)


@dataclass(frozen=True)
class Migration:
    """The figures of a migration during an outage."""

    requests: int
    minutes: float
    stop: Stop | None
    holds: tuple[str, ...]


def migrate(seed: int, *, share: float, minutes: float, fate: Fate) -> Migration:
    """Migrate customers in one run."""
    rng = random.Random(seed)  # noqa: S311 - repeatable, not a secret
    time, holds = Time(), list[str]()
    network = Network(time, Outage(rng, share, minutes * MINUTE, fate), Rules())
    settings = Settings(Secret("Basic none"), base_url=BASE_URL)

    class Watched(Process):
        def _on_event(self, event: Event) -> None:
            if isinstance(event, Hold):
                holds.append(event.why)

    with folder_in_memory() as folder:
        path = write_input(folder / "customers.csv", CUSTOMERS)
        process = Watched(time, network, Trace(time), rng, EarlyEnd(), settings.timeout)
        stop = process.run(folder / "batch", settings, Options(), Migrate(open_input(path), Options()), longest=DAY)
    return Migration(len(process.requests), time.now / MINUTE, stop, tuple(holds))


@pytest.mark.parametrize("fate", [Fate.KEPT_BEFORE, Fate.GATEWAY_AFTER])
def test_the_work_continues_with_the_requests_that_succeed(fate: Fate) -> None:
    """In one run, with at most four times the requests, and right until the end of the outage."""
    for seed in range(8):
        done = migrate(seed, share=0.9, minutes=5, fate=fate)
        assert done.stop is None, seed
        assert done.requests <= 4 * FEWEST, seed
        assert done.minutes < 6, seed
        assert any(re.match(r"Codat answers \d+ of \d+ requests \(.+\); continuing slowly", why) for why in done.holds)


def test_no_customer_is_left_when_most_requests_fail() -> None:
    """Faults of everybody do not count against a customer."""
    assert [migrate(seed, share=0.75, minutes=5, fate=Fate.KEPT_BEFORE).stop for seed in range(8)] == [None] * 8


def test_an_outage_of_everything_is_not_a_partial_one() -> None:
    """The run waits until it ends."""
    done = migrate(1, share=1.0, minutes=3, fate=Fate.KEPT_BEFORE)
    assert done.stop is None
    assert done.minutes < 4
    assert all("responds with errors" in why for why in done.holds)
