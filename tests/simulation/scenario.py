"""The scenario of a seed: a migration of some days, from its first run to the final `verify`."""

from __future__ import annotations

import json
import random
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from support.fake_codat import Rules
from support.fault_schedule import CONDITIONS, FaultSchedule

from bulk.codat.webhooks import read_event
from bulk.engine.commands import listen
from bulk.engine.options import Options
from bulk.input import Input, open_input
from bulk.journal import database
from bulk.journal.database import FILE
from bulk.model import Stop
from bulk.settings import Secret, Settings
from bulk.text import timestamp
from simulation.clock import Time
from simulation.commands import OFTEN, Command, engine_command
from simulation.customers import Customers
from simulation.inputs import InputFile
from simulation.judge import Judge, require
from simulation.memory import folder_in_memory
from simulation.network import BASE_URL, Network
from simulation.process import CRASHED, EarlyEnd, Process
from simulation.trace import Trace

HOUR, DAY = 3600.0, 86_400.0
MAX_RUN = 8 * HOUR
MAX_ROUNDS = 8  # of the last commands, until no work is left


@dataclass(frozen=True, slots=True)
class ScenarioResult:
    """The figures of a scenario without a failure."""

    seed: int
    runs: int
    requests: int
    days: float
    digest: str


class Scenario:
    """The scenario of one seed."""

    def __init__(self, seed: int, folder: Path) -> None:
        """Draw everything that does not depend on the runs."""
        rng = random.Random(seed)  # noqa: S311 - repeatable, not a secret
        self.seed = seed
        self.time = Time()
        self.trace = Trace(self.time)
        self._rng = rng
        self._folder = folder / "batch"
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
        self._network = Network(self.time, schedule, rules, honours_keys=self._conditions.honours_keys)
        has_portal = rng.random() < 0.4
        self._customers = Customers(self._network, random.Random(rng.random()), self.trace, has_portal=has_portal)  # noqa: S311 - as above
        self._settings = Settings(
            Secret("Basic none"),
            base_url=BASE_URL,
            rate=rng.choice([30, 120, 1000]),
            concurrency=rng.choice([1, 2, 4, 10]),
            timeout=rng.choice([10.0, 30.0]),
        )
        self._network.rate = self._settings.rate
        self._judge = Judge(
            self._folder,
            self._network,
            self._conditions,
            page_size=page_size,
            concurrency=self._settings.concurrency,
            has_quota=daily > 0,
        )
        self._input = InputFile(folder / "customers.csv", rng)
        self._opened: Input | None = None
        self._asked_until = 0.0
        self._enrolled: int | None = None  # rows of the input as it was enrolled last
        self._delivered = 0
        self._is_edited = False
        self._reserve = rng.choice([0, 0, 3]) if daily else 0
        self._runs = self._requests = 0
        spells = ", ".join(f"{fate} from {begin:.0f} s to {end:.0f} s" for begin, end, fate in schedule.spells)
        self.trace.note(f"{name}; {schedule.share:.0%} of requests meet: {', '.join(schedule.fates)}; spells: {spells}")
        self.trace.note(
            f"quota {daily}, pages of {page_size}, rate {self._settings.rate}, {self._settings.concurrency} at once"
        )

    # -- the days

    def simulate(self) -> ScenarioResult:
        """Run the scenario. Raises Broken, and every error of the engine."""
        rng = self._rng
        self._input.add(rng.choice([1, 1, 2, 3, 4, 6, 9]))
        self._save()
        self._customers.plan(0.0, 2 * DAY, rng.choice([0, 3, 10, 25]))
        self.run(Command.MIGRATE)
        for _ in range(rng.choice([0, 1, 2, 3, 4, 6])):
            self._between()
            self.run(rng.choice(OFTEN))
        self._finish()
        return ScenarioResult(self.seed, self._runs, self._requests, self.time.now / DAY, self.trace.digest())

    def close(self) -> None:
        """Close all files."""
        self._judge.forget()

    def _between(self) -> None:
        rng = self._rng
        if rng.random() < 0.3:
            self._is_edited = True
            self.trace.note(f"the input is edited: {self._input.edit()}")
            self._save()
        least = 15.0 if self._conditions.max_delay else 0.5
        self._rest(least + rng.choice([0.0, 0.0, 3.0, 60.0, HOUR, 100 * 60.0, 8 * HOUR, DAY]) * rng.uniform(0.5, 1.0))
        if rng.random() < 0.15:
            self._jump()
        if rng.random() < 0.04 and self._may_lose_journal():
            self._lose_journal()
        now = self.time.now
        self._customers.plan(now, now + rng.choice([1.0, 60.0, HOUR]), rng.choice([0, 0, 1, 2, 5]))

    def _jump(self) -> None:
        seconds = self._seconds_of_a_jump()
        self.time.skew += seconds
        self._asked_until = 0.0  # the end of a Retry-After is unknown by the new clock
        self.trace.note(f"the wall clock is set by {seconds:+.0f} s")

    def _seconds_of_a_jump(self) -> float:
        seconds = min(self._rng.choice([1.0, 30.0, 600.0, HOUR, 5 * HOUR, DAY]), self._conditions.max_jump)
        return self._rng.choice([-seconds, seconds])

    def _may_lose_journal(self) -> bool:
        """Return whether one defence is left: the company list, or the keys that the next run computes again.

        The keys stay the same while the requests do. Only the first key of a step is sure to have its company.
        """
        return not self._conditions.max_lag or not (self._is_edited or self._judge.has_later_keys())

    def _lose_journal(self) -> None:
        self._rest(60.0)  # requests in progress end
        self._judge.forget()
        for file in self._folder.glob("journal.sqlite3*"):
            file.unlink()
        self._judge.has_lost_journal = True
        self._enrolled, self._asked_until, self._delivered = None, 0.0, 0
        self.trace.note("the journal is lost")

    def _rest(self, seconds: float) -> None:
        self.time.now += seconds
        self._network.catch_up()

    def _save(self) -> None:
        self._input.write()
        self._opened = None

    # -- one run

    def run(self, command: Command, *, is_quiet: bool = False) -> Stop | None:
        """Run a command and check the guarantees. `is_quiet`: without crash, Ctrl-C, clock step and reserve."""
        rng = self._rng
        early_end = EarlyEnd() if is_quiet else self._early_end()
        opened = self._input_of(command)
        if (command is Command.LISTEN and not self._deliver()) or (command is Command.CORRECTED and opened is None):
            return None
        before, deletions = self._judge.before(), self._network.deletions
        began = self.time.now
        process = Process(
            self.time,
            self._network,
            self.trace,
            random.Random(rng.random()),  # noqa: S311 - repeatable, not a secret
            early_end,
            self._settings.timeout,
            asked_until=self._asked_until,
        )
        if not is_quiet and self._conditions.has_jumps and rng.random() < 0.25:
            process.jumps.append((rng.choice([0.2, 1.0, 3.0, 20.0]), self._seconds_of_a_jump()))
        waits = is_quiet or rng.random() < 0.3
        self.trace.note(f"$ bulk {command}{' --wait' if waits else ''}")
        skew = self.time.skew
        options = Options(
            limit=2 if command is Command.LIMITED else None,
            retry_failed=command is Command.RETRY,
            waits=waits,
            reserve=0 if is_quiet else self._reserve,
        )
        self._network.looked_at.clear()
        stop = process.run(
            self._folder,
            self._settings,
            options,
            engine_command(
                command,
                opened,
                options,
                named=[row.customer_id for row in self._input.rows[:2]],
                at=timestamp(self.time.wall()),
            ),
            longest=MAX_RUN + (5 * DAY if waits else 0.0),
        )
        # Only the correlation id differs when a seed is repeated.
        self.trace.note(f"  {stop.reason.partition(' (correlation')[0] if stop else 'done'}")
        self._runs += 1
        self._requests += len(process.requests)
        if opened is not None and opened is self._opened:
            self._enrolled = len(self._input.rows)
        self._keep_asked_until(process, stepped=self.time.skew != skew)
        actions = self._network.deletions - deletions + self._customers.done_since(began) + len(process.jumps)
        self._judge.after_run(process.requests, before, command.command_name, crashed=stop == CRASHED, actions=actions)
        if self._enrolled is not None and command.command_name in ("migrate", "verify"):
            self._judge.require_all_rows(self._enrolled)
        require(stop is None or stop.exit_code in (-9, 3, 75, 130), f"a run ends with {stop}")
        return stop

    def _early_end(self) -> EarlyEnd:
        rng = self._rng
        if rng.random() < 0.35:
            return EarlyEnd(crashes_at=int(1 + rng.expovariate(1 / 15)))
        if rng.random() < 0.1:
            return EarlyEnd(interrupted_after=rng.choice([0.05, 0.5, 5.0]) * rng.uniform(0.5, 2.0))
        return EarlyEnd()

    def _keep_asked_until(self, process: Process, *, stepped: bool) -> None:
        """Keep the end of a Retry-After for the next run if the journal has it and the clock is the same."""
        reported = self._judge.rows("SELECT value FROM batch WHERE key = 'asked_until'")
        is_written = (
            bool(reported) and float(reported[0][0]) >= self.time.wall() - self.time.now + process.asked_until - 1.0
        )
        kept = process.asked_until if is_written or not process.is_dead else self._asked_until
        self._asked_until = 0.0 if stepped else kept

    def _input_of(self, command: Command) -> Input | None:
        if command is Command.CORRECTED:
            path = self._input.write_corrected(self._judge.rejects())
            return open_input(path) if path else None
        if command.command_name != "migrate":
            return None
        self._opened = self._opened or open_input(self._input.path)
        return self._opened

    def _deliver(self) -> bool:
        """Deliver Codat's events to the listener: in any order, some twice, some never."""
        if not (self._folder / FILE).exists():
            return False
        rng = self._rng
        events = list(enumerate(self._network.codat.events))[self._delivered :]
        deliveries = [event for event in events for _ in range(rng.choice([0, 1, 1, 1, 2]))]
        rng.shuffle(deliveries)
        self._delivered += len(events)
        at = timestamp(self.time.wall())
        with closing(listen.open_journal(self._folder, self._settings)) as db, database.transaction(db):
            for number, body in deliveries:
                event = read_event(json.loads(body))
                if event is not None:
                    listen.record_event(db, f"msg_{number}", event, body.decode(), at)
        self.trace.note(f"{len(deliveries)} deliveries of {len(events)} events")
        return True

    # -- the end

    def _finish(self) -> None:
        """End all faults, run the commands until no work is left, and compare the journal with Codat."""
        self.trace.note("no more faults")
        self._schedule.is_over = True
        self._customers.stop()
        self.time.now = max(self.time.now, self._network.latest)
        self._rest(DAY)
        if self._input.correct():
            self._save()
        for _ in range(MAX_ROUNDS):
            self._rest(HOUR)
            stops = [self._quiet(command) for command in (Command.RETRY, Command.FOLLOW_UP, Command.RETRY_PARTNERS)]
            if stops == [None] * 3 and self._judge.is_over():
                break
        self._judge.require_same_as_codat()
        self._judge.require_all_done()
        self._rest(DAY)
        proof = [self._quiet(command) for command in (Command.VERIFY, Command.FOLLOW_UP)]
        require(proof == [None, None], f"the proof ends with {proof}")
        self._judge.require_no_findings()
        sent = self._requests
        require(self._quiet(Command.MIGRATE) is None, "the last migrate stops")
        require(self._requests == sent, f"{self._requests - sent} requests although no work is left")

    def _quiet(self, command: Command) -> Stop | None:
        return self.run(command, is_quiet=True)


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
