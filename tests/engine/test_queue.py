"""Who is next: in order, bounded, and each who waits comes up when it is due."""

from __future__ import annotations

import anyio
from clock import run, wall

from bulk.engine import queue as module
from bulk.engine.queue import CustomerQueue, Item
from bulk.model import CustomerRecord


def entry(seq: int) -> CustomerRecord:
    """Make a customer."""
    return CustomerRecord(seq, str(seq), "Acme", "gbol", None, is_present=True)


class Feed:
    """Gives pages of ten, and counts what it gave."""

    def __init__(self, customers: int) -> None:
        self.customers, self.given = customers, 0

    async def __call__(self) -> list[CustomerRecord]:
        """Give the next page."""
        await anyio.sleep(0.01)
        page = [entry(seq) for seq in range(self.given, min(self.given + 10, self.customers))]
        self.given += len(page)
        return page


def test_everybody_is_handed_out_once_in_order_and_then_it_ends() -> None:
    """For however many workers."""
    got: list[int] = []

    async def work() -> None:
        agenda = CustomerQueue(Feed(95), wall)

        async def worker() -> None:
            while (item := await agenda.next()) is not None:
                got.append(item.entry.seq)
                await anyio.sleep(0.5)
                agenda.done()

        async with anyio.create_task_group() as group:
            for _ in range(7):
                group.start_soon(worker)

    run(work)
    assert got == list(range(95))


def test_who_is_parked_comes_up_when_due_and_not_before() -> None:
    """The first due first; the others wait for it though there is nobody else."""

    async def work() -> list[tuple[int, int]]:
        agenda = CustomerQueue(Feed(2), wall)
        begun = wall()
        for pause in (100.0, 50.0):
            item = await agenda.next()
            assert item is not None
            agenda.defer(item, begun + pause)
        came = []
        while (item := await agenda.next()) is not None:
            came.append((item.entry.seq, round(wall() - begun)))
            agenda.done()
        return came

    assert run(work) == [(1, 50), (0, 100)]


def test_a_clock_that_is_set_back_keeps_nobody_waiting() -> None:
    """A second is a second, also where the wall clock says that it lasted a day."""

    async def work() -> float:
        back = 0.0
        agenda = CustomerQueue(Feed(1), lambda: wall() - back)
        item = await agenda.next()
        assert item is not None
        begun = wall()
        agenda.defer(item, begun + 5)
        back = 86_400.0
        assert await agenda.next() is not None
        return wall() - begun

    assert round(run(work)) == 5


def test_no_more_are_taken_up_while_too_many_wait() -> None:
    """Memory stays flat however long Codat is away."""

    async def work() -> int:
        feed = Feed(5000)
        agenda = CustomerQueue(feed, wall)
        with anyio.move_on_after(60):
            while (item := await agenda.next()) is not None:
                agenda.defer(Item(item.entry), wall() + 3600)
        return feed.given

    assert run(work) <= module.MAX_DEFERRED + 10


def test_closing_wakes_everybody() -> None:
    """Those who wait for somebody parked for hours as well."""

    async def work() -> list[Item | None]:
        agenda = CustomerQueue(Feed(1), wall)
        item = await agenda.next()
        assert item is not None
        agenda.defer(item, wall() + 9999)
        got: list[Item | None] = []

        async def worker() -> None:
            got.append(await agenda.next())

        async with anyio.create_task_group() as group:
            for _ in range(3):
                group.start_soon(worker)
            await anyio.sleep(1)
            agenda.close()
        return got

    assert run(work) == [None, None, None]


def test_closing_while_a_page_is_read_ends_everybody() -> None:
    """A page that turns out empty after the close must not leave its readers waiting for good."""

    async def work() -> list[Item | None]:
        agenda = CustomerQueue(Feed(1), wall)
        assert await agenda.next() is not None  # the one there is; it stays in work
        got: list[Item | None] = []

        async def worker() -> None:
            got.append(await agenda.next())

        with anyio.fail_after(60):
            async with anyio.create_task_group() as group:
                for _ in range(3):
                    group.start_soon(worker)
                await anyio.sleep(0.005)  # the page takes 0.01
                agenda.close()
        return got

    assert run(work) == [None, None, None]
