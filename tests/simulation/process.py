"""One process of bulk: a run of the engine as it is, that may be killed between any two moments of its life.

The moments are those at which the world outside could tell a difference: before and after each commit of the journal,
before and after each request leaves, after each answer and before it is written down.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

import anyio

from bulk.codat.client import Sender
from bulk.codat.endpoints import Request
from bulk.codat.limits import OUTCOMES_WITH_RETRY_AFTER, Hold
from bulk.codat.quota import retry_after
from bulk.codat.responses import Reply
from bulk.engine.events import Enrolled, Event, Hook, Warned
from bulk.engine.options import Options
from bulk.engine.run import Command, Run
from bulk.model import Stop
from bulk.settings import Settings
from simulation.clock import Loop, Stuck, Time
from simulation.network import Exchange, Network
from simulation.trace import Broken, Trace
from simulation.writer import VirtualWriter

T = TypeVar("T")
MAX_REQUESTS = 3000  # of one run on a handful of customers: more is a storm
CRASHED = Stop("killed", -9)


class Crash(Exception):  # noqa: N818 - the end of a process, not an error of it
    """The process has ended here."""


@dataclass(frozen=True, slots=True)
class Life:
    """How a run is to end before its time, if it is: at which moment, or after how many seconds with Ctrl-C."""

    crashes_at: int | None = None
    interrupted_after: float | None = None


@dataclass
class Process:
    """One run, from its start to its end or its death."""

    time: Time
    network: Network
    trace: Trace
    rng: random.Random
    life: Life
    timeout: float
    asked_until: float = 0.0  # no request may leave before, of the story's clock
    jumps: list[tuple[float, float]] = field(default_factory=list)  # when the wall clock is set, and by how much
    requests: list[Exchange] = field(default_factory=list)
    is_dead: bool = False
    was_told: bool = False  # a Retry-After, in this very process
    _moments: int = 0
    _waited_for: dict[asyncio.Future[Any], None] = field(default_factory=dict)  # in order: a seed repeats it

    def run(
        self,
        folder: Path,
        settings: Settings,
        options: Options,
        make: Callable[[Hook], Command],
        *,
        longest: float,
    ) -> Stop | None:
        """Live; return why the run stopped, if it did. Raises what no run may raise."""
        self.time.deadline = self.time.now + longest
        try:
            stop = anyio.run(
                self._live, folder, settings, options, make, backend_options={"loop_factory": lambda: Loop(self.time)}
            )
        except BaseException as error:
            causes = list(_leaves(error))
            for cause in causes:
                if isinstance(cause, Broken | Stuck):
                    raise cause from None
            if not self.is_dead or not all(isinstance(each, Crash | asyncio.CancelledError) for each in causes):
                raise
            stop = CRASHED
        finally:
            self.time.deadline = float("inf")
        self.network.catch_up()
        return CRASHED if self.is_dead else stop

    async def _live(
        self, folder: Path, settings: Settings, options: Options, make: Callable[[Hook], Command]
    ) -> Stop | None:
        self._interrupt = anyio.Event()
        run = Run(
            folder,
            settings,
            options,
            version="simulated",
            hook=self._hear,
            wall=self.time.wall,
            rng=random.Random(self.rng.random()),  # noqa: S311 - repeatable, no secret
            connect=lambda _: self._connected(),
            writer=lambda connection, folder: SimulatedWriter(connection, folder, self),
        )
        return (await run.do(make(self._hear), self._interrupt)).stop

    def begin(self, loop: asyncio.AbstractEventLoop) -> None:
        """Set the timers of outside events. Not before the command is prepared: a thread does that outside of time."""
        if self.life.interrupted_after is not None:
            loop.call_later(self.life.interrupted_after, self._press_ctrl_c)
        for after, seconds in self.jumps:
            loop.call_later(after, self._jump, seconds)

    def moment(self) -> None:
        """Let a moment pass. Raises Crash if it was the last, and ever after."""
        self._moments += 1
        if self._moments == self.life.crashes_at and not self.is_dead:
            self.is_dead = True
            self.trace.note("    killed")
            for future in self._waited_for:
                if not future.done():
                    future.set_exception(Crash())
                    future.exception()  # whoever waited may be cancelled first
        if self.is_dead:
            raise Crash

    async def wait_for(self, future: asyncio.Future[T]) -> T:
        """Wait for something that never comes once the process is dead."""
        outcome: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        future.add_done_callback(lambda done: _copy(done, outcome))
        self._waited_for[outcome] = None
        try:
            return await outcome
        finally:
            del self._waited_for[outcome]

    @asynccontextmanager
    async def _connected(self) -> AsyncIterator[Sender]:
        yield _SlowLine(self)

    def _hear(self, event: Event) -> None:
        if isinstance(event, Hold | Warned | Enrolled) and not self.is_dead:
            self.trace.note(f"    {event}")

    def _press_ctrl_c(self) -> None:
        self.trace.note("    Ctrl-C")
        self._interrupt.set()

    def _jump(self, seconds: float) -> None:
        self.time.skew += seconds
        self.asked_until -= max(seconds, 0.0)  # a run cannot tell a clock that was corrected from a machine that slept
        self.trace.note(f"    the wall clock is set by {seconds:+.0f} s")

    def leave(self, request: Request, key: str | None) -> Exchange:
        """Send a request on its way. Raises Broken where it must not leave."""
        self.moment()
        self.network.catch_up()
        if self.time.now < self.asked_until:
            raise Broken(
                f"{request.operation} leaves {self.asked_until - self.time.now:.3f} s before a Retry-After ends"
            )
        if len(self.requests) >= MAX_REQUESTS:
            raise Broken(f"{MAX_REQUESTS} requests in one run")
        exchange = self.network.depart(request, key, timeout=self.timeout)
        self.requests.append(exchange)
        lag = f", a list {exchange.passage.lag:.1f} s behind" if exchange.passage.lag else ""
        named = f" key {key[:4]}" if key else ""
        self.trace.note(
            f"  → {exchange.number} {request.method} {request.path}{named}: {exchange.passage.fate.value}{lag}"
        )
        return exchange

    def receive(self, exchange: Exchange) -> Reply:
        """Take an answer in."""
        self.network.catch_up()
        reply = self.network.collect(exchange)
        asked = retry_after(reply.headers, self.time.wall()) if reply.outcome in OUTCOMES_WITH_RETRY_AFTER else None
        said = f", asks to wait {asked:.0f} s" if asked is not None else ""
        self.trace.note(f"  ← {exchange.number} {reply.outcome}{f' {reply.status}' if reply.status else ''}{said}")
        if asked is not None:
            self.was_told = True
            self.asked_until = max(self.asked_until, exchange.asks_until)
        self.moment()
        return reply


class _SlowLine:
    """A run's connection to Codat."""

    def __init__(self, process: Process) -> None:
        self._process = process

    async def send(self, request: Request, *, key: str | None = None) -> Reply:
        """Send one request and wait for its answer."""
        process = self._process
        exchange = process.leave(request, key)
        process.moment()
        loop = asyncio.get_running_loop()
        answered: asyncio.Future[None] = loop.create_future()
        loop.call_at(exchange.ends_at, answered.set_result, None)
        await process.wait_for(answered)
        return process.receive(exchange)


class SimulatedWriter(VirtualWriter):
    """The journal's writer in a process that may die before and after each commit."""

    def __init__(self, connection: sqlite3.Connection, folder: Path, process: Process) -> None:
        super().__init__(connection, folder, process.rng)
        self._process = process
        self._has_begun = False

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._process.is_dead:
            self._connection.close()
        else:
            await super().__aexit__(kind, error, traceback)

    async def write(self, operation: Callable[[sqlite3.Connection], T]) -> T:
        """Run the operation in the next transaction, and wait for it; for ever, once the process is dead."""
        if self._process.is_dead:
            raise Crash
        if not self._has_begun:  # the command is prepared
            self._has_begun = True
            self._process.begin(self._loop)
        return await self._process.wait_for(self._put(operation))

    def _commit_next(self) -> None:
        with contextlib.suppress(Crash):
            self._process.moment()
            super()._commit_next()
            self._process.moment()


def _copy(done: asyncio.Future[T], outcome: asyncio.Future[T]) -> None:
    if outcome.done():
        return
    if done.cancelled():
        outcome.cancel()
    elif (error := done.exception()) is not None:
        outcome.set_exception(error)
    else:
        outcome.set_result(done.result())


def _leaves(error: BaseException) -> list[BaseException]:
    if isinstance(error, BaseExceptionGroup):
        return [leaf for each in error.exceptions for leaf in _leaves(each)]
    return [error]
