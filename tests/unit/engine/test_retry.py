"""The next decision for a step, for every history of its attempts."""

from __future__ import annotations

import random

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bulk.engine import retry
from bulk.engine.retry import (
    KEY_LIFETIME,
    MAX_WORK,
    SETTLING,
    SETTLING_AFTER_KEPT_CONFLICT,
    SETTLING_AFTER_SERVER_ERROR,
    Decision,
    GiveUp,
    LookUp,
    Policy,
    Send,
    Wait,
)
from bulk.model import Attempt, Outcome

NOW = 1_000_000.0
RUN = 2  # the run that decides; attempts without a run belong to an earlier one
TIMEOUT = 10.0
O = Outcome  # noqa: E741 - as short as the tables need


def request(
    outcome: Outcome | None,
    *,
    key: str | None = "k",
    ago: float = 60.0,
    status: int | None = None,
    run: int = 1,
    body: str | None = "{}",
    correlation_id: str | None = None,
) -> Attempt:
    """Return a request that left this many seconds ago."""
    return Attempt("company", key, body, NOW - ago, outcome, status, run, correlation_id)


def look_up(outcome: Outcome, *, ago: float = 30.0, run: int = 1) -> Attempt:
    """Return a look-up."""
    return Attempt("company", None, None, NOW - ago, outcome, run=run)


def deletion(outcome: Outcome | None, *, ago: float = 50.0, run: int = RUN) -> Attempt:
    """Return a deletion, or the look-up before it: neither has a key."""
    return Attempt("delete", None, None, NOW - ago, outcome, run=run)


def decide(
    attempts: list[Attempt],
    policy: Policy = Policy.CREATE,
    *,
    step: str = "company",
    may_exist: bool = False,
    later: float = 0.0,
) -> Decision:
    """Return the decision for a step with these attempts, the oldest first."""
    known = retry.history(attempts, step, may_exist=may_exist)
    return retry.decide(known, policy, NOW + later, run=RUN, timeout=TIMEOUT)


AGAIN, NEW = Send("k", "{}"), Send()


@pytest.mark.parametrize(
    ("attempts", "decision"),
    [
        ([], NEW),  # nothing was requested
        ([request(O.UNKNOWN)], LookUp()),  # no response
        ([request(None)], LookUp()),  # the process ended
        ([request(O.SERVER_ERROR)], LookUp()),  # a 5xx
        ([request(O.UNKNOWN, ago=SETTLING / 2)], Wait(NOW + SETTLING / 2)),  # it may still be at work
        ([request(O.SERVER_ERROR, ago=0)], Wait(NOW + SETTLING_AFTER_SERVER_ERROR)),  # only the look-up protects
        ([request(O.UNKNOWN, ago=-3600)], LookUp()),  # the clock was set back: no request waits for an hour
        ([request(O.UNKNOWN), look_up(O.NOT_FOUND)], AGAIN),  # it does not exist: the same key
        ([request(O.UNKNOWN, ago=-3600), look_up(O.NOT_FOUND, ago=0)], AGAIN),  # the clock was set back before that
        # or after it: the age of the key is unknown
        ([request(O.UNKNOWN, ago=-3600), look_up(O.NOT_FOUND, ago=-3610)], LookUp()),
        # then it ran for hours
        ([request(O.UNKNOWN, ago=KEY_LIFETIME), look_up(O.NOT_FOUND, ago=2 * KEY_LIFETIME)], LookUp()),
        ([request(O.RATE_LIMITED, ago=-3600)], AGAIN),  # nothing was done, and the clock was set back
        ([request(O.UNKNOWN, ago=KEY_LIFETIME + 60), look_up(O.NOT_FOUND)], NEW),  # the key is forgotten
        ([request(O.SERVER_ERROR), look_up(O.NOT_FOUND)], NEW),  # the key would replay the 5xx
        ([request(O.UNKNOWN), look_up(O.UNKNOWN)], LookUp()),  # the look-up failed: look up again
        ([request(O.UNKNOWN), look_up(O.NOT_FOUND), request(O.UNKNOWN)], LookUp()),  # lost once more
        ([request(O.UNKNOWN, status=502), look_up(O.NOT_FOUND)], AGAIN),  # a gateway's page
        (  # and another
            [
                *(request(O.UNKNOWN, status=502), look_up(O.NOT_FOUND)),
                *(request(O.UNKNOWN, status=502), look_up(O.NOT_FOUND)),
            ],
            NEW,
        ),
        ([request(O.RATE_LIMITED)], AGAIN),  # a 429: nothing was done
        ([request(O.RATE_LIMITED, ago=KEY_LIFETIME)], NEW),  # and long ago
        ([request(O.NOT_SENT)], AGAIN),  # it never left
        ([request(O.REJECTED)], NEW),  # nothing was done, and its response is kept under the key
        ([request(O.FATAL)], NEW),  # as above
        # perhaps the echo of the lost request
        ([request(O.UNKNOWN), look_up(O.NOT_FOUND), request(O.REJECTED)], LookUp()),
        ([request(O.UNKNOWN), look_up(O.NOT_FOUND), request(O.REJECTED), look_up(O.NOT_FOUND)], NEW),  # it was not
        # the lost request may have been done since the look-up
        ([request(O.UNKNOWN), look_up(O.NOT_FOUND), request(O.FATAL)], LookUp()),
        ([request(O.UNKNOWN), look_up(O.NOT_FOUND), request(O.FATAL), look_up(O.NOT_FOUND)], NEW),  # it was not
        ([request(O.UNKNOWN, key="a"), request(O.RATE_LIMITED, key="b")], LookUp()),  # a doubt outlives its key
    ],
)
def test_each_history_has_one_next_decision(attempts: list[Attempt], decision: Decision) -> None:
    """The rule of once only, and the rules of keys."""
    assert decide(attempts) == decision


CONFLICTS = [request(O.CONFLICT, ago=MAX_WORK + 60), request(O.CONFLICT, ago=60)]  # and the first has ended
AT_WORK = [request(O.CONFLICT, ago=70), request(O.CONFLICT, ago=60)]


@pytest.mark.parametrize(
    ("attempts", "decision"),
    [
        ([request(O.CONFLICT)], AGAIN),  # the key is at work: the same key once
        (CONFLICTS, LookUp()),  # Codat may keep the 409
        (  # the other request may still be at work, and the key cannot be repeated
            [request(O.CONFLICT, ago=3), request(O.CONFLICT, ago=1)],
            Wait(NOW - 1 + SETTLING_AFTER_SERVER_ERROR),
        ),
        ([*CONFLICTS, look_up(O.NOT_FOUND)], NEW),
        ([*CONFLICTS, look_up(O.UNKNOWN)], LookUp()),
        (AT_WORK, LookUp()),
        ([*AT_WORK, look_up(O.NOT_FOUND)], AGAIN),  # its first request may be at work: the next key makes a second one
        ([request(O.UNKNOWN, ago=MAX_WORK + 80), look_up(O.NOT_FOUND), *CONFLICTS, look_up(O.NOT_FOUND)], NEW),
        # a request that was lost later than that may be at work
        ([request(O.UNKNOWN, ago=MAX_WORK + 40), look_up(O.NOT_FOUND), *CONFLICTS, look_up(O.NOT_FOUND)], AGAIN),
        # the key is old, but a copy of the batch may have begun to use it right before the first 409
        ([request(O.RATE_LIMITED, ago=MAX_WORK + 90), *AT_WORK, look_up(O.NOT_FOUND)], AGAIN),
        (
            [*CONFLICTS, look_up(O.NOT_FOUND), request(O.CONFLICT, key="k2")],
            Send("k2", "{}"),
        ),  # each key is tried twice
        ([request(O.CONFLICT), request(O.RATE_LIMITED), request(O.CONFLICT)], LookUp()),  # they need not be neighbours
        ([request(O.CONFLICT, ago=KEY_LIFETIME + 60)], LookUp()),  # the other request may have been done since
        ([request(O.CONFLICT, ago=KEY_LIFETIME + 60), look_up(O.NOT_FOUND)], NEW),
        (  # two pages of a gateway do not spend a key that is at work
            [request(O.CONFLICT), *[request(O.UNKNOWN, status=502), look_up(O.NOT_FOUND)] * 2],
            AGAIN,
        ),
        (
            [request(O.CONFLICT, ago=MAX_WORK + 60), *[request(O.UNKNOWN, status=502), look_up(O.NOT_FOUND)] * 2],
            NEW,
        ),
        ([request(O.CONFLICT), request(O.REJECTED)], LookUp()),  # perhaps the echo of the other request
        ([request(O.CONFLICT), request(O.REJECTED), look_up(O.NOT_FOUND)], NEW),
    ],
)
def test_a_second_conflict_under_a_key_is_looked_up_and_the_next_key_is_used(
    attempts: list[Attempt], decision: Decision
) -> None:
    """A copy of the batch computes the same keys, so the request that is at work may be its own."""
    assert decide(attempts) == decision


def conflict(correlation_id: str | None, *, ago: float, key: str = "k") -> Attempt:
    """Return a request that got a 409."""
    return request(O.CONFLICT, ago=ago, key=key, correlation_id=correlation_id)


KEPT = [conflict("c1", ago=70), conflict("c1", ago=65)]
LOST = request(O.UNKNOWN, ago=100)


@pytest.mark.parametrize(
    ("attempts", "decision"),
    [
        # the same response twice: Codat keeps it, so the key's request has ended
        ([*KEPT, look_up(O.NOT_FOUND, ago=0)], NEW),
        (KEPT, LookUp()),
        # but not at once: the look-up is the proof
        ([conflict("c1", ago=3), conflict("c1", ago=1)], Wait(NOW - 1 + SETTLING_AFTER_KEPT_CONFLICT)),
        # two responses: the key's request is running
        ([conflict("c1", ago=70), conflict("c2", ago=65), look_up(O.NOT_FOUND, ago=0)], AGAIN),
        ([conflict(None, ago=70), conflict(None, ago=65), look_up(O.NOT_FOUND, ago=0)], AGAIN),  # who knows?
        ([conflict("c1", ago=70), conflict("c2", ago=68), conflict("c2", ago=65), look_up(O.NOT_FOUND, ago=0)], NEW),
        # a request without a response may be running, whatever Codat keeps
        ([LOST, look_up(O.NOT_FOUND, ago=90), *KEPT, look_up(O.NOT_FOUND, ago=0)], AGAIN),
        # the next key has 409s of its own
        ([*KEPT, look_up(O.NOT_FOUND, ago=9), conflict("c1", ago=8, key="k2")], Send("k2", "{}")),
    ],
)
def test_a_409_that_codat_keeps_is_looked_up_after_a_minute_and_the_next_key_is_used(
    attempts: list[Attempt], decision: Decision
) -> None:
    """A kept response has the same correlation id each time; that of a running request has another."""
    assert decide(attempts) == decision


def mismatch(*, key: str = "k", ago: float = 60.0, run: int = RUN, body: str | None = "{}") -> Attempt:
    """Return a request that Codat answered with 422."""
    return request(O.REJECTED, key=key, ago=ago, status=422, run=run, body=body)


@pytest.mark.parametrize(
    ("attempts", "decision"),
    [
        ([mismatch()], LookUp()),  # the key may belong to a request with another body
        ([mismatch(ago=1)], Wait(NOW - 1 + SETTLING_AFTER_SERVER_ERROR)),  # which may still be at work
        ([mismatch(), look_up(O.UNKNOWN, run=RUN)], LookUp()),  # the look-up failed
        ([mismatch(), look_up(O.RATE_LIMITED, run=RUN)], LookUp()),
        ([mismatch(), look_up(O.NOT_FOUND, run=RUN)], NEW),  # the next key, in the same run
        ([mismatch(), look_up(O.NOT_FOUND), request(O.UNKNOWN, key="k2")], LookUp()),
        ([mismatch(), look_up(O.NOT_FOUND), request(O.RATE_LIMITED, key="k2")], Send("k2", "{}")),
        ([mismatch(), look_up(O.NOT_FOUND), mismatch(key="k2")], GiveUp()),  # a second one is about the row
        ([mismatch(), look_up(O.NOT_FOUND), mismatch(key="k2", run=1)], NEW),  # and another run may try again
        ([mismatch(body=None)], GiveUp()),  # it has no body that could be another
        # after a doubt, the second one may be the echo of the doubtful request
        ([mismatch(), look_up(O.NOT_FOUND), request(O.UNKNOWN, key="k2"), mismatch(key="k2")], LookUp()),
    ],
)
def test_the_first_422_of_a_request_is_looked_up_and_the_next_key_is_used(
    attempts: list[Attempt], decision: Decision
) -> None:
    """The same key with another body is a 422; a row that is wrong is one as well."""
    assert decide(attempts) == decision


REJECTED = request(O.REJECTED, run=RUN, status=400)
DOUBTFUL = [request(O.UNKNOWN), look_up(O.NOT_FOUND), REJECTED]


@pytest.mark.parametrize(
    ("attempts", "decision"),
    [
        ([REJECTED], GiveUp()),  # in this run
        ([request(O.REJECTED, status=400)], NEW),  # in an earlier one, and a person wants another try
        ([request(O.FATAL, run=RUN)], NEW),  # the key or the account, not the row
        ([*DOUBTFUL], LookUp()),  # not before it is certain that nothing exists
        ([*DOUBTFUL, look_up(O.UNKNOWN, run=RUN)], LookUp()),  # a lost look-up proves nothing
        ([*DOUBTFUL, look_up(O.RATE_LIMITED, run=RUN)], LookUp()),  # a look-up that was not done proves nothing either
        ([*DOUBTFUL, look_up(O.SERVER_ERROR, run=RUN)], LookUp()),
        ([*DOUBTFUL, look_up(O.NOT_SENT, run=RUN)], LookUp()),
        ([*DOUBTFUL, look_up(O.NOT_FOUND, run=RUN)], GiveUp()),
        ([*DOUBTFUL, look_up(O.REJECTED, run=RUN)], GiveUp(nothing_exists=False)),  # it cannot be looked up
        ([request(O.UNKNOWN), look_up(O.REJECTED, run=RUN)], GiveUp(nothing_exists=False)),
        ([request(O.UNKNOWN), look_up(O.REJECTED)], LookUp()),  # in an earlier run
        (  # it was looked up again because the key is forgotten: the request may have been done since
            [
                request(O.UNKNOWN, ago=KEY_LIFETIME + 60),
                look_up(O.NOT_FOUND, ago=KEY_LIFETIME + 30),
                look_up(O.REJECTED, ago=1, run=RUN),
            ],
            GiveUp(nothing_exists=False),
        ),
    ],
)
def test_a_rejection_in_this_run_ends_the_step_and_the_next_run_uses_the_next_key(
    attempts: list[Attempt], decision: Decision
) -> None:
    """Only `--retry-failed` brings a failed customer into another run."""
    assert decide(attempts) == decision


OUTCOMES = [*(each for each in Outcome if each not in (O.FOUND, O.NOT_FOUND)), None]  # those two are of look-ups
PAST = st.sampled_from([60.0, 1000.0, 3000.0])  # seconds, in any order: clocks are set
REQUESTS = st.builds(
    request,
    st.sampled_from(OUTCOMES),
    key=st.sampled_from("ab"),
    ago=PAST,
    status=st.sampled_from([None, 200, 422, 502]),
    run=st.sampled_from([1, RUN]),
)
LOOK_UPS = st.builds(
    look_up,
    st.sampled_from([O.NOT_FOUND, O.UNKNOWN, O.RATE_LIMITED, O.NOT_SENT, O.REJECTED]),
    ago=PAST,
    run=st.sampled_from([1, RUN]),
)
HISTORIES = st.lists(REQUESTS | LOOK_UPS, max_size=8)
AGES = st.floats(0, 3 * KEY_LIFETIME)


def last(attempts: list[Attempt], *, is_look_up: bool, outcomes: tuple[Outcome | None, ...]) -> int:
    """Return the place of the last request or look-up with one of these outcomes; -1 if there is none."""
    places = (n for n, a in enumerate(attempts) if (a.key is None) is is_look_up and a.outcome in outcomes)
    return max(places, default=-1)


@given(HISTORIES, AGES)
@example([*DOUBTFUL, look_up(O.RATE_LIMITED, run=RUN)], 0.0)
def test_nothing_is_sent_or_given_up_while_a_request_in_doubt_was_not_looked_up(
    attempts: list[Attempt], later: float
) -> None:
    """Other requests do not change this, nor does the time. Only a later request that was done is an exception."""
    last_doubt = last(attempts, is_look_up=False, outcomes=(None, O.UNKNOWN, O.SERVER_ERROR))
    last_not_found = last(attempts, is_look_up=True, outcomes=(O.NOT_FOUND,))
    last_done = last(attempts, is_look_up=False, outcomes=(O.DONE,))
    if last_doubt > max(last_not_found, last_done):
        decision = decide(attempts, later=later)
        if attempts[-1].outcome is O.REJECTED and attempts[-1].key is None and attempts[-1].run == RUN:
            assert decision == GiveUp(nothing_exists=False), "the look-up itself was rejected"
        else:
            assert isinstance(decision, LookUp | Wait)


@given(HISTORIES, AGES)
@example([request(O.SERVER_ERROR), request(O.DONE), request(O.RATE_LIMITED)], 0.0)
@example([request(O.SERVER_ERROR), request(O.REJECTED), request(O.RATE_LIMITED), look_up(O.NOT_FOUND)], 0.0)
def test_no_forgotten_or_spent_key_is_repeated(attempts: list[Attempt], later: float) -> None:
    """Codat replays a response that it keeps; a forgotten key protects from nothing."""
    decision = decide(attempts, later=later)
    if isinstance(decision, Send) and decision.key is not None:
        assert later < KEY_LIFETIME
        requests = [a for a in attempts if a.key is not None]
        newest = [a for a in requests[::-1] if a.key == decision.key]
        since = next((n for n, a in enumerate(requests[::-1]) if a.key != decision.key), len(requests))
        outcomes = [a.outcome for a in newest[:since]]
        assert not {O.SERVER_ERROR, O.REJECTED, O.FATAL, O.DONE} & set(outcomes)
        conflicts = [a.sent_at for a in newest[:since] if a.outcome is O.CONFLICT]
        is_at_work = O.UNKNOWN in outcomes or None in outcomes
        assert len(conflicts) < retry.MAX_CONFLICTS or is_at_work or conflicts[0] < conflicts[-1] + MAX_WORK


@given(HISTORIES, AGES)
def test_a_step_is_given_up_only_after_a_rejection_in_this_run(attempts: list[Attempt], later: float) -> None:
    """A passing fault or a rejection of an earlier run does not end it."""
    if isinstance(decide(attempts, later=later), GiveUp):
        assert any(a.outcome is O.REJECTED and a.run == RUN for a in attempts)


def test_pauses_grow_to_a_minute_and_differ_between_customers() -> None:
    """So customers who failed together do not come back together."""
    rng = random.Random(1)  # noqa: S311 - not a secret
    pauses = [retry.backoff(tries, rng) for tries in range(1, 12)]
    assert all(0.5 * min(2**n, 60) <= pause <= min(2**n, 60) for n, pause in enumerate(pauses))
    assert not retry.is_worth_another_try(retry.MAX_TRIES, 0.0)
    assert not retry.is_worth_another_try(1, retry.MAX_EFFORT)


@pytest.mark.parametrize("outcome", [O.CONFLICT, O.RATE_LIMITED, O.NOT_SENT])
def test_a_look_up_during_the_life_of_a_key_is_repeated_once_the_key_is_forgotten(outcome: Outcome) -> None:
    """The request in doubt may still have been at work at the look-up, and be done now."""
    attempts = [
        request(O.UNKNOWN, ago=KEY_LIFETIME + 60),
        look_up(O.NOT_FOUND, ago=KEY_LIFETIME + 30),
        request(outcome, ago=KEY_LIFETIME),
    ]
    assert decide(attempts) == LookUp()
    assert decide([*attempts, look_up(O.NOT_FOUND, ago=10)]) == NEW


@pytest.mark.parametrize("policy", [Policy.CREATE, Policy.CHANGE])
@pytest.mark.parametrize("outcome", [O.DONE, O.FOUND])
@pytest.mark.parametrize(
    "then",
    [
        [],  # nothing was requested since
        [request(O.REJECTED, key="b")],  # or nothing that is of use now
    ],
)
def test_a_done_request_is_over_and_the_next_of_its_kind_has_another_key(
    outcome: Outcome, then: list[Attempt], policy: Policy
) -> None:
    """A customer that was unlinked and has linked again can be unlinked again: the old key replays the old response."""
    done = request(O.DONE) if outcome is O.DONE else look_up(O.FOUND)
    assert decide([request(O.UNKNOWN), done, *then], policy) == NEW


@pytest.mark.parametrize(
    ("attempts", "decision"),
    [
        ([], LookUp()),  # adopted, and this journal did not request it
        ([look_up(O.UNKNOWN)], LookUp()),  # the look-up failed
        ([look_up(O.NOT_FOUND)], NEW),  # Codat has none
        ([request(O.DONE)], LookUp()),  # it was created, and lost sight of
        ([request(O.DONE), look_up(O.NOT_FOUND)], NEW),  # it was deleted: the old key would replay its creation
        ([look_up(O.NOT_FOUND), request(O.DONE)], LookUp()),  # the look-up was before its creation
        ([look_up(O.FOUND)], LookUp()),  # found once, and lost sight of
        ([look_up(O.FOUND), look_up(O.NOT_FOUND)], NEW),  # deleted since
        ([look_up(O.NOT_FOUND), request(O.UNKNOWN)], LookUp()),  # requested, and in doubt
        ([look_up(O.NOT_FOUND), request(O.RATE_LIMITED)], AGAIN),  # requested, and not done
        ([request(O.REJECTED)], LookUp()),  # an old rejection does not prove that nothing exists now
        ([look_up(O.NOT_FOUND), request(O.REJECTED)], NEW),  # rejected since the look-up
    ],
)
def test_a_thing_that_may_exist_is_looked_up_before_it_is_requested(
    attempts: list[Attempt], decision: Decision
) -> None:
    """The journal did not request it, or has lost track of it since."""
    assert decide(attempts, may_exist=True) == decision


@given(HISTORIES, AGES)
def test_a_thing_that_may_exist_is_never_requested_before_a_look_up_that_did_not_find_it(
    attempts: list[Attempt], later: float
) -> None:
    """The other requests do not matter."""
    if not any(attempt.outcome is O.NOT_FOUND for attempt in attempts):
        assert not isinstance(decide(attempts, may_exist=True, later=later), Send)


@pytest.mark.parametrize(
    ("attempts", "decision"),
    [
        ([], NEW),  # nothing was requested
        ([request(O.UNKNOWN)], LookUp()),  # in doubt: it may be done
        ([request(O.SERVER_ERROR)], LookUp()),  # as well
        # not done, or undone by others since: the old response proves nothing now
        ([request(O.UNKNOWN), look_up(O.NOT_FOUND)], NEW),
        ([request(O.UNKNOWN, ago=KEY_LIFETIME + 60), look_up(O.NOT_FOUND, ago=KEY_LIFETIME + 30)], NEW),  # forgotten
        ([request(O.CONFLICT)], AGAIN),  # the key is at work
        (CONFLICTS, LookUp()),
        ([*CONFLICTS, look_up(O.NOT_FOUND)], NEW),
        ([request(O.RATE_LIMITED)], AGAIN),  # nothing was done
        ([mismatch()], LookUp()),
        ([mismatch(), look_up(O.NOT_FOUND)], NEW),
        ([REJECTED], GiveUp()),
    ],
)
def test_a_change_that_does_no_harm_twice_is_not_repeated_under_a_key_in_doubt(
    attempts: list[Attempt], decision: Decision
) -> None:
    """Codat would replay a response from before the customer linked again."""
    assert decide(attempts, Policy.CHANGE) == decision


@pytest.mark.parametrize(
    ("attempts", "decision"),
    [
        ([], LookUp()),  # the list did not show the connections
        ([request(O.UNKNOWN, ago=6.0)], LookUp()),  # a POST makes no other linkUrl useless
        ([request(O.UNKNOWN, ago=6.0), look_up(O.UNKNOWN, ago=1.0)], Wait(NOW - 1.0 + SETTLING + 2 * TIMEOUT)),
        ([request(O.UNKNOWN, ago=60.0), look_up(O.UNKNOWN, ago=SETTLING + 2 * TIMEOUT)], LookUp()),  # it has ended
        ([request(O.UNKNOWN, ago=60.0), look_up(O.RATE_LIMITED, ago=1.0)], LookUp()),  # it was not done
    ],
)
def test_a_look_up_that_renews_links_waits_until_the_last_one_has_ended(
    attempts: list[Attempt], decision: Decision
) -> None:
    """A lost look-up that is done late would make the link of the next one useless."""
    assert retry.decide_look_up(retry.history(attempts, "company"), NOW, timeout=TIMEOUT) == decision


@pytest.mark.parametrize(
    ("attempts", "decision"),
    [
        ([], LookUp()),  # it may be linked
        ([deletion(O.NOT_FOUND, ago=10)], Send()),  # not linked, by a look-up of this run
        ([deletion(O.NOT_FOUND, ago=3600)], Send()),  # also if the clock was set since
        ([deletion(O.NOT_FOUND, ago=-3600)], Send()),  # in either direction: otherwise the look-ups would never end
        ([deletion(O.NOT_FOUND, ago=10, run=1)], LookUp()),  # not linked, by a look-up of an earlier run
        ([deletion(O.NOT_FOUND, ago=10), deletion(O.UNKNOWN, ago=5)], LookUp()),  # it may be deleted
        ([deletion(O.NOT_FOUND, ago=10), deletion(None, ago=5)], LookUp()),  # as well
        ([deletion(O.NOT_FOUND, ago=10), deletion(O.SERVER_ERROR, ago=5)], LookUp()),  # as well
        # time has passed: somebody may have linked it
        ([deletion(O.NOT_FOUND, ago=10), deletion(O.RATE_LIMITED, ago=5)], LookUp()),
        ([deletion(O.NOT_FOUND, ago=10), deletion(O.REJECTED, ago=5, run=1)], LookUp()),  # as well
        # Codat rejected the deletion
        ([deletion(O.NOT_FOUND, ago=10), deletion(O.REJECTED, ago=5)], GiveUp(nothing_exists=False)),
        ([deletion(O.REJECTED, ago=5)], GiveUp(nothing_exists=False)),  # somebody has linked it
        ([deletion(O.REJECTED, ago=5, run=1)], LookUp()),  # somebody had, in an earlier run
        ([deletion(O.UNKNOWN, ago=10)], LookUp()),  # the look-up failed
    ],
)
def test_a_company_is_deleted_only_right_after_a_look_up(attempts: list[Attempt], decision: Decision) -> None:
    """A deletion is irreversible."""
    assert decide(attempts, Policy.DELETE, step="delete") == decision


@pytest.mark.parametrize("outcome", [O.DONE, O.FOUND])
def test_a_deletion_leaves_nothing_of_earlier_attempts_but_the_number_of_their_keys(outcome: Outcome) -> None:
    """The customer is as one that was never sent, except that no key is used again."""
    before, after = request(O.UNKNOWN, ago=90), request(O.RATE_LIMITED, ago=5, key="new")
    erased = retry.history([before, deletion(outcome)], "company")
    assert erased == retry.AttemptHistory(keys=1)
    assert decide([before, deletion(outcome)]) == NEW
    assert decide([before, deletion(outcome), after]) == Send("new", "{}")
    assert retry.history([before, deletion(outcome), after], "company").keys == 2


@pytest.mark.parametrize("outcome", [None, O.UNKNOWN, O.SERVER_ERROR, O.RATE_LIMITED, O.REJECTED, O.NOT_FOUND])
def test_a_company_that_may_still_exist_keeps_its_history(outcome: Outcome | None) -> None:
    """A doubt stays a doubt."""
    before = request(O.UNKNOWN)
    assert retry.history([before, deletion(outcome)], "company") == retry.history([before], "company")
    assert decide([before, deletion(outcome)]) == LookUp()


@pytest.mark.parametrize(
    ("attempts", "decision"),
    [
        ([], Send()),
        ([request(O.DONE, key=None, ago=1.0, status=200)], Send()),
        ([request(O.RATE_LIMITED, key=None, ago=1.0, status=429)], Send()),
        # it was answered: it has ended
        ([request(O.SERVER_ERROR, key=None, ago=1.0, status=500)], Wait(NOW - 1.0 + SETTLING)),
        # it may be slower than the timeout
        ([request(O.UNKNOWN, key=None, ago=1.0)], Wait(NOW - 1.0 + SETTLING + 2 * TIMEOUT)),
        ([request(None, key=None, ago=1.0)], Wait(NOW - 1.0 + SETTLING + 2 * TIMEOUT)),
        ([request(O.UNKNOWN, key=None, ago=SETTLING + 2 * TIMEOUT)], Send()),
        ([request(O.UNKNOWN, key=None, ago=-1000.0)], Send()),  # the clock was set back
        (
            [request(O.UNKNOWN, key=None, ago=2.0), request(O.RATE_LIMITED, key=None, ago=1.0, status=429)],
            Send(),
        ),
        ([request(O.REJECTED, key=None, ago=1.0, status=404, run=RUN)], GiveUp(nothing_exists=False)),
        ([request(O.REJECTED, key=None, ago=1.0, status=404)], Send()),  # in an earlier run
    ],
)
def test_a_link_is_renewed_again_once_the_last_request_has_ended(attempts: list[Attempt], decision: Decision) -> None:
    """A lost request that is done late would make the next link useless."""
    assert decide(attempts, Policy.RENEW) == decision


def key(attempts: list[Attempt], *, tag: str = "tag", step: str = "company", company_id: str | None = None) -> str:
    """Return the next key of a step with these attempts."""
    return retry.next_key(retry.history(attempts, step), tag=tag, step=step, company_id=company_id)


def test_the_first_key_is_the_same_in_every_version_and_on_every_machine() -> None:
    """A lost journal, or a copy of the batch elsewhere, uses the same key, so Codat replays its response."""
    assert key([]) == "472a718d-9a83-58f2-a40d-faeddb0fff95"
    assert key([]) == key([look_up(O.NOT_FOUND)])  # a look-up spends no key


@pytest.mark.parametrize(
    "other",
    [
        key([], tag="another customer"),
        key([], step="connection"),
        key([], company_id="another company"),
        key([request(O.REJECTED)]),  # the next number
    ],
)
def test_another_customer_step_company_or_number_has_another_key(other: str) -> None:
    """So no response is replayed for another request."""
    assert other != key([])


@pytest.mark.parametrize(
    ("attempts", "number"),
    [
        ([], 0),
        ([look_up(O.UNKNOWN), look_up(O.NOT_FOUND)], 0),
        ([request(O.REJECTED, key="a")], 1),
        ([request(O.UNKNOWN, key="a"), look_up(O.NOT_FOUND), request(O.UNKNOWN, key="a")], 1),  # repeated
        ([request(O.DONE, key="a")], 1),
        ([request(O.RATE_LIMITED, key="a"), request(O.DONE, key="a")], 1),
        ([request(O.UNKNOWN, key="a"), look_up(O.FOUND)], 1),
        ([request(O.FOUND, key="a")], 1),  # a doubt that was resolved when its thing was lost
        ([request(O.DONE, key="a"), request(O.SERVER_ERROR, key="b"), look_up(O.NOT_FOUND)], 2),
        ([request(O.DONE, key="a"), deletion(O.DONE)], 1),  # after a deletion the numbers continue
        ([request(O.DONE, key="a"), deletion(O.DONE), request(O.REJECTED, key="b"), deletion(O.FOUND)], 2),
    ],
)
def test_the_number_of_a_key_is_the_number_of_keys_that_were_spent(attempts: list[Attempt], number: int) -> None:
    """The same history has the same next key."""
    assert retry.history(attempts, "company").keys == number
    same = [request(O.REJECTED, key=f"other {n}") for n in range(number)]
    assert key(attempts) == key(same)


@given(HISTORIES)
def test_the_next_key_is_never_one_of_the_history(attempts: list[Attempt]) -> None:
    """This holds for any outcomes. The keys of the history are those that were computed for it."""
    computed: dict[str, str] = {}
    named: list[Attempt] = []
    previous: str | None = None
    for attempt in attempts:
        if attempt.key is None:
            named.append(attempt)
            continue
        if attempt.key != previous:  # the history changes its key
            computed[attempt.key] = key(named)
            previous = attempt.key
        assert attempt.key in computed
        named.append(Attempt("company", computed[attempt.key], "{}", attempt.sent_at, attempt.outcome, attempt.status))
    assert key(named) not in {attempt.key for attempt in named}


def test_only_the_attempts_of_the_step_count() -> None:
    """A connection in doubt does not make the company uncertain."""
    other = Attempt("connection", "c", "{}", NOW - 60, O.UNKNOWN)
    assert decide([other]) == NEW
    assert decide([other], step="connection") == LookUp()
