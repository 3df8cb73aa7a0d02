"""Runs that end early: by kill -9, a second Ctrl-C, or an outage of Codat. The journeys have the other ends."""

from __future__ import annotations

import os
import random
import signal
from pathlib import Path

import pytest
from support.run_fixtures import Launch, SetUp
from support.runs import BatchFixture, Codat, until
from support.sandbox import start

from acceptance.kills import kill_repeatedly

CUSTOMERS = 40
NOISE: list[dict[str, object]] = [
    {"kind": "reset_before", "probability": 0.03},
    {"kind": "reset_after", "probability": 0.03},
    {"kind": "5xx_after", "probability": 0.03},
    {"kind": "gateway_after", "probability": 0.03},
    {"kind": "truncated", "probability": 0.03},
]


@pytest.mark.long
def test_a_run_killed_at_random_moments_creates_no_duplicate(launch: Launch, set_up: SetUp) -> None:
    """Faults happen too, and the sandbox ignores keys. In the end each customer has one company and connection."""
    seed = int(os.environ.get("RUNS_SEED", random.SystemRandom().randrange(2**32)))
    print(f"RUNS_SEED={seed}")  # noqa: T201 - shown by pytest where it fails, so that it can be repeated
    codat = launch(latency=0.03, ignore_idempotency=True, second_connection="allow", seed=seed)
    fixture = set_up(codat)
    ids = fixture.customers(CUSTOMERS)
    codat.inject_faults(*NOISE)
    chance = random.Random(seed)  # noqa: S311 - repeatable, not a secret

    kills, is_done = kill_repeatedly(fixture, chance, kills=6, requests=25)

    assert is_done or fixture.run("--timeout", "5").code == 0
    codat.clear_faults()
    assert kills > 0
    fixture.assert_once_only(ids)
    fixture.codat.count_from_zero()
    assert fixture.run().code == 0
    assert codat.posts() == 0


def test_a_second_ctrl_c_ends_a_run_at_once_and_loses_nothing(launch: Launch, set_up: SetUp) -> None:
    """It does not wait for requests in flight; the next run looks them up."""
    codat = launch(ignore_idempotency=True, second_connection="allow")
    fixture = set_up(codat)
    ids = fixture.customers(12)
    codat.inject_faults({"kind": "stall_after", "operations": ["create_company"], "count": 3})
    process = fixture.start("--concurrency", "3", "--timeout", "3600")
    until(lambda: len(codat.companies()) == 3, "three companies without a response")

    process.send_signal(signal.SIGINT)
    until(lambda: "Stopping" in process.stderr_so_far(), "a message about the first signal")
    assert process.popen.poll() is None
    process.send_signal(signal.SIGINT)

    assert process.wait().code == 130
    assert fixture.run().code == 0
    fixture.assert_once_only(ids)


def test_a_run_pauses_while_codat_is_down_and_continues_when_it_is_back(launch: Launch, set_up: SetUp) -> None:
    """It reports the outage, finishes every customer, and duplicates nothing that was in flight."""
    codat = launch(latency=0.1)
    fixture = set_up(codat)
    ids = fixture.customers(60)
    process = fixture.start("--concurrency", "5", "--timeout", "5")
    until(lambda: codat.stats()["requests_total"] >= 30, "half of the requests")
    assert codat.running.process is not None
    codat.running.process.kill()
    codat.running.process.wait()

    until(lambda: "Codat is unreachable" in process.stderr_so_far(), "a message about the outage")
    with start(codat.running.folder.path) as back:
        assert back.base_url == codat.base_url
        ended = process.wait()
        assert ended.code == 0
        assert "Waiting until" in ended.err
        BatchFixture(fixture.path, Codat(back)).assert_once_only(ids)


def test_a_second_run_on_a_folder_is_refused_and_sends_nothing(launch: Launch, set_up: SetUp) -> None:
    """The first continues undisturbed."""
    codat = launch()
    fixture = set_up(codat)
    ids = fixture.customers(20)
    with codat.holding(after=2) as wait_until_held:
        first = fixture.start("--concurrency", "2", "--timeout", "240")
        wait_until_held()

        second = fixture.run()

    assert second.code == 2
    assert "Another run works" in second.err
    assert first.wait().code == 0
    assert codat.posts() == 2 * len(ids)
    fixture.assert_once_only(ids)


def test_a_renamed_folder_is_the_same_batch(codat: Codat, fixture: BatchFixture) -> None:
    """It contains the journal, which has the companies."""
    ids = fixture.customers(5)
    assert fixture.run().code == 0
    renamed: Path = fixture.folder.rename(fixture.folder.with_name("spring"))
    codat.count_from_zero()

    assert fixture.run("--batch", "spring").code == 0

    assert codat.stats()["requests_total"] == 0
    renamed.rename(fixture.folder)
    fixture.assert_once_only(ids)
