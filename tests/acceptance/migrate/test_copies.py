"""The same batch runs twice: from two folders, as a copy of a frozen run, or after its folder was lost.

The Idempotency-Keys are computed from the customers' tags, so every copy sends the same ones.
"""

from __future__ import annotations

import shutil
import signal

from support.run_fixtures import Launch, SetUp
from support.runs import BatchFixture, Codat

RETRIES = 5


def at_home(fixture: BatchFixture) -> BatchFixture:
    """Set a home of its own for the fixture, as if it were on another machine."""
    fixture.environment = {"HOME": str(fixture.path), "XDG_STATE_HOME": str(fixture.path / "state")}
    return fixture


def write_same(first: BatchFixture, second: BatchFixture) -> list[str]:
    """Write the same input in both folders; return its identifiers."""
    first.customers(30, prefix="same")
    return second.customers(30, prefix="same")


def finish(fixture: BatchFixture) -> None:
    """Run the batch until nothing is left."""
    for _ in range(RETRIES):
        if fixture.run().code == 0:
            return
    raise AssertionError(fixture.states())


def require_one_of_each(codat: Codat, ids: list[str], *fixtures: BatchFixture) -> None:
    """Check that each customer has one company and one connection, and that each copy reports exactly these."""
    for fixture in fixtures:
        finish(fixture)
        fixture.assert_once_only(ids)
    assert len(codat.companies()) == len(ids)


def test_two_copies_that_run_at_the_same_moment_create_nothing_twice(launch: Launch, set_up: SetUp) -> None:
    """Whoever is first creates the company, and Codat returns the same one to the other."""
    codat = launch(latency=0.01)
    copies = at_home(set_up(codat)), at_home(set_up(codat))
    ids = write_same(*copies)
    for process in [copy.start("--concurrency", "10") for copy in copies]:
        assert process.wait().code in (0, 75)
    require_one_of_each(codat, ids, *copies)


def test_a_frozen_run_that_continues_after_a_copy_has_finished_creates_nothing_twice(
    launch: Launch, set_up: SetUp
) -> None:
    """A laptop was closed, and a colleague ran the same file."""
    codat = launch()
    frozen, copy = at_home(set_up(codat)), at_home(set_up(codat))
    ids = write_same(frozen, copy)
    with codat.holding(after=15) as wait_until_held:
        process = frozen.start("--concurrency", "5")
        wait_until_held()
        process.send_signal(signal.SIGSTOP)
    finish(copy)
    process.send_signal(signal.SIGCONT)
    assert process.wait().code in (0, 75)
    require_one_of_each(codat, ids, frozen, copy)


def test_a_folder_that_is_lost_while_requests_are_on_their_way_creates_nothing_twice(
    launch: Launch, set_up: SetUp
) -> None:
    """The disk of a machine is gone; the same input runs elsewhere while Codat still works on twenty companies."""
    codat = launch()
    fixture = at_home(set_up(codat))
    ids = fixture.customers(30)
    with codat.holding(after=3, operation="create_company") as wait_until_held:
        process = fixture.start("--concurrency", "20", "--timeout", "5")
        wait_until_held()
        process.kill()
        shutil.rmtree(fixture.folder)
        again = fixture.start("--concurrency", "20", "--timeout", "5")
        wait_until_held()
    assert again.wait().code in (0, 75)
    require_one_of_each(codat, ids, fixture)


def test_a_company_that_an_old_key_returns_although_it_was_deleted_is_created_again(
    launch: Launch, set_up: SetUp
) -> None:
    """The journal was lost after somebody had deleted the company. Codat keeps the response for 90 minutes."""
    codat = launch()
    fixture = set_up(codat)
    ids = fixture.customers(3)
    assert fixture.run().code == 0
    for each in ids[:2]:
        codat.delete("companies", codat.company_of(each))
    shutil.rmtree(fixture.folder)
    codat.advance(600)
    require_one_of_each(codat, ids, fixture)
