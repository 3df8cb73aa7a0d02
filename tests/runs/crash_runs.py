"""One run after the other on one batch's folder: each may crash, end early, or lose its journal.

The engine is the real one with its journal on the disk; only Codat is pretended and time runs faster.
"""

from __future__ import annotations

import random
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import anyio

from bulk.engine.events import Advanced, Event, Hook
from bulk.engine.run import Job, Options, Run
from bulk.model import Stop
from bulk.settings import Secret, Settings
from runs.fake_codat import Crash, Pretend, World
from runs.fast_time import FastLoop, fast_monotonic

EPOCH = 1_790_000_000.0
MAX_RUN_SECONDS = 4 * 3600.0  # on the fast clock


@contextmanager
def folder_of_a_test() -> Iterator[Path]:
    """Give a folder that is removed in the end: in memory where there is such a place, since no power is cut here."""
    memory = Path("/dev/shm")  # noqa: S108 - a folder of one's own in it
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as path:
        yield Path(path)


@dataclass(frozen=True)
class Life:
    """One run: after how many moments it crashes, or after how many customers it is interrupted; and what it loses."""

    crashes_at: int | None = None
    interrupted_after: int | None = None
    loses_journal: bool = False


@dataclass
class Place:
    """Where the runs of a batch take place."""

    folder: Path
    codat: Pretend
    concurrency: int
    rng: random.Random
    rested: float = 0.0  # seconds between the runs, beside those that the runs themselves take

    def rest(self, seconds: float) -> None:
        """Let time pass until the next run."""
        self.rested += seconds

    def do(self, job: Callable[[Hook], Job], life: Life) -> Stop | None:
        """Live through one run; gives why it stopped, if it did."""
        stop = anyio.run(self._live, job, life, backend_options={"loop_factory": FastLoop})
        if life.loses_journal:
            self.codat.catch_up()
            for file in self.folder.glob("journal.sqlite3*"):
                file.unlink()
        return stop

    async def _live(self, job: Callable[[Hook], Job], life: Life) -> Stop | None:
        world = World(self.folder, ends_at=life.crashes_at, wall=lambda: EPOCH + self.rested + fast_monotonic())
        interrupt = anyio.Event()
        done = 0

        def hook(event: Event) -> None:
            nonlocal done
            done += isinstance(event, Advanced)
            if life.interrupted_after is not None and done >= life.interrupted_after:
                interrupt.set()

        run = Run(
            self.folder,
            Settings(Secret("Basic none"), concurrency=self.concurrency),
            Options(),
            version="test",
            hook=hook,
            wall=world.wall,
            rng=random.Random(self.rng.random()),  # noqa: S311 - repeatable, no secret
            connect=self.codat.connect(world),
        )
        stop: Stop | None
        try:
            with anyio.fail_after(MAX_RUN_SECONDS):
                stop = await run.do(job(hook), interrupt)
        except* Crash:
            stop = Stop("crashed", -9)
        if world.is_over():
            world.begin_again()
        return stop
