"""A migration of any size over virtual days: the unchanged engine, its real journal, and a `ScaleCodat`.

Each day begins with a follow-up and a migrate. When the migrate has ended, the day's links are emailed.
"""

from __future__ import annotations

import resource
import sqlite3
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from pathlib import Path
from random import Random

import anyio

from bulk.check_result import Cost
from bulk.codat.client import Sender
from bulk.codat.endpoints import Request
from bulk.codat.forecast import NOBODY, Linking
from bulk.codat.responses import Reply
from bulk.engine.commands.follow_up import FollowUp
from bulk.engine.commands.migrate import Migrate
from bulk.engine.events import Event
from bulk.engine.options import Options
from bulk.engine.run import Command, Run
from bulk.input import open_input
from bulk.input_check import check
from bulk.journal.database import FILE
from bulk.model import Stop
from bulk.settings import Secret, Settings
from simulation.clock import Loop, Time
from simulation.network import BASE_URL
from simulation.scale_codat import DAY, ScaleCodat
from simulation.writer import VirtualWriter

LATENCY = (0.1, 0.4)  # seconds until a response
PLATFORMS = ("xero", "QuickBooks Online", "FreeAgent", "Oracle NetSuite")


@dataclass(frozen=True, slots=True)
class Scene:
    """The parameters of a simulated migration."""

    customers: int
    linked: int = 0  # linked companies of the client before the migration
    linking: Linking = NOBODY
    rate: int = 1000
    seed: int = 1


@dataclass(frozen=True, slots=True)
class Day:
    """The figures of one day."""

    number: int  # the first is 1
    linked: int  # linked companies at the beginning of its migrate
    requests: int  # of its migrate
    followed_up: int  # requests of its follow-up
    ready: int  # customers with a linkUrl, at its end
    start_seconds: float  # from the beginning of the migrate to its first request
    seconds: float
    cpu_seconds: float
    megabytes: float  # peak resident memory until then


class Migrating:
    """The migration of a scene, day by day."""

    def __init__(self, scene: Scene, folder: Path) -> None:
        """Create the input in this folder, and the batch."""
        self.scene = scene
        self.path = write_input(folder / "customers.csv", scene.customers)
        self.batch = folder / "batch"
        self.time = Time(now=1.0)
        self.codat = ScaleCodat(
            self.time,
            rate=scene.rate,
            linked=scene.linked,
            linking=scene.linking,
            seed=scene.seed,
        )
        self._rng = Random(scene.seed)  # noqa: S311 - repeatable, not a secret
        self._settings = Settings(Secret("Basic none"), base_url=BASE_URL, rate=scene.rate)
        self._first_sent: float | None = None  # by the machine's clock, of the current run

    def forecast(self) -> Cost:
        """Return the forecast of `check`."""
        scene = self.scene
        return check(self.path, rate=scene.rate).cost(
            linked=scene.linked, companies=scene.linked, linking=scene.linking
        )

    @property
    def elapsed(self) -> float:
        """The days from the first reset until the last request."""
        return self.codat.last_at / DAY

    def days(self) -> Iterator[Day]:
        """Run one day after another, until all customers have their links."""
        stop: Stop | None = Stop("not started", 75)
        while stop is not None:
            began, cpu, sent = time.monotonic(), time.process_time(), self.codat.requests.total()
            number = int(self.time.now // DAY) + 1
            if sent:
                self._run(FollowUp())
            followed_up = self.codat.requests.total() - sent
            linked = self.codat.linked
            stop, start_seconds = self._migrate()
            self.codat.email()
            yield Day(
                number,
                linked,
                self.codat.requests.total() - sent - followed_up,
                followed_up,
                self.codat.requests["create_connection"],
                start_seconds,
                time.monotonic() - began,
                time.process_time() - cpu,
                resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
            )
            self.time.now = max(self.time.now, (self.time.now // DAY + 1) * DAY + 1.0)

    def _migrate(self) -> tuple[Stop | None, float]:
        began = time.monotonic()
        stop = self._run(Migrate(open_input(self.path), Options()))
        return stop, (self._first_sent or began) - began

    def _run(self, command: Command) -> Stop | None:
        self._first_sent = None
        run = Run(
            self.batch,
            self._settings,
            Options(),
            version="simulated",
            hook=_ignore,
            wall=self.time.wall,
            rng=Random(self._rng.random()),  # noqa: S311 - repeatable, not a secret
            connect=lambda _: self._connected(),
            writer=lambda connection, folder: VirtualWriter(connection, folder, self._rng),
        )

        async def run_command() -> Stop | None:
            return (await run.do(command, anyio.Event())).stop

        stop = anyio.run(run_command, backend_options={"loop_factory": lambda: Loop(self.time)})
        if stop is not None and stop.exit_code != 75:
            raise RuntimeError(f"{command.name} ends with {stop}")
        return stop

    @asynccontextmanager
    async def _connected(self) -> AsyncIterator[Sender]:
        yield self

    async def send(self, request: Request, *, key: str | None = None) -> Reply:  # noqa: ARG002 - the signature of Sender
        """Send a request. It reaches Codat after one random delay, and the response returns after another."""
        self._first_sent = self._first_sent or time.monotonic()
        there, back = (self._rng.uniform(*LATENCY) / 2 for _ in range(2))
        await anyio.sleep(there)
        reply = self.codat.answer(request)
        await anyio.sleep(back)
        return reply


def write_input(path: Path, customers: int) -> Path:
    """Write an input of this many customers."""
    with path.open("w", encoding="utf-8") as file:
        file.write("customer_id,company_name,platform,email\n")
        for number in range(1, customers + 1):
            platform = PLATFORMS[number % len(PLATFORMS)]
            file.write(f"C{number:08},Company Number {number} Ltd,{platform},accounts{number}@example.com\n")
    return path


def states(batch: Path) -> dict[str, int]:
    """Count the customers of a batch by state."""
    with closing(sqlite3.connect(batch / FILE)) as connection:
        return dict(connection.execute("SELECT state, count(*) FROM customers GROUP BY state").fetchall())


def _ignore(_: Event) -> None:
    """Ignore an event of the run."""
