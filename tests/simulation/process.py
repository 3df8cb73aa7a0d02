"""One process of bulk: a run of the unchanged engine that may be killed at any moment.

The moments are those between which the outside world changes: before and after each commit of the journal, before and
after each request is sent, and after each response before it is recorded.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import sqlite3
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar
from unittest.mock import patch

import anyio
import anyio.to_thread

from bulk.codat.client import Sender
from bulk.codat.endpoints import Request
from bulk.codat.limits import OUTCOMES_WITH_RETRY_AFTER, Hold
from bulk.codat.quota import retry_after
from bulk.codat.responses import Reply
from bulk.engine.events import Enrolled, Event, Warned
from bulk.engine.options import Options
from bulk.engine.run import Command, Run
from bulk.model import Stop
from bulk.settings import Settings
from simulation.clock import Loop, Stuck, Time
from simulation.network import Exchange, Network
from simulation.trace import Broken, Trace
from simulation.writer import VirtualWriter

T = TypeVar("T")
MAX_REQUESTS = 3000  # of one run with a few customers: more is a defect
CRASHED = Stop("killed", -9)


class Crash(Exception):  # noqa: N818 - the end of a process, not an error
    """The process has ended here."""


@dataclass(frozen=True, slots=True)
class EarlyEnd:
    """The early end of a run, if any: a crash at a moment, or Ctrl-C after some seconds."""

    crashes_at: int | None = None
    interrupted_after: float | None = None


@dataclass(frozen=True, slots=True)
class Work:
    """What a process does, and where."""

    folder: Path
    settings: Settings
    options: Options
    command: Command


@dataclass
class Process:
    """One run, from its start to its end or its crash."""

    time: Time
    network: Network
    trace: Trace
    rng: random.Random
    early_end: EarlyEnd
    timeout: float
    asked_until: float = 0.0  # no request may be sent before, by the scenario's clock
    jumps: list[tuple[float, float]] = field(default_factory=list)  # when the wall clock is set, and by how much
    sender: str = "batch"  # the label of the batch
    begins_after: float = 0.0  # seconds
    freeze: tuple[float, float] | None = None  # after how many seconds it is frozen, and for how many
    requests: list[Exchange] = field(default_factory=list)
    is_dead: bool = False
    has_retry_after: bool = False  # received by this process
    _thaws_at: float = 0.0
    _moments: int = 0
    _waited_for: dict[asyncio.Future[Any], None] = field(default_factory=dict)  # ordered: a seed repeats

    def run(
        self,
        folder: Path,
        settings: Settings,
        options: Options,
        command: Command,
        *,
        longest: float,
    ) -> Stop | None:
        """Run to the end; return the reason for a stop, or None. Raises every other error."""
        (stop,) = run_together([(self, Work(folder, settings, options, command))], longest=longest)
        return stop

    async def work(self, work: Work) -> Stop | None:
        """Do the work; return the reason for a stop, or None. Raises every other error."""
        try:
            stop = await self._run(work)
        except BaseException as error:
            causes = list(_leaves(error))
            for cause in causes:
                if isinstance(cause, Broken | Stuck):
                    raise cause from None
            if not self.is_dead or not all(isinstance(each, Crash | asyncio.CancelledError) for each in causes):
                raise
            stop = CRASHED
        return CRASHED if self.is_dead else stop

    async def _run(self, work: Work) -> Stop | None:
        if self.begins_after:
            await asyncio.sleep(self.begins_after)
        self._interrupt = anyio.Event()
        run = Run(
            work.folder,
            work.settings,
            work.options,
            version="simulated",
            hook=self._on_event,
            wall=self.time.wall,
            rng=random.Random(self.rng.random()),  # noqa: S311 - repeatable, not a secret
            connect=lambda _: self._connected(),
            writer=lambda connection, folder: SimulatedWriter(connection, folder, self),
        )
        return (await run.do(work.command, self._interrupt)).stop

    def begin(self, loop: asyncio.AbstractEventLoop) -> None:
        """Set the timers of outside events. The command is prepared."""
        if self.early_end.interrupted_after is not None:
            loop.call_later(self.early_end.interrupted_after, self._press_ctrl_c)
        for after, seconds in self.jumps:
            loop.call_later(after, self._jump, seconds)
        if self.freeze is not None:
            after, seconds = self.freeze
            loop.call_later(after, self._freeze, seconds)

    def moment(self) -> None:
        """Count a moment. Raises Crash at the last one and at all later calls."""
        self._moments += 1
        if self._moments == self.early_end.crashes_at and not self.is_dead:
            self.is_dead = True
            self.trace.note("    killed")
            self.trace.mark("killed")
            for future in self._waited_for:
                if not future.done():
                    future.set_exception(Crash())
                    future.exception()  # the waiting task may be cancelled first
        if self.is_dead:
            raise Crash

    async def wait_for(self, future: asyncio.Future[T]) -> T:
        """Wait for a future; a dead process gets Crash instead."""
        outcome: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        future.add_done_callback(lambda done: _copy(done, outcome))
        self._waited_for[outcome] = None
        try:
            return await outcome
        finally:
            del self._waited_for[outcome]

    @asynccontextmanager
    async def _connected(self) -> AsyncIterator[Sender]:
        yield _Sender(self)

    def _on_event(self, event: Event) -> None:
        if isinstance(event, Hold | Warned | Enrolled) and not self.is_dead:
            self.trace.note(f"    {event}")

    def _freeze(self, seconds: float) -> None:
        self._thaws_at = self.time.now + seconds
        self.trace.note(f"    {self.sender} is frozen for {seconds:.0f} s")
        self.trace.mark(f"run frozen for {seconds:.0f} s")

    def frozen_for(self) -> float:
        """Return the seconds until this process is thawed; 0 if it is not frozen."""
        return max(self._thaws_at - self.time.now, 0.0)

    async def thaw(self) -> None:
        """Wait until this process is not frozen."""
        if left := self.frozen_for():
            await asyncio.sleep(left)

    def _press_ctrl_c(self) -> None:
        self.trace.note("    Ctrl-C")
        self.trace.mark("Ctrl-C")
        self._interrupt.set()

    def _jump(self, seconds: float) -> None:
        self.time.skew += seconds
        self.asked_until -= max(seconds, 0.0)  # to a run, a corrected clock looks like a machine that slept
        self.trace.note(f"    the wall clock is set by {seconds:+.0f} s")
        self.trace.mark(f"clock set {'forward' if seconds > 0 else 'back'} during a run")

    def leave(self, request: Request, key: str | None) -> Exchange:
        """Send a request. Raises Broken if it breaks a guarantee."""
        self.moment()
        self.network.catch_up()
        if self.time.now < self.asked_until:
            raise Broken(
                f"{request.operation} leaves {self.asked_until - self.time.now:.3f} s before a Retry-After ends"
            )
        if len(self.requests) >= MAX_REQUESTS:
            raise Broken(f"{MAX_REQUESTS} requests in one run")
        exchange = self.network.depart(self.sender, request, key, timeout=self.timeout)
        self.requests.append(exchange)
        lag = f", a list {exchange.passage.lag:.1f} s behind" if exchange.passage.lag else ""
        named = f" key {key[:4]}" if key else ""
        arrow = "  →" if self.sender == "batch" else f"  ({self.sender}) →"
        self.trace.note(
            f"{arrow} {exchange.number} {request.method} {request.path}{named}: {exchange.passage.fate.value}{lag}"
        )
        return exchange

    def receive(self, exchange: Exchange) -> Reply:
        """Read a response."""
        self.network.catch_up()
        reply = replace(self.network.collect(exchange), seconds=exchange.ends_at - exchange.left_at)
        asked = retry_after(reply.headers, self.time.wall()) if reply.outcome in OUTCOMES_WITH_RETRY_AFTER else None
        wait = f", asks to wait {asked:.0f} s" if asked is not None else ""
        self.trace.note(f"  ← {exchange.number} {reply.outcome}{f' {reply.status}' if reply.status else ''}{wait}")
        if asked is not None:
            self.has_retry_after = True
            self.asked_until = max(self.asked_until, exchange.asks_until)
        self.moment()
        return reply


class _Sender:
    """The connection of a run to Codat."""

    def __init__(self, process: Process) -> None:
        self._process = process

    async def send(self, request: Request, *, key: str | None = None) -> Reply:
        """Send one request and wait for its response."""
        process = self._process
        await process.thaw()
        exchange = process.leave(request, key)
        process.moment()
        loop = asyncio.get_running_loop()
        answered: asyncio.Future[None] = loop.create_future()
        loop.call_at(exchange.ends_at, answered.set_result, None)
        await process.wait_for(answered)
        await process.thaw()
        return process.receive(exchange)


class SimulatedWriter(VirtualWriter):
    """The journal's writer in a process that may crash before and after each commit."""

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
        """Run the operation in the next transaction, and wait for it. A dead process gets Crash instead."""
        if self._process.is_dead:
            raise Crash
        if not self._has_begun:  # the command is prepared
            self._has_begun = True
            self._process.begin(self._loop)
        return await self._process.wait_for(self._put(operation))

    def _turn(self) -> None:
        if left := self._process.frozen_for():
            self._loop.call_later(left, self._turn)
        else:
            super()._turn()

    def _commit_next(self) -> None:
        with contextlib.suppress(Crash):
            self._process.moment()
            super()._commit_next()
            self._process.moment()


def run_together(works: Sequence[tuple[Process, Work]], *, longest: float) -> list[Stop | None]:
    """Run processes at the same time; return the reason for the stop of each, or None. Raises every other error.

    What bulk does in a thread is done at once: a thread has no virtual time.
    """
    time, network = works[0][0].time, works[0][0].network

    async def work() -> list[Stop | None]:
        return await asyncio.gather(*(process.work(each) for process, each in works))

    time.deadline = time.now + longest
    try:
        with patch.object(anyio.to_thread, "run_sync", _at_once):
            stops = anyio.run(work, backend_options={"loop_factory": lambda: Loop(time)})
    finally:
        time.deadline = float("inf")
    network.catch_up()
    return stops


async def _at_once(call: Callable[..., T], *arguments: object) -> T:
    return call(*arguments)


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
