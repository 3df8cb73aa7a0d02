"""The scenario of a seed: a migration of some days, from its first run to the final `verify`."""

from __future__ import annotations

import random
from dataclasses import dataclass
from pathlib import Path

from support.fake_codat import Rules
from support.fault_schedule import CONDITIONS, FaultSchedule

from bulk.settings import Secret, Settings
from simulation.batch import Batch, run_starts, seconds_of_a_jump
from simulation.clock import Time
from simulation.commands import OFTEN, Command
from simulation.customers import Customers
from simulation.inputs import InputFile
from simulation.ledger import Story, reached
from simulation.memory import folder_in_memory
from simulation.network import BASE_URL, Network
from simulation.second import Second, kind_of
from simulation.trace import Trace
from simulation.world import DAY, HOUR, World


@dataclass(frozen=True, slots=True)
class ScenarioResult:
    """The figures of a scenario without a failure."""

    seed: int
    runs: int
    requests: int
    days: float
    digest: str
    states: frozenset[str] = frozenset()  # the rare ones that it reached


class Scenario:
    """The scenario of one seed."""

    def __init__(self, seed: int, folder: Path) -> None:
        """Draw everything that does not depend on the runs."""
        rng = random.Random(seed)  # noqa: S311 - repeatable, not a secret
        self.seed = seed
        self.time = Time()
        self.trace = Trace(self.time)
        self._rng = rng
        (name,) = rng.choices(list(CONDITIONS), (2, 1, 1, 1))
        self._conditions = CONDITIONS[name]
        schedule = FaultSchedule.draw(random.Random(rng.random()), self._conditions, days=2)  # noqa: S311 - as above
        self._schedule = schedule
        page_size = rng.choice([2, 6, 2000])
        daily = rng.choice([0, 0, 12, 25, 60])
        rules = Rules(
            quota=daily,
            page_size=page_size,
            allows_second_connection=rng.choice([False, True]),
            allows_second_partner=rng.choice([False, True]),
        )
        network = Network(self.time, schedule, rules, honours_keys=self._conditions.honours_keys)
        has_portal = rng.random() < 0.4
        customers = Customers(network, random.Random(rng.random()), self.trace, has_portal=has_portal)  # noqa: S311 - as above
        settings = Settings(
            Secret("Basic none"),
            base_url=BASE_URL,
            rate=rng.choice([30, 120, 1000]),
            concurrency=rng.choice([1, 2, 4, 10]),
            timeout=rng.choice([10.0, 30.0]),
        )
        network.rate = settings.rate
        self._world = World(
            seed,
            self.time,
            self.trace,
            network,
            self._conditions,
            customers,
            settings,
            page_size=page_size,
            has_quota=daily > 0,
        )
        self._is_edited = False
        reserve = rng.choice([0, 0, 3]) if daily else 0
        file = InputFile(folder / "customers.csv", rng)
        self._batch = Batch("batch", folder / "batch", self._world, rng, file, reserve=reserve)
        spells = ", ".join(f"{fate} from {begin:.0f} s to {end:.0f} s" for begin, end, fate in schedule.spells)
        self.trace.note(f"{name}; {schedule.share:.0%} of requests meet: {', '.join(schedule.fates)}; spells: {spells}")
        self.trace.note(f"quota {daily}, pages of {page_size}, rate {settings.rate}, {settings.concurrency} at once")
        kind = kind_of(seed, self._world)
        self._second = Second(kind, seed, folder, self._world, self._batch) if kind else None
        self._batches = [self._batch, *([self._second.batch] if self._second and self._second.batch else [])]

    # -- the days

    def simulate(self) -> ScenarioResult:
        """Run the scenario. Raises Broken, and every error of the engine."""
        rng = self._rng
        self._batch.file.add(rng.choice([1, 1, 2, 3, 4, 6, 9]))
        self._batch.save()
        if self._second is not None:
            self._second.renew_input()
        self._world.customers.plan(0.0, 2 * DAY, rng.choice([0, 3, 10, 25]))
        self._run(Command.MIGRATE)
        for _ in range(rng.choice([0, 1, 2, 3, 4, 6])):
            self._between()
            self._run(rng.choice(OFTEN))
        self._finish()
        runs, requests = (sum(each) for each in zip(*((b.runs, b.requests) for b in self._batches), strict=True))
        return ScenarioResult(
            self.seed, runs, requests, self.time.now / DAY, self.trace.digest(), reached(self._story())
        )

    def _story(self) -> Story:
        network = self._world.network
        histories = [history for batch in self._batches for history in batch.histories]
        return Story(histories, self.trace.marks, network.exchanges, network.once.excused)

    def close(self) -> None:
        """Close all files."""
        for batch in self._batches:
            batch.close()

    def _run(self, command: Command) -> None:
        accepts = self._batch.decide() if command.command_name == "migrate" else frozenset()
        start = self._batch.start(command, accepts=accepts)
        if start is None:
            return
        other = self._second.beside(start) if self._second else None
        runs = [(self._batch, start), *([(self._second.batch, other)] if other and self._second else [])]
        for (batch, each), stop in zip(runs, run_starts([each for _, each in runs]), strict=True):
            assert batch is not None
            batch.check(each, stop)

    def _between(self) -> None:
        rng, world = self._rng, self._world
        if rng.random() < 0.3 and (self._second is None or self._second.may_differ):
            self._is_edited = True
            edit = self._batch.file.edit()
            self.trace.note(f"the input is edited: {edit}")
            self.trace.mark(f"input: {edit.split()[0]}")
            self._batch.save()
        least = 15.0 if self._conditions.max_delay else 0.5
        world.rest(least + rng.choice([0.0, 0.0, 3.0, 60.0, HOUR, 100 * 60.0, 8 * HOUR, DAY]) * rng.uniform(0.5, 1.0))
        if rng.random() < 0.15:
            self._jump()
        if rng.random() < 0.04 and self._may_lose_journal():
            self._batch.lose_journal()
        if self._second is not None:
            self._second.act()
        now = self.time.now
        world.customers.plan(now, now + rng.choice([1.0, 60.0, HOUR]), rng.choice([0, 0, 1, 2, 5]))

    def _jump(self) -> None:
        seconds = seconds_of_a_jump(self._rng, self._conditions)
        self.time.skew += seconds
        for batch in self._batches:
            batch.asked_until = 0.0  # the end of a Retry-After is unknown by the new clock
        self.trace.note(f"the wall clock is set by {seconds:+.0f} s")
        self.trace.mark(f"clock set {'forward' if seconds > 0 else 'back'}")

    def _may_lose_journal(self) -> bool:
        """Return whether one defence is left: the company list, or the keys that the next run computes again.

        The keys stay the same while the requests do. Only the first key of a step is sure to have its company.
        """
        return not self._conditions.max_lag or not (self._is_edited or self._batch.judge.has_later_keys())

    def _finish(self) -> None:
        """End all faults, run the commands until no work is left, and compare the journals with Codat."""
        self.trace.note("no more faults")
        self._schedule.is_over = True
        self._world.customers.stop()
        self.time.now = max(self.time.now, self._world.network.latest)
        self._world.rest(DAY)
        for batch in self._batches:
            batch.finish()


def run_scenario(seed: int) -> ScenarioResult:
    """Run the scenario of a seed. An error has the trace until then in `lines`."""
    with folder_in_memory() as folder:
        scenario = Scenario(seed, folder)
        try:
            return scenario.simulate()
        except BaseException as error:
            error.lines = scenario.trace.lines  # type: ignore[attr-defined]
            raise
        finally:
            scenario.close()
