"""The wait between the rounds of `follow-up --watch`."""

from __future__ import annotations

import anyio
from support import clock

from bulk.watch import MAX_SLICE, wait_until

HOUR = 3600.0


def waited(seconds: float, *, slept: float = 0.0, interrupted_after: float | None = None) -> float:
    """Return for how many seconds a wait until then lasts. The machine sleeps in its second slice."""

    async def wait() -> float:
        began = anyio.current_time()
        interrupt = anyio.Event()

        def wall() -> float:
            awake = anyio.current_time() - began
            return clock.START + awake + (slept if awake > 0 else 0.0)

        async with anyio.create_task_group() as group:
            if interrupted_after is not None:
                group.start_soon(_interrupt, interrupt, interrupted_after)
            await wait_until(clock.START + seconds, interrupt, wall)
            group.cancel_scope.cancel()
        return anyio.current_time() - began

    return round(clock.run(wait), 3)


async def _interrupt(interrupt: anyio.Event, seconds: float) -> None:
    await anyio.sleep(seconds)
    interrupt.set()


def test_a_wait_lasts_until_its_end() -> None:
    """Its slices add up."""
    assert waited(HOUR) == HOUR
    assert waited(MAX_SLICE / 2) == MAX_SLICE / 2


def test_a_wait_ends_within_a_slice_after_the_machine_has_slept() -> None:
    """A laptop was closed, and its steady clock stood still during the sleep."""
    assert waited(HOUR, slept=2 * HOUR) == MAX_SLICE


def test_a_wait_ends_with_an_interrupt() -> None:
    """The run does not wait for the end of the slice."""
    assert waited(HOUR, interrupted_after=90.0) == 90.0


def test_a_time_that_has_passed_needs_no_wait() -> None:
    """This happens after a long round."""
    assert waited(-1.0) == 0.0
