"""On one machine, one run at a time sends for a Codat client, whatever its batch."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.run_fixtures import Launch, SetUp
from support.runs import BatchFixture, Codat, until


@pytest.fixture
def pair(tmp_path: Path, launch: Launch, set_up: SetUp) -> tuple[Codat, BatchFixture, BatchFixture]:
    """Return a sandbox, and two folders to run in on the same machine."""
    codat = launch()
    environment = {"XDG_STATE_HOME": str(tmp_path / "state")}
    first, second = (set_up(codat, environment=environment) for _ in range(2))
    first.customers(3)
    second.customers(3)
    return codat, first, second


def test_a_second_run_names_the_first_and_sends_nothing(pair: tuple[Codat, BatchFixture, BatchFixture]) -> None:
    """It exits with 75, and the same command works once the first run has ended or was killed."""
    codat, first, second = pair
    with codat.holding(after=1, operation="create_company") as wait_until_held:
        process = first.start("--concurrency", "1")
        wait_until_held()
        posts = codat.posts()
        ended = second.run()
        assert ended.code == 75
        assert "bulk migrate on reports/customers (process " in ended.err
        assert "--wait" in ended.err
        assert second.states() == {"pending": 3}
        assert codat.posts() == posts
        process.kill()
    assert second.run().code == 0
    assert first.run().code == 0


def test_with_wait_the_second_run_waits_for_the_first(pair: tuple[Codat, BatchFixture, BatchFixture]) -> None:
    """Both finish."""
    codat, first, second = pair
    with codat.holding(after=1, operation="create_company") as wait_until_held:
        one = first.start("--concurrency", "1")
        wait_until_held()
        other = second.start("--wait")
        until(lambda: "waiting for it" in other.stderr_so_far(), "the second run waits")
    assert one.wait().code == 0
    assert other.wait().code == 0


def test_without_a_folder_for_the_lock_the_run_says_so(fixture: BatchFixture) -> None:
    """A home folder that cannot be written blocks no run."""
    fixture.environment = {"XDG_STATE_HOME": "/dev/null", "HOME": "/dev/null", "XDG_RUNTIME_DIR": ""}
    fixture.customers(1)
    ended = fixture.run()
    assert ended.code == 0
    assert "cannot notice other runs" in ended.err
