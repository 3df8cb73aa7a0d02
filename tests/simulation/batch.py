"""One batch in a scenario: its input, its journal, its runs one after another, and its conflicts."""

from __future__ import annotations

import json
import random
from collections import defaultdict
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from support.fault_schedule import Conditions

from bulk.codat.webhooks import read_event
from bulk.engine.commands import listen
from bulk.engine.options import Options
from bulk.input import Input, open_input
from bulk.journal import database
from bulk.journal.database import FILE
from bulk.model import Stop
from bulk.text import timestamp
from simulation.commands import Command, engine_command
from simulation.decisions import Conflict, Decisions
from simulation.final_judge import FinalJudge
from simulation.inputs import STORED_DAMAGE, InputFile
from simulation.judge import Before, require
from simulation.ledger import read_histories
from simulation.process import CRASHED, EarlyEnd, Process, Work, run_together
from simulation.world import DAY, HOUR, World

MAX_RUN = 8 * HOUR
MAX_ROUNDS = 8  # of the last commands, until no work is left
STUBBORN = 4  # rounds after which a person solves the conflicts in the portal


@dataclass(slots=True)
class Start:
    """A run that is ready to begin."""

    command: Command
    opened: Input | None
    process: Process
    work: Work
    before: Before
    deletions: int
    requests: int  # of all senders
    began: float
    skew: float
    waits: bool


class Batch:
    """A batch: its folder, its input, and what the simulation knows about its runs."""

    def __init__(
        self,
        label: str,
        folder: Path,
        world: World,
        rng: random.Random,
        file: InputFile,
        *,
        reserve: int = 0,
        source: str | None = None,
    ) -> None:
        """Prepare a batch without a journal. `label` names it in the trace, and `reserve` is its --reserve."""
        self.world = world
        self.file = file
        self.asked_until = 0.0
        self.runs = self.requests = 0
        self.histories: list[str] = []  # of each customer's requests, from journals that are no longer used
        self._rng = rng
        self._decisions = Decisions(random.Random(f"{label} {world.seed}"), world.network, world.trace)  # noqa: S311 - repeatable, not a secret
        self._reserve = reserve
        self._opened: Input | None = None
        self._enrolled: int | None = None  # rows of the input as it was enrolled last
        self._delivered = 0
        self._names: defaultdict[str, set[str]] = defaultdict(set)  # customers, and all their names in the input
        self._begin(label, folder, source)

    def _begin(self, label: str, folder: Path, source: str | None) -> None:
        folder.parent.mkdir(exist_ok=True)
        self.label, self.folder, self.source = label, folder, source
        self._names.clear()
        self.judge = FinalJudge(folder, label, self.world, self._names, self._decisions.accepted)

    def close(self) -> None:
        """Close the journal."""
        self.judge.forget()

    def _tell(self) -> None:
        """Keep what the journal tells about the requests, for the ledger of rare states."""
        self.histories += read_histories(self.judge.requests())

    def save(self) -> None:
        """Write the input after an edit."""
        self.file.write()
        self._opened = None

    def lose_journal(self) -> None:
        """Delete the journal."""
        self.world.rest(60.0)  # requests in progress end
        self._tell()
        self.judge.forget()
        for file in self.folder.glob("journal.sqlite3*"):
            file.unlink()
        self.judge.has_lost_journal = True
        self._enrolled, self.asked_until, self._delivered = None, 0.0, 0
        self._names.clear()
        self.world.trace.note(f"the journal of {self.label} is lost")
        self.world.trace.mark("journal lost")

    # -- one run

    def run(self, command: Command, *, is_quiet: bool = False, accepts: frozenset[str] = frozenset()) -> Stop | None:
        """Run a command and check the guarantees. `is_quiet`: without crash, Ctrl-C, clock step and reserve."""
        start = self.start(command, is_quiet=is_quiet, accepts=accepts)
        if start is None:
            return None
        (stop,) = run_starts([start])
        self.check(start, stop)
        return stop

    def start(self, command: Command, *, is_quiet: bool = False, accepts: frozenset[str] = frozenset()) -> Start | None:
        """Prepare a run; return None if the command has nothing to read."""
        rng, world = self._rng, self.world
        time, conditions = world.time, world.conditions
        early_end = EarlyEnd() if is_quiet else self._early_end()
        opened = self._input_of(command)
        if (command is Command.LISTEN and not self._deliver()) or (command is Command.CORRECTED and opened is None):
            return None
        before = self.judge.before()
        process = Process(
            time,
            world.network,
            world.trace,
            random.Random(rng.random()),  # noqa: S311 - repeatable, not a secret
            early_end,
            world.settings.timeout,
            asked_until=self.asked_until,
            sender=self.label,
        )
        if not is_quiet and conditions.has_jumps and rng.random() < 0.25:
            process.jumps.append((rng.choice([0.2, 1.0, 3.0, 20.0]), seconds_of_a_jump(rng, conditions)))
        waits = is_quiet or rng.random() < 0.3
        by = "" if self.label == "batch" else f" ({self.label})"
        accepted = f" --accept {' '.join(sorted(accepts))}" if accepts else ""
        world.trace.note(f"$ bulk {command}{accepted}{' --wait' if waits else ''}{by}")
        world.trace.mark(f"{command}")
        options = Options(
            limit=2 if command is Command.LIMITED else None,
            retry_failed=command is Command.RETRY,
            again=command is Command.AGAIN or (is_quiet and command is Command.RETRY),  # at the end, all have a company
            waits=waits,
            reserve=0 if is_quiet else self._reserve,
            source=self.source if opened is not None else None,
            accepts=accepts,
        )
        world.network.looked_at.clear()
        if opened is not None:
            for row in self.file.rows:
                self._names[row.customer_id] |= {row.company_name, row.company_name + STORED_DAMAGE}
        named = [row.customer_id for row in self.file.rows[:2]]
        done = engine_command(command, opened, options, named=named, at=timestamp(time.wall()))
        work = Work(self.folder, world.settings, options, done)
        deletions, requests = world.network.deletions, len(world.network.exchanges)
        return Start(command, opened, process, work, before, deletions, requests, time.now, time.skew, waits)

    def check(self, start: Start, stop: Stop | None) -> None:
        """Check the guarantees after a run."""
        world, process, name = self.world, start.process, start.command.command_name
        # Only the correlation id differs when a seed is repeated.
        world.trace.note(f"  {stop.reason.partition(' (correlation')[0] if stop else 'done'}")
        world.trace.mark(f"{start.command} ends with {stop.exit_code if stop else 0}")
        self.runs += 1
        self.requests += len(process.requests)
        if start.opened is not None and start.opened is self._opened:
            self._enrolled = len(self.file.rows)
        self._keep_asked_until(process, stepped=world.time.skew != start.skew)
        deletions = world.network.deletions - start.deletions
        actions = deletions + world.customers.done_since(start.began) + len(process.jumps)
        self.judge.after_run(process.requests, start.before, name, crashed=stop == CRASHED, actions=actions)
        if not start.work.options.again:
            self.judge.require_undone(start.before)
        if self._enrolled is not None and name in ("migrate", "verify"):
            self.judge.require_all_rows(self._enrolled)
        require(stop is None or stop.exit_code in (-9, 3, 75, 130), f"a run ends with {stop}")

    def _early_end(self) -> EarlyEnd:
        rng = self._rng
        if rng.random() < 0.35:
            return EarlyEnd(crashes_at=int(1 + rng.expovariate(1 / 15)))
        if rng.random() < 0.1:
            return EarlyEnd(interrupted_after=rng.choice([0.05, 0.5, 5.0]) * rng.uniform(0.5, 2.0))
        return EarlyEnd()

    def _keep_asked_until(self, process: Process, *, stepped: bool) -> None:
        """Keep the end of a Retry-After for the next run if the journal has it and the clock is the same."""
        time = self.world.time
        reported = self.judge.rows("SELECT value FROM batch WHERE key = 'asked_until'")
        is_written = bool(reported) and float(reported[0][0]) >= time.wall() - time.now + process.asked_until - 1.0
        kept = process.asked_until if is_written or not process.is_dead else self.asked_until
        self.asked_until = 0.0 if stepped else kept

    def _input_of(self, command: Command) -> Input | None:
        if command is Command.CORRECTED:
            path = self.file.write_corrected(self.judge.rejects())
            return open_input(path) if path else None
        if command.command_name != "migrate":
            return None
        self._opened = self._opened or open_input(self.file.path)
        return self._opened

    def _deliver(self) -> bool:
        """Deliver Codat's events to the listener: in any order, some twice, some never."""
        if not (self.folder / FILE).exists():
            return False
        rng, world = self._rng, self.world
        events = list(enumerate(world.network.codat.events))[self._delivered :]
        deliveries = [event for event in events for _ in range(rng.choice([0, 1, 1, 1, 2]))]
        rng.shuffle(deliveries)
        self._delivered += len(events)
        at = timestamp(world.time.wall())
        with closing(listen.open_journal(self.folder, world.settings)) as db, database.transaction(db):
            for number, body in deliveries:
                event = read_event(json.loads(body))
                if event is not None:
                    listen.record_event(db, f"msg_{number}", event, body.decode(), at)
        world.trace.note(f"{len(deliveries)} deliveries of {len(events)} events")
        return True

    # -- conflicts

    def conflicts(self) -> list[Conflict]:
        """Return the rows in conflict."""
        return [Conflict(*row) for row in self.judge.conflicts()]

    def decide(self, *, is_final: bool = False) -> frozenset[str]:
        """Let a person decide all conflicts; return the customers to accept. `is_final`: solve them in the portal."""
        found = self.conflicts()
        if not found:
            return frozenset()
        if not is_final and self.source is None and self._decisions.separates(found):
            self._tell()
            self.close()
            label = f"{self.label} of another system"
            self._begin(label, self.folder.parent / f"{self.folder.name} 2", "another system")
            self._enrolled, self._delivered = None, len(self.world.network.codat.events)
            self.asked_until = 0.0  # a new batch does not know it
            return frozenset()
        accepts = self._decisions.decide(found, self.file, is_final=is_final)
        self.save()
        return accepts

    # -- the end

    def finish(self) -> None:
        """Run the commands until no work is left, and compare the journal with Codat."""
        if self.file.correct():
            self.save()
        for number in range(MAX_ROUNDS):
            self.world.rest(HOUR)
            if self.conflicts():
                accepts = self.decide(is_final=number >= STUBBORN)
                self.run(Command.MIGRATE, is_quiet=True, accepts=accepts)
            stops = [self._quiet(command) for command in (Command.RETRY, Command.FOLLOW_UP, Command.RETRY_PARTNERS)]
            if stops == [None] * 3 and self.judge.is_over():
                break
        self.judge.require_same_as_codat()
        self.judge.require_all_done()
        self.world.rest(DAY)
        proof = [self._quiet(command) for command in (Command.VERIFY, Command.FOLLOW_UP)]
        require(proof == [None, None], f"the proof ends with {proof}")
        self.judge.require_no_findings()
        sent = self.requests
        require(self._quiet(Command.MIGRATE) is None, "the last migrate stops")
        require(self.requests == sent, f"{self.requests - sent} requests although no work is left")
        self._tell()

    def _quiet(self, command: Command) -> Stop | None:
        return self.run(command, is_quiet=True)


def run_starts(starts: list[Start]) -> list[Stop | None]:
    """Run prepared runs at the same time; return why each stopped, if it did."""
    longest = MAX_RUN + (9 * DAY if any(each.waits for each in starts) else 0.0)
    return run_together([(each.process, each.work) for each in starts], longest=longest)


def seconds_of_a_jump(rng: random.Random, conditions: Conditions) -> float:
    """Return how far this machine's clock jumps."""
    seconds = min(rng.choice([1.0, 30.0, 600.0, HOUR, 5 * HOUR, DAY]), conditions.max_jump)
    return rng.choice([-seconds, seconds])
