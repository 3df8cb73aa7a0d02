"""The first 500 stories; and the simulation itself: a seed repeats to the letter, and a broken rule is noticed."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable
from typing import Any

import pytest

from bulk.codat import limits, throttle
from bulk.engine import changes, process, retry
from bulk.engine.retry import Decision, LookUp, Policy, Send, Wait
from simulation.__main__ import Failed, attempt, seeds
from simulation.scenario import tell

STORIES = 500
A_PART = 50  # stories: the parts run at the same time
MOST = 150  # stories in which a broken rule must have been noticed


@pytest.mark.parametrize("first", range(0, STORIES, A_PART))
def test_whatever_happens_in_a_migration_of_days_the_promises_hold(first: int) -> None:
    """What a seed that fails prints can be had again with: make simulate SEED=<seed>."""
    for seed in range(first, first + A_PART):
        outcome = attempt(seed)
        assert not isinstance(outcome, Failed), f"{outcome.story}\nseed {seed}: {outcome.what}"


def test_a_seed_tells_the_same_story_each_time() -> None:
    """To the letter, with every time and every key: else a failure could not be replayed."""
    for seed in range(12):
        assert tell(seed) == tell(seed)


def test_seeds_are_given_as_a_number_a_range_or_one() -> None:
    """As the Makefile hands them on."""
    assert (seeds("500"), seeds("1000-1999"), seeds("7-7")) == (range(500), range(1000, 2000), range(7, 8))


real_decide = retry.decide


def _never_looks(known: retry.AttemptHistory, policy: Policy, now: float, **run: float) -> Decision:
    return Send(known.key, known.body) if policy is Policy.CREATE else _decide(known, policy, now, **run)


def _never_settles(known: retry.AttemptHistory, policy: Policy, now: float, **run: float) -> Decision:
    decision = _decide(known, policy, now, **run)
    return LookUp() if isinstance(decision, Wait) and policy is Policy.CREATE else decision


def _always_looks(known: retry.AttemptHistory, policy: Policy, now: float, **run: float) -> Decision:
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
        # what is in doubt is sent again without a look
        (retry, "decide", _never_looks, 0, "created twice"),
        # a key is never repeated
        (process, "WITH_KEY", (), 0, "created twice"),
        # nobody waits until what was lost must be over
        (retry, "decide", _never_settles, 660, "created twice"),
        # a Retry-After is not kept to
        (limits.Limits, "hold_for", lambda *_: None, 0, "before a Retry-After ends"),
        # requests wait for nothing of the rate
        (throttle.Throttle, "__init__", _at_any_rate, 40, "in a minute"),
        # a company is deleted without a look right before
        (retry, "_decide_deletion", lambda *_, **__: Send(), 0, "has not looked at it"),
        # what an answer brings is not written down
        (changes, "company_created", lambda _: {}, 0, "created twice"),
        # where it is not in doubt at all, it is looked for first
        (retry, "decide", _always_looks, 0, "needed"),
    ],
)
def test_a_broken_rule_is_noticed(
    monkeypatch: pytest.MonkeyPatch, where: Any, name: str, instead: Callable[..., Any], first: int, noticed: str
) -> None:
    """The engine has no hand-in for its rules, and should have none. `first`: near a story that notices it."""
    monkeypatch.setattr(where, name, instead)
    outcomes = map(attempt, itertools.count(first))
    found = next((each for each in itertools.islice(outcomes, MOST) if isinstance(each, Failed)), None)
    assert found is not None, f"{MOST} stories have noticed nothing"
    assert noticed in found.what, found.what


def test_a_story_ends_with_all_that_there_is_to_know() -> None:
    """How many runs, requests and days it took."""
    reported = tell(1)
    assert all(getattr(reported, each.name) is not None for each in dataclasses.fields(reported))
    assert reported.runs >= 6
    assert reported.days > 2
