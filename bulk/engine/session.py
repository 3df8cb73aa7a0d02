"""Processes many customers at once: workers take customers from a queue while the throttle is open."""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable, Set
from dataclasses import dataclass, field

import anyio

from bulk.codat.blockade import blocked_reason
from bulk.codat.throttle import Stopped
from bulk.engine.context import RunContext
from bulk.engine.events import Advanced, Hook
from bulk.engine.first_creates import FirstCreates
from bulk.engine.process import Deferred, Finished, Outdated, process
from bulk.engine.queue import CustomerQueue
from bulk.errors import BulkError
from bulk.model import CustomerRecord, State, Stop
from bulk.text import count

PAGE_SIZE = 200  # customers read from the journal at once
Feed = Callable[[], Awaitable[list[CustomerRecord]]]


@dataclass(slots=True)
class Session:
    """The context and the counters of a command while the throttle is open."""

    context: RunContext
    hook: Hook
    concurrency: int
    max_failures: Callable[[int], float] = lambda _: math.inf
    accepts_missing: bool = False  # trust a company list that lacks many of the batch's companies
    failures: int = 0
    left: int = 0  # customers that could not be finished for now
    finished: int = 0  # the others
    error: BulkError | None = None
    needs_list: bool = False  # the company list must be read again, and then the same customers processed
    first_creates: FirstCreates = field(default_factory=FirstCreates)

    async def process_all(self, feed: Callable[[], Feed], customers: int) -> None:
        """Take the customers of the feed as far as possible. A percentage of failures refers to `customers`.

        Customers who need an operation that is broken come last: `feed` is called a second time for them.
        """
        self.needs_list = False
        max_failures = self.max_failures(customers)
        held_back: set[int] = set()
        await self._process(CustomerQueue(feed(), self.context.wall), max_failures, held_back)
        if held_back and not self.needs_list:
            await self._process(CustomerQueue(_only(held_back, feed()), self.context.wall), max_failures, None)
        blocked = self.context.throttle.blockade.newest
        if self.left and not self.finished and blocked is not None:
            self.context.throttle.close(Stop(blocked_reason(blocked), 75))

    async def _process(self, queue: CustomerQueue, max_failures: float, held_back: set[int] | None) -> None:
        """Process a queue. Collect the customers that are held back, or hold nobody back."""
        async with anyio.create_task_group() as group:
            group.start_soon(self._close_with_throttle, queue)
            async with anyio.create_task_group() as workers:
                # More workers than requests in flight: while one records an outcome, another can send.
                for _ in range(self.concurrency + math.ceil(self.concurrency / 4)):
                    workers.start_soon(self._work, queue, max_failures, held_back)
            group.cancel_scope.cancel()

    async def _work(self, queue: CustomerQueue, max_failures: float, held_back: set[int] | None) -> None:
        try:
            while (item := await queue.next()) is not None:
                await self.first_creates.admit()
                result = await process(item, self.context, may_hold_back=held_back is not None)
                if isinstance(result, Finished):
                    self._count(item.customer, result, max_failures)
                    queue.done()
                    continue
                self.first_creates.release()
                if isinstance(result, Deferred):
                    queue.defer(result.item, result.due)
                elif isinstance(result, Outdated):
                    self.needs_list = True
                    queue.close()
                elif held_back is not None:
                    held_back.add(item.customer.seq)
                    queue.done()
        except Stopped:
            queue.close()
        except BulkError as error:
            self.error = self.error or error
            self.context.throttle.close(Stop(str(error), error.exit_code))
            queue.close()

    async def _close_with_throttle(self, queue: CustomerQueue) -> None:
        await self.context.throttle.closed.wait()
        self.first_creates.release()
        queue.close()

    def _count(self, customer: CustomerRecord, result: Finished, max_failures: float) -> None:
        if (stop := self.first_creates.note(result.rejection)) is not None:
            self.context.throttle.close(stop)
        if result.state is None:
            return
        self.left += result.is_left
        self.finished += not result.is_left
        if result.state is State.FAILED and not result.is_left:
            self.failures += 1
            if self.failures > max_failures:
                reason = (
                    f"{count(self.failures, 'customer')} failed, more than --max-failures allows. See their errors in "
                    "results.csv; the same command continues with the others"
                )
                self.context.throttle.close(Stop(reason, 1))
        quota = self.context.throttle.budget.quota
        self.hook(Advanced(customer.customer_id, result.state, quota, is_left=result.is_left))


Work = Callable[[Session], Awaitable[None]]
"""The work of a command while the throttle is open. Raises Stopped when it is closed."""


def _only(customers: Set[int], feed: Feed) -> Feed:
    """Return the feed without other customers. `customers` has their numbers in the journal."""

    async def read() -> list[CustomerRecord]:
        while page := await feed():
            if found := [each for each in page if each.seq in customers]:
                return found
        return []

    return read
