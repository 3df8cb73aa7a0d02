"""What is done next for a step, for every history of what was asked."""

from __future__ import annotations

import random

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bulk.engine import retry
from bulk.engine.retry import KEY_LIFETIME, SETTLING, LookUp, Send, Wait
from bulk.model import Attempt, Outcome, Step

NOW = 1_000_000.0
O = Outcome  # noqa: E741 - as short as the table needs


def post(outcome: Outcome | None, *, key: str | None = "k", ago: float = 60.0, status: int | None = None) -> Attempt:
    """Make a POST of the first run that left so many seconds ago."""
    return Attempt(Step.COMPANY, key, "{}", NOW - ago, outcome, status, run=1)


def look(outcome: Outcome, *, ago: float = 30.0) -> Attempt:
    """Make a look-up."""
    return Attempt(Step.COMPANY, None, None, NOW - ago, outcome)


AGAIN, NEW = Send("k", "{}"), Send()


@pytest.mark.parametrize(
    ("attempts", "decision"),
    [
        ([], NEW),  # nothing was asked
        ([post(O.UNKNOWN)], LookUp()),  # no answer
        ([post(None)], LookUp()),  # the process ended
        ([post(O.SERVER_ERROR)], LookUp()),  # a 5xx
        ([post(O.UNKNOWN, ago=SETTLING / 2)], Wait(NOW + SETTLING / 2)),  # it may be at work still
        ([post(O.UNKNOWN, ago=-3600)], LookUp()),  # the clock was set back: nobody waits an hour
        ([post(O.UNKNOWN), look(O.NOT_FOUND)], AGAIN),  # it is not there: the same key
        ([post(O.UNKNOWN, ago=-3600), look(O.NOT_FOUND, ago=0)], AGAIN),  # the clock was set back before that look
        (
            [post(O.UNKNOWN, ago=-3600), look(O.NOT_FOUND, ago=-3610)],
            LookUp(),
        ),  # or after it: nobody knows how old the key is
        (
            [post(O.UNKNOWN, ago=KEY_LIFETIME), look(O.NOT_FOUND, ago=2 * KEY_LIFETIME)],
            LookUp(),
        ),  # then it ran on for hours
        ([post(O.RATE_LIMITED, ago=-3600)], AGAIN),  # nothing was done, and the clock was set back
        ([post(O.UNKNOWN, ago=KEY_LIFETIME + 60), look(O.NOT_FOUND)], NEW),  # the key is forgotten
        ([post(O.SERVER_ERROR), look(O.NOT_FOUND)], NEW),  # the key would replay the 5xx
        ([post(O.UNKNOWN), look(O.UNKNOWN)], LookUp()),  # the look-up failed: look again
        ([post(O.UNKNOWN), look(O.NOT_FOUND), post(O.UNKNOWN)], LookUp()),  # lost once more
        ([post(O.UNKNOWN, status=502), look(O.NOT_FOUND)], AGAIN),  # a gateway's page
        (
            [post(O.UNKNOWN, status=502), look(O.NOT_FOUND), post(O.UNKNOWN, status=502), look(O.NOT_FOUND)],
            NEW,
        ),  # another
        ([post(O.RATE_LIMITED)], AGAIN),  # a 429: nothing was done
        ([post(O.RATE_LIMITED, ago=KEY_LIFETIME)], NEW),  # and long ago
        ([post(O.CONFLICT)], AGAIN),  # a 409: the key is at work
        ([post(O.NOT_SENT)], AGAIN),  # it never left
        ([post(O.REJECTED)], NEW),  # nothing was done, and its answer is kept under the key
        ([post(O.FATAL)], NEW),  # as above
        ([post(O.UNKNOWN), look(O.NOT_FOUND), post(O.REJECTED)], LookUp()),  # perhaps the echo of the lost one
        ([post(O.UNKNOWN), look(O.NOT_FOUND), post(O.REJECTED), look(O.NOT_FOUND)], NEW),  # it was not
        (
            [post(O.UNKNOWN), look(O.NOT_FOUND), post(O.FATAL)],
            LookUp(),
        ),  # the lost one may have been done since the look
        ([post(O.UNKNOWN), look(O.NOT_FOUND), post(O.FATAL), look(O.NOT_FOUND)], NEW),  # it was not
        ([post(O.UNKNOWN, key="a"), post(O.RATE_LIMITED, key="b")], LookUp()),  # an old doubt outlives another key
    ],
)
def test_each_history_has_one_next_move(attempts: list[Attempt], decision: retry.Decision) -> None:
    """The rule of once only, and the key's rules."""
    assert retry.decide(retry.standing(attempts), NOW) == decision


@pytest.mark.parametrize(
    ("ago", "run", "decision"),
    [
        (10.0, 2, AGAIN),  # a sweep after it found nothing
        (60.0 - SETTLING / 2, 2, LookUp()),  # one so soon after it proves nothing
        (70.0, 2, LookUp()),  # one before it, by a clock that was set back
        (10.0, 1, LookUp()),  # the run had swept before it asked, and then the clock was set back
        (-3600.0, 1, LookUp()),  # by hours
        (10.0, 0, LookUp()),  # an earlier run had, or nobody knows which
    ],
)
def test_a_sweep_stands_for_a_look_up_of_everybody(ago: float, run: int, decision: retry.Decision) -> None:
    """If it came after the request, and when that was settled. A clock does not say what came after what."""
    known = retry.standing([post(O.UNKNOWN)], sweep=retry.Sweep(NOW - ago, run))
    assert retry.decide(known, NOW) == decision


ANSWERS = [*(each for each in Outcome if each not in (O.FOUND, O.NOT_FOUND)), None]  # those two are of look-ups
POSTS = st.builds(post, st.sampled_from(ANSWERS), key=st.sampled_from("ab"), status=st.sampled_from([None, 200, 502]))
LOOKS = st.builds(look, st.sampled_from([O.NOT_FOUND, O.UNKNOWN, O.RATE_LIMITED, O.NOT_SENT, O.REJECTED]))


@given(st.lists(POSTS | LOOKS, max_size=8), st.floats(0, 3 * KEY_LIFETIME))
def test_nothing_is_sent_while_a_request_in_doubt_was_not_looked_up(attempts: list[Attempt], later: float) -> None:
    """Whatever else was asked, and however long ago; but for a request that was done since."""
    last_doubt = max(
        (n for n, a in enumerate(attempts) if a.key and (a.outcome is None or a.outcome.is_in_doubt)), default=-1
    )
    last_absent = max((n for n, a in enumerate(attempts) if a.key is None and a.outcome is O.NOT_FOUND), default=-1)
    last_done = max((n for n, a in enumerate(attempts) if a.key and a.outcome is O.DONE), default=-1)
    if last_doubt > max(last_absent, last_done):
        assert not isinstance(retry.decide(retry.standing(attempts), NOW + later), Send)


@given(st.lists(POSTS | LOOKS, max_size=8), st.floats(0, 3 * KEY_LIFETIME))
@example([post(O.SERVER_ERROR), post(O.DONE), post(O.RATE_LIMITED)], 0.0)
@example([post(O.SERVER_ERROR), post(O.REJECTED), post(O.RATE_LIMITED), look(O.NOT_FOUND)], 0.0)
def test_no_key_is_repeated_that_codat_has_forgotten_or_answers_with_a_5xx(
    attempts: list[Attempt], later: float
) -> None:
    """A kept 5xx is replayed; a forgotten key protects from nothing."""
    decision = retry.decide(retry.standing(attempts), NOW + later)
    if isinstance(decision, Send) and decision.key is not None:
        assert later < KEY_LIFETIME
        of_key = [a for a in attempts if a.key is not None]
        newest = [a for a in of_key[::-1] if a.key == decision.key]
        since = next((n for n, a in enumerate(of_key[::-1]) if a.key != decision.key), len(of_key))
        assert all(a.outcome is not O.SERVER_ERROR for a in newest[:since])


def test_pauses_grow_to_a_minute_and_are_never_the_same_for_all() -> None:
    """So that customers who failed together do not come back together."""
    rng = random.Random(1)  # noqa: S311 - no secret
    pauses = [retry.backoff(tries, rng) for tries in range(1, 12)]
    assert all(0.5 * min(2**n, 60) <= pause <= min(2**n, 60) for n, pause in enumerate(pauses))
    assert not retry.is_worth_another_try(retry.MAX_TRIES, 0.0)
    assert not retry.is_worth_another_try(1, retry.MAX_EFFORT)


@pytest.mark.parametrize("outcome", [O.CONFLICT, O.RATE_LIMITED, O.NOT_SENT])
def test_what_was_absent_while_its_key_lived_is_looked_up_again_once_the_key_is_forgotten(outcome: Outcome) -> None:
    """The request in doubt may have been at work still when it was looked for, and be done now."""
    attempts = [
        post(O.UNKNOWN, ago=KEY_LIFETIME + 60),
        look(O.NOT_FOUND, ago=KEY_LIFETIME + 30),
        post(outcome, ago=KEY_LIFETIME),
    ]
    assert retry.decide(retry.standing(attempts), NOW) == LookUp()
    assert retry.decide(retry.standing([*attempts, look(O.NOT_FOUND, ago=10)]), NOW) == NEW


@pytest.mark.parametrize("outcome", [O.DONE, O.FOUND])
@pytest.mark.parametrize(
    "then",
    [
        [],  # nothing was asked since
        [post(O.REJECTED, key="b")],  # or nothing that is of use now
    ],
)
def test_what_was_done_is_over_and_the_next_of_its_kind_has_a_key_of_its_own(
    outcome: Outcome, then: list[Attempt]
) -> None:
    """Who was unlinked and has linked again can be unlinked again: the old key would replay the old answer."""
    done = post(O.DONE) if outcome is O.DONE else look(O.FOUND)
    assert retry.decide(retry.standing([post(O.UNKNOWN), done, *then]), NOW) == NEW


@pytest.mark.parametrize(
    ("attempts", "decision"),
    [
        ([], LookUp()),  # taken over, and nobody here asked for it
        ([look(O.UNKNOWN)], LookUp()),  # the look-up failed
        ([look(O.NOT_FOUND)], NEW),  # Codat has none
        ([post(O.DONE)], LookUp()),  # it was made, and lost sight of
        ([post(O.DONE), look(O.NOT_FOUND)], NEW),  # and is gone: the old key would replay its making
        ([look(O.NOT_FOUND), post(O.DONE)], LookUp()),  # that it was absent was before it was made
        ([look(O.FOUND)], LookUp()),  # found once, and lost sight of
        ([look(O.FOUND), look(O.NOT_FOUND)], NEW),  # gone since
        ([look(O.NOT_FOUND), post(O.UNKNOWN)], LookUp()),  # asked for, and in doubt
        ([look(O.NOT_FOUND), post(O.RATE_LIMITED)], AGAIN),  # asked for, and not done
        ([post(O.REJECTED)], LookUp()),  # that it was refused once says nothing of what was found since
        ([look(O.NOT_FOUND), post(O.REJECTED)], NEW),  # refused since it was looked for
    ],
)
def test_what_may_exist_is_looked_for_before_it_is_asked_for(attempts: list[Attempt], decision: retry.Decision) -> None:
    """Although nobody here has asked for it, or since it was lost sight of."""
    assert retry.decide(retry.standing(attempts, may_exist=True), NOW) == decision


@pytest.mark.parametrize(
    ("attempts", "decision"),
    [
        ([], NEW),  # nothing was asked
        ([post(O.UNKNOWN)], LookUp()),  # in doubt: it may be done
        ([post(O.SERVER_ERROR)], LookUp()),  # as well
        (
            [post(O.UNKNOWN), look(O.NOT_FOUND)],
            NEW,
        ),  # not done, or undone by others since: its old answer says nothing now
        ([post(O.UNKNOWN, ago=KEY_LIFETIME + 60), look(O.NOT_FOUND, ago=KEY_LIFETIME + 30)], NEW),  # and is forgotten
        ([post(O.CONFLICT)], AGAIN),  # the key is at work
        ([post(O.RATE_LIMITED)], AGAIN),  # nothing was done
    ],
)
def test_what_does_no_harm_twice_is_not_asked_for_again_under_a_key_in_doubt(
    attempts: list[Attempt], decision: retry.Decision
) -> None:
    """Codat would replay what it answered before the customer linked again."""
    assert retry.decide(retry.standing(attempts), NOW, is_harmless=True) == decision


@pytest.mark.parametrize(
    ("attempts", "decision"),
    [
        ([], LookUp()),  # the list did not say which connections there are
        ([post(O.UNKNOWN, ago=6.0)], LookUp()),  # a POST makes no link anew
        ([post(O.UNKNOWN, ago=6.0), look(O.UNKNOWN, ago=1.0)], Wait(NOW - 1.0 + SETTLING + 20.0)),
        ([post(O.UNKNOWN, ago=60.0), look(O.UNKNOWN, ago=SETTLING + 20.0)], LookUp()),  # it is over by now
        ([post(O.UNKNOWN, ago=60.0), look(O.RATE_LIMITED, ago=1.0)], LookUp()),  # it was not carried out
    ],
)
def test_a_look_up_that_makes_links_anew_waits_until_the_last_must_be_over(
    attempts: list[Attempt], decision: retry.Decision
) -> None:
    """Carried out late, a lost one would spoil the link that the next one brings."""
    assert retry.decide_look_at_link(attempts, NOW, timeout=10.0) == decision


def delete(outcome: Outcome | None, *, ago: float, run: int = 2) -> Attempt:
    """Make a deletion, or the look before it: neither has a key."""
    return Attempt(Step.DELETE, None, None, NOW - ago, outcome, run=run)


@pytest.mark.parametrize(
    ("attempts", "decision"),
    [
        ([], LookUp()),  # who has linked is not known
        ([delete(O.NOT_FOUND, ago=10)], Send()),  # nobody has, right now
        ([delete(O.NOT_FOUND, ago=3600)], Send()),  # nor if the clock was set since
        ([delete(O.NOT_FOUND, ago=-3600)], Send()),  # either way: else it would be looked without end
        ([delete(O.NOT_FOUND, ago=10, run=1)], LookUp()),  # nobody had, in an earlier run
        ([delete(O.NOT_FOUND, ago=10), delete(O.UNKNOWN, ago=5)], LookUp()),  # it may be gone
        ([delete(O.NOT_FOUND, ago=10), delete(None, ago=5)], LookUp()),  # as well
        ([delete(O.NOT_FOUND, ago=10), delete(O.SERVER_ERROR, ago=5)], LookUp()),  # as well
        (
            [delete(O.NOT_FOUND, ago=10), delete(O.RATE_LIMITED, ago=5)],
            LookUp(),
        ),  # time has passed: somebody may have linked it
        ([delete(O.NOT_FOUND, ago=10), delete(O.REJECTED, ago=5)], LookUp()),  # as well
        ([delete(O.UNKNOWN, ago=10)], LookUp()),  # the look-up failed
    ],
)
def test_a_company_is_deleted_only_right_after_a_look(attempts: list[Attempt], decision: retry.Decision) -> None:
    """It cannot be taken back."""
    assert retry.decide_deletion(attempts, run=2) == decision


@pytest.mark.parametrize("outcome", [O.DONE, O.FOUND])
def test_nothing_is_left_of_what_was_asked_for_a_company_that_was_deleted(outcome: Outcome) -> None:
    """The customer is like one who was never sent."""
    before, after = post(O.UNKNOWN, ago=90), post(O.RATE_LIMITED, ago=5, key="new")
    assert list(retry.since_deletion([before, delete(outcome, ago=50), after])) == [after]
    assert list(retry.since_deletion([before, delete(outcome, ago=50)])) == []


@pytest.mark.parametrize("outcome", [None, O.UNKNOWN, O.SERVER_ERROR, O.RATE_LIMITED, O.REJECTED, O.NOT_FOUND])
def test_a_company_that_may_still_be_there_keeps_its_past(outcome: Outcome | None) -> None:
    """What was in doubt still is."""
    attempts = [post(O.UNKNOWN), delete(outcome, ago=50)]
    assert list(retry.since_deletion(attempts)) == attempts


@given(st.lists(POSTS | LOOKS, max_size=8), st.floats(0, 3 * KEY_LIFETIME))
def test_what_may_exist_is_never_sent_before_a_look_up_said_that_it_does_not(
    attempts: list[Attempt], later: float
) -> None:
    """Whatever else was asked."""
    if not any(ask.outcome is O.NOT_FOUND for ask in attempts):
        assert not isinstance(retry.decide(retry.standing(attempts, may_exist=True), NOW + later), Send)


@pytest.mark.parametrize(
    ("attempts", "decision"),
    [
        ([], Send()),
        ([post(O.DONE, key=None, ago=1.0, status=200)], Send()),
        ([post(O.RATE_LIMITED, key=None, ago=1.0, status=429)], Send()),
        (
            [post(O.SERVER_ERROR, key=None, ago=1.0, status=500)],
            Wait(NOW - 1.0 + SETTLING),
        ),  # it was answered: it is over
        ([post(O.UNKNOWN, key=None, ago=1.0)], Wait(NOW - 1.0 + SETTLING + 20.0)),  # it may be slower than the time-out
        ([post(None, key=None, ago=1.0)], Wait(NOW - 1.0 + SETTLING + 20.0)),
        ([post(O.UNKNOWN, key=None, ago=SETTLING + 20.0)], Send()),
        ([post(O.UNKNOWN, key=None, ago=-1000.0)], Send()),  # the clock was set back
        ([post(O.UNKNOWN, key=None, ago=2.0), post(O.RATE_LIMITED, key=None, ago=1.0, status=429)], Send()),
    ],
)
def test_a_link_is_renewed_again_once_the_last_request_must_be_over(
    attempts: list[Attempt], decision: retry.Decision
) -> None:
    """Carried out late, a lost one would spoil the next."""
    assert retry.decide_renewal(attempts, NOW, timeout=10.0) == decision
