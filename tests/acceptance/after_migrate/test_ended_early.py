"""Commands after `migrate` that are killed with kill -9 again and again until they finish."""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from support.runs import BatchFixture, Codat
from support.sandbox import start

from acceptance.kills import kill_repeatedly
from acceptance.trials import run_all
from bulk.sandbox.options import Options

CUSTOMERS = 16
MAX_KILLS = 4
MAX_RUNS = 4  # after the kills
CARELESS = Options(
    rate=0, daily_limit=0, latency=0.03, ignore_idempotency=True, second_connection="allow", second_partner="allow"
)
NOISE: list[dict[str, object]] = [
    {"kind": "reset_before", "probability": 0.04},
    {"kind": "reset_after", "probability": 0.04},
    {"kind": "gateway_after", "probability": 0.04},
    {"kind": "truncated", "probability": 0.04},
]


def _kill_repeatedly(fixture: BatchFixture, command: str, options: tuple[str, ...], chance: random.Random) -> int:
    """Kill the command repeatedly, and then let it finish; return the number of kills."""
    kills, is_done = kill_repeatedly(fixture, chance, *options, command=command, kills=MAX_KILLS, requests=8)
    for _ in range(MAX_RUNS):
        if is_done:
            return kills
        ended = fixture.start(*options, "--timeout", "5", "--concurrency", "4", command=command).wait()
        is_done = ended.code == 0
    assert is_done, f"{command} is not done after {MAX_RUNS} more runs"
    return kills


def _follow_up(fixture: BatchFixture, ids: list[str], chance: random.Random) -> None:
    fixture.codat.authorize(ids[:-4])
    fixture.codat.inject_faults(*NOISE)
    kills = _kill_repeatedly(fixture, "follow-up", (), chance)
    fixture.codat.clear_faults()
    assert kills > 0
    partners = [[c.kind for c in there].count("Expense") for there in fixture.codat.connections(ids).values()]
    assert partners == [1] * (CUSTOMERS - 4) + [0] * 4
    fixture.assert_reports_match(ids)
    fixture.assert_links_open(ids[-4:])


def _links(fixture: BatchFixture, ids: list[str], chance: random.Random) -> None:
    fixture.let_hours_pass(23)
    fixture.codat.inject_faults(*NOISE)
    kills = _kill_repeatedly(fixture, "links", (), chance)
    fixture.codat.clear_faults()
    assert kills > 0
    fixture.assert_links_open(ids)
    fixture.assert_reports_match(ids)
    fixture.codat.count_from_zero()
    assert fixture.then("links").code == 0
    assert fixture.codat.stats()["requests_total"] == 0


def _unlink(fixture: BatchFixture, ids: list[str], chance: random.Random) -> None:
    fixture.codat.authorize(ids)
    named = [part for each in ids[:-3] for part in ("--customer", each)]
    fixture.codat.inject_faults(*NOISE)
    kills = _kill_repeatedly(fixture, "unlink", tuple(named), chance)
    fixture.codat.clear_faults()
    assert kills > 0
    there = fixture.codat.connections(ids)
    assert [there[each][0].status for each in ids] == ["Unlinked"] * (CUSTOMERS - 3) + ["Linked"] * 3
    assert fixture.then("follow-up").code == 0
    fixture.assert_reports_match(ids)


def _undo(fixture: BatchFixture, ids: list[str], chance: random.Random) -> None:
    fixture.codat.authorize(ids[:3])
    fixture.codat.inject_faults(*NOISE)
    kills = _kill_repeatedly(fixture, "undo", ("--yes",), chance)
    fixture.codat.clear_faults()
    assert kills > 0
    assert sorted(each["tags"]["uid"] for each in fixture.codat.companies()) == ids[:3]
    assert fixture.then("follow-up").code == 0
    fixture.assert_reports_match(ids[:3])
    assert fixture.states() == {"complete": 3, "pending": CUSTOMERS - 3}
    assert fixture.run("--again").code == 0  # a company that was deleted by mistake is created again, once
    assert sorted(each["tags"]["uid"] for each in fixture.codat.companies()) == ids


TRIALS: dict[str, Callable[[BatchFixture, list[str], random.Random], None]] = {
    "follow-up": _follow_up,
    "links": _links,
    "unlink": _unlink,
    "undo": _undo,
}


@pytest.mark.long
def test_a_command_killed_at_random_moments_finishes_and_does_nothing_twice(tmp_path: Path) -> None:
    """Faults happen as well, and the sandbox ignores keys: one partner each, links that open, and nothing lost."""
    seed = int(os.environ.get("RUNS_SEED", random.SystemRandom().randrange(2**32)))
    print(f"RUNS_SEED={seed}")  # noqa: T201 - shown by pytest where a test fails, so that it can be repeated

    def tried(command: str) -> None:
        path = tmp_path / command
        path.mkdir()
        with start(path / "codat", options=CARELESS) as running:
            fixture = BatchFixture(path, Codat(running))
            try:
                ids = fixture.customers(CUSTOMERS)
                assert fixture.run().code == 0
                TRIALS[command](fixture, ids, random.Random(f"{seed} {command}"))  # noqa: S311 - repeatable, not a secret
            finally:
                fixture.stop_processes()

    run_all({command: partial(tried, command) for command in TRIALS}, at_once=len(TRIALS))
