"""Scenarios; and the simulation itself: a seed repeats exactly, and a broken rule is noticed.

`make test` runs the first 100 scenarios, and `make test-all` 400 more: SCENARIOS is a number or a range of seeds.
"""

from __future__ import annotations

import dataclasses
import itertools
import os
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from bulk.codat import limits, throttle
from bulk.engine import changes, conflicts, process, retry
from bulk.engine.retry import Decision, LookUp, Policy, Send, Wait
from bulk.journal import damage
from simulation import ledger
from simulation.__main__ import Failed, attempt, counted, seeds
from simulation.ledger import STATES, Row, Story, read_histories
from simulation.scenario import run_scenario

SCENARIOS = seeds(os.environ.get("SCENARIOS", "100"))
A_PART = 25  # scenarios: the parts run in parallel
MOST = 150  # scenarios within which a broken rule must be noticed


@pytest.mark.parametrize("first", range(SCENARIOS.start, SCENARIOS.stop, A_PART))
def test_the_guarantees_hold_in_every_scenario(first: int) -> None:
    """A seed that fails can be repeated with: make simulate SEED=<seed>."""
    for seed in range(first, min(first + A_PART, SCENARIOS.stop)):
        outcome = attempt(seed)
        assert not isinstance(outcome, Failed), f"{outcome.trace}\nseed {seed}: {outcome.message}"


def test_a_seed_repeats_the_same_scenario() -> None:
    """Every time and every key is the same, so a failure can be repeated."""
    for seed in range(4):
        assert run_scenario(seed) == run_scenario(seed)


def test_seeds_are_a_number_or_a_range() -> None:
    """The Makefile passes both forms."""
    assert (seeds("500"), seeds("1000-1999"), seeds("7-7")) == (range(500), range(1000, 2000), range(7, 8))


real_decide = retry.decide


def _never_looks_up(known: retry.AttemptHistory, policy: Policy, now: float, **run: float) -> Decision:
    return Send(known.key, known.body) if policy is Policy.CREATE else _decide(known, policy, now, **run)


def _never_settles(known: retry.AttemptHistory, policy: Policy, now: float, **run: float) -> Decision:
    decision = _decide(known, policy, now, **run)
    return LookUp() if isinstance(decision, Wait) and policy is Policy.CREATE else decision


def _always_looks_up(known: retry.AttemptHistory, policy: Policy, now: float, **run: float) -> Decision:
    decision = _decide(known, policy, now, **run)
    is_first = isinstance(decision, Send) and known == retry.AttemptHistory()
    return LookUp() if is_first and policy is Policy.CREATE else decision


def _decide(known: retry.AttemptHistory, policy: Policy, now: float, **run: float) -> Decision:
    return real_decide(known, policy, now, run=int(run["run"]), timeout=run["timeout"])


real_throttle = throttle.Throttle.__init__


def _at_any_rate(self: throttle.Throttle, *, rate: int, **options: Any) -> None:
    real_throttle(self, rate=1000 * rate, **options)


@pytest.mark.parametrize(
    ("where", "name", "instead", "first", "noticed"),
    [
        # an uncertain request is sent again without a look-up
        (retry, "decide", _never_looks_up, 9, "created twice"),
        # a key is never repeated
        (process, "WITH_KEY", (), 9, "created twice"),
        # a look-up does not wait until a lost request must have ended
        (retry, "decide", _never_settles, 319, "created twice"),
        # a Retry-After is ignored
        (limits.Limits, "hold_for", lambda *_: None, 13, "before a Retry-After ends"),
        # requests do not wait for the rate
        (throttle.Throttle, "__init__", _at_any_rate, 124, "in a minute"),
        # a company is deleted without a look-up just before
        (retry, "_decide_deletion", lambda *_, **__: Send(), 56, "has not looked at it"),
        # the result of a response is not recorded
        (changes, "company_created", lambda *_, **__: {}, 0, "created twice"),
        # a company of another name counts as the customer's
        (conflicts, "of_name", lambda *_: None, 24, "has the link of"),
        # a damaged name is sent
        (damage, "hold", lambda *_: set(), 29, "nobody has accepted it"),
        # a request that is not uncertain is looked up first
        (retry, "decide", _always_looks_up, 0, "needed"),
    ],
)
def test_a_broken_rule_is_noticed(
    monkeypatch: pytest.MonkeyPatch, where: Any, name: str, instead: Callable[..., Any], first: int, noticed: str
) -> None:
    """The test replaces a rule of the engine. `first` is a seed shortly before one that notices the change."""
    monkeypatch.setattr(where, name, instead)
    outcomes = map(attempt, itertools.count(first))
    found = next((each for each in itertools.islice(outcomes, MOST) if isinstance(each, Failed)), None)
    assert found is not None, f"{MOST} scenarios have noticed nothing"
    assert noticed in found.message, found.message


def test_the_ledger_names_sixty_rare_states_and_reaches_many_of_them_soon() -> None:
    """The first scenarios reach the more frequent ones. `make simulate` counts them all."""
    assert len(set(STATES)) == len(STATES) >= 60
    reached = {state for seed in range(15) for state in run_scenario(seed).states}
    assert reached <= set(STATES)
    assert len(reached) >= 15


def test_the_ledger_reads_the_requests_for_a_customer() -> None:
    """The keys of each step are numbered, and a request without an outcome is one of a killed run."""
    rows: list[Row] = [
        (1, "company", "create_company", "a", None, None, 1),
        (1, "company", "list_companies", None, "not_found", 200, 2),
        (1, "company", "create_company", "a", "done", 200, 2),
        (2, "company", "create_company", "b", "server_error", 500, 2),
        (2, "company", "create_company", "c", "done", 200, 2),
    ]
    histories = read_histories(rows)
    assert histories == [
        "company:k0:none: || company:list_companies:not_found:200 | company:k0:done:200",
        "company:k0:server_error:500 | company:k1:done:200",
    ]
    reached = ledger.reached(Story(histories, ["other_name decided: accept", "journal lost"], []))
    assert reached == {
        "key replayed after a look-up",
        "request of a killed run not found",
        "next key after a 5xx",
        "conflict accepted",
        "conflict accepted, then journal lost",
    }


def test_states_that_are_seldom_reached_are_listed() -> None:
    """A state counts as tested from the tenth time on."""
    often = Counter(dict.fromkeys(STATES, 10))
    assert counted(often) == [f"{len(STATES)} of {len(STATES)} rare states were reached at least 10 times"]
    assert counted(often - Counter({"journal lost twice": 1}))[1:] == ["       9  journal lost twice"]


def test_a_scenario_returns_its_figures() -> None:
    """The figures include runs, requests and days."""
    result = run_scenario(1)
    assert all(getattr(result, each.name) is not None for each in dataclasses.fields(result))
    assert result.runs >= 6
    assert result.days > 2
