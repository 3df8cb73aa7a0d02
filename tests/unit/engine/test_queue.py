"""The queue hands out customers in order, within bounds, and each deferred customer when it is due."""

from __future__ import annotations

import anyio
from support.clock import run, wall

from bulk.engine import queue as module
from bulk.engine.queue import CustomerQueue, Item
from bulk.model import CustomerRecord


def customer(seq: int) -> CustomerRecord:
    """Return a customer."""
    return CustomerRecord(seq, str(seq), str(seq), "Acme", "gbol", None)


class Feed:
    """Returns pages of ten, and counts the customers that it returned."""

    def __init__(self, customers: int) -> None:
        self.customers, self.returned = customers, 0

    async def __call__(self) -> list[CustomerRecord]:
        """Return the next page."""
        await anyio.sleep(0.01)
        page = [customer(seq) for seq in range(self.returned, min(self.returned + 10, self.customers))]
        self.returned += len(page)
        return page


def test_each_customer_is_handed_out_once_in_order_and_then_the_queue_ends() -> None:
    """For any number of workers."""
    handed_out: list[int] = []

    async def work() -> None:
        queue = CustomerQueue(Feed(95), wall)

        async def worker() -> None:
            while (item := await queue.next()) is not None:
                handed_out.append(item.customer.seq)
                await anyio.sleep(0.5)
                queue.done()

        async with anyio.create_task_group() as group:
            for _ in range(7):
                group.start_soon(worker)

    run(work)
    assert handed_out == list(range(95))


def test_a_deferred_customer_is_handed_out_when_it_is_due_and_not_before() -> None:
    """The first due comes first; the queue waits for it even if nothing else is left."""

    async def work() -> list[tuple[int, int]]:
        queue = CustomerQueue(Feed(2), wall)
        began = wall()
        for pause in (100.0, 50.0):
            item = await queue.next()
            assert item is not None
            queue.defer(item, began + pause)
        handed_out = []
        while (item := await queue.next()) is not None:
            handed_out.append((item.customer.seq, round(wall() - began)))
            queue.done()
        return handed_out

    assert run(work) == [(1, 50), (0, 100)]


def test_a_clock_that_is_set_back_keeps_no_customer_waiting() -> None:
    """A second is a second, even if the wall clock moves by a day."""

    async def work() -> float:
        back = 0.0
        queue = CustomerQueue(Feed(1), lambda: wall() - back)
        item = await queue.next()
        assert item is not None
        began = wall()
        queue.defer(item, began + 5)
        back = 86_400.0
        assert await queue.next() is not None
        return wall() - began

    assert round(run(work)) == 5


def test_no_more_customers_are_read_while_too_many_are_deferred() -> None:
    """Memory stays flat however long Codat is out of reach."""

    async def work() -> int:
        feed = Feed(5000)
        queue = CustomerQueue(feed, wall)
        with anyio.move_on_after(60):
            while (item := await queue.next()) is not None:
                queue.defer(Item(item.customer), wall() + 3600)
        return feed.returned

    assert run(work) <= module.MAX_DEFERRED + 10


def test_a_deferred_customer_keeps_its_tries() -> None:
    """A run gives up on a customer after some passing faults in a row."""

    async def work() -> Item | None:
        queue = CustomerQueue(Feed(1), wall)
        item = await queue.next()
        assert item is not None
        queue.defer(Item(item.customer, tries=3, since=7.0), wall() + 1)
        return await queue.next()

    assert run(work) == Item(customer(0), tries=3, since=7.0)


def test_closing_wakes_all_workers() -> None:
    """It also wakes those that wait for a customer that is deferred for hours."""

    async def work() -> list[Item | None]:
        queue = CustomerQueue(Feed(1), wall)
        item = await queue.next()
        assert item is not None
        queue.defer(item, wall() + 9999)
        handed_out: list[Item | None] = []

        async def worker() -> None:
            handed_out.append(await queue.next())

        async with anyio.create_task_group() as group:
            for _ in range(3):
                group.start_soon(worker)
            await anyio.sleep(1)
            queue.close()
        return handed_out

    assert run(work) == [None, None, None]


def test_closing_while_a_page_is_read_ends_all_workers() -> None:
    """A page that turns out empty after the close must not leave its readers waiting for ever."""

    async def work() -> list[Item | None]:
        queue = CustomerQueue(Feed(1), wall)
        assert await queue.next() is not None  # the only customer; it stays in work
        handed_out: list[Item | None] = []

        async def worker() -> None:
            handed_out.append(await queue.next())

        with anyio.fail_after(60):
            async with anyio.create_task_group() as group:
                for _ in range(3):
                    group.start_soon(worker)
                await anyio.sleep(0.005)  # the page takes 0.01
                queue.close()
        return handed_out

    assert run(work) == [None, None, None]
