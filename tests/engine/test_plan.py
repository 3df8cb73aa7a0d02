"""What is done next for a step, for every history of what was asked."""

from __future__ import annotations

import random

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bulk.engine import retry
from bulk.engine.retry import KEY_LIFETIME, SETTLING, Look, Send, Wait
from bulk.model import Ask, Outcome, Step

NOW = 1_000_000.0
O = Outcome  # noqa: E741 - as short as the table needs


def post(outcome: Outcome | None, *, key: str | None = "k", ago: float = 60.0, status: int | None = None) -> Ask:
    """Make a POST of the first run that left so many seconds ago."""
    return Ask(Step.COMPANY, key, "{}", NOW - ago, outcome, status, run=1)


def look(outcome: Outcome, *, ago: float = 30.0) -> Ask:
    """Make a look-up."""
    return Ask(Step.COMPANY, None, None, NOW - ago, outcome)


AGAIN, NEW = Send("k", "{}"), Send()


@pytest.mark.parametrize(
    ("asks", "decision"),
    [
        ([], NEW),  # nothing was asked
        ([post(O.LOST)], Look()),  # no answer
        ([post(None)], Look()),  # the process ended
        ([post(O.KEPT)], Look()),  # a 5xx
        ([post(O.LOST, ago=SETTLING / 2)], Wait(NOW + SETTLING / 2)),  # it may be at work still
        ([post(O.LOST, ago=-3600)], Look()),  # the clock was set back: nobody waits an hour
        ([post(O.LOST), look(O.ABSENT)], AGAIN),  # it is not there: the same key
        ([post(O.LOST, ago=-3600), look(O.ABSENT, ago=0)], AGAIN),  # the clock was set back before that look
        ([post(O.LOST, ago=-3600), look(O.ABSENT, ago=-3610)], Look()),  # or after it: nobody knows how old the key is
        ([post(O.LOST, ago=KEY_LIFETIME), look(O.ABSENT, ago=2 * KEY_LIFETIME)], Look()),  # then it ran on for hours
        ([post(O.HELD, ago=-3600)], AGAIN),  # nothing was done, and the clock was set back
        ([post(O.LOST, ago=KEY_LIFETIME + 60), look(O.ABSENT)], NEW),  # the key is forgotten
        ([post(O.KEPT), look(O.ABSENT)], NEW),  # the key would replay the 5xx
        ([post(O.LOST), look(O.LOST)], Look()),  # the look-up failed: look again
        ([post(O.LOST), look(O.ABSENT), post(O.LOST)], Look()),  # lost once more
        ([post(O.LOST, status=502), look(O.ABSENT)], AGAIN),  # a gateway's page
        ([post(O.LOST, status=502), look(O.ABSENT), post(O.LOST, status=502), look(O.ABSENT)], NEW),  # another
        ([post(O.HELD)], AGAIN),  # a 429: nothing was done
        ([post(O.HELD, ago=KEY_LIFETIME)], NEW),  # and long ago
        ([post(O.BUSY)], AGAIN),  # a 409: the key is at work
        ([post(O.UNSENT)], AGAIN),  # it never left
        ([post(O.REFUSED)], NEW),  # nothing was done, and its answer is kept under the key
        ([post(O.STOPPED)], NEW),  # as above
        ([post(O.LOST), look(O.ABSENT), post(O.REFUSED)], Look()),  # perhaps the echo of the lost one
        ([post(O.LOST), look(O.ABSENT), post(O.REFUSED), look(O.ABSENT)], NEW),  # it was not
        ([post(O.LOST), look(O.ABSENT), post(O.STOPPED)], Look()),  # the lost one may have been done since the look
        ([post(O.LOST), look(O.ABSENT), post(O.STOPPED), look(O.ABSENT)], NEW),  # it was not
        ([post(O.LOST, key="a"), post(O.HELD, key="b")], Look()),  # an old doubt outlives another key
    ],
)
def test_each_history_has_one_next_move(asks: list[Ask], decision: retry.Decision) -> None:
    """The rule of once only, and the key's rules."""
    assert retry.decide(retry.standing(asks), NOW) == decision


@pytest.mark.parametrize(
    ("ago", "run", "decision"),
    [
        (10.0, 2, AGAIN),  # a sweep after it found nothing
        (60.0 - SETTLING / 2, 2, Look()),  # one so soon after it proves nothing
        (70.0, 2, Look()),  # one before it, by a clock that was set back
        (10.0, 1, Look()),  # the run had swept before it asked, and then the clock was set back
        (-3600.0, 1, Look()),  # by hours
        (10.0, 0, Look()),  # an earlier run had, or nobody knows which
    ],
)
def test_a_sweep_stands_for_a_look_up_of_everybody(ago: float, run: int, decision: retry.Decision) -> None:
    """If it came after the request, and when that was settled. A clock does not say what came after what."""
    known = retry.standing([post(O.LOST)], sweep=retry.Sweep(NOW - ago, run))
    assert retry.decide(known, NOW) == decision


ANSWERS = [*(each for each in Outcome if each not in (O.FOUND, O.ABSENT)), None]  # those two are of look-ups
POSTS = st.builds(post, st.sampled_from(ANSWERS), key=st.sampled_from("ab"), status=st.sampled_from([None, 200, 502]))
LOOKS = st.builds(look, st.sampled_from([O.ABSENT, O.LOST, O.HELD, O.UNSENT, O.REFUSED]))


@given(st.lists(POSTS | LOOKS, max_size=8), st.floats(0, 3 * KEY_LIFETIME))
def test_nothing_is_sent_while_a_request_in_doubt_was_not_looked_up(asks: list[Ask], later: float) -> None:
    """Whatever else was asked, and however long ago; but for a request that was done since."""
    last_doubt = max(
        (n for n, a in enumerate(asks) if a.key and (a.outcome is None or a.outcome.is_unknown)), default=-1
    )
    last_absent = max((n for n, a in enumerate(asks) if a.key is None and a.outcome is O.ABSENT), default=-1)
    last_done = max((n for n, a in enumerate(asks) if a.key and a.outcome is O.DONE), default=-1)
    if last_doubt > max(last_absent, last_done):
        assert not isinstance(retry.decide(retry.standing(asks), NOW + later), Send)


@given(st.lists(POSTS | LOOKS, max_size=8), st.floats(0, 3 * KEY_LIFETIME))
@example([post(O.KEPT), post(O.DONE), post(O.HELD)], 0.0)
@example([post(O.KEPT), post(O.REFUSED), post(O.HELD), look(O.ABSENT)], 0.0)
def test_no_key_is_repeated_that_codat_has_forgotten_or_answers_with_a_5xx(asks: list[Ask], later: float) -> None:
    """A kept 5xx is replayed; a forgotten key protects from nothing."""
    decision = retry.decide(retry.standing(asks), NOW + later)
    if isinstance(decision, Send) and decision.key is not None:
        assert later < KEY_LIFETIME
        of_key = [a for a in asks if a.key is not None]
        newest = [a for a in of_key[::-1] if a.key == decision.key]
        since = next((n for n, a in enumerate(of_key[::-1]) if a.key != decision.key), len(of_key))
        assert all(a.outcome is not O.KEPT for a in newest[:since])


def test_pauses_grow_to_a_minute_and_are_never_the_same_for_all() -> None:
    """So that customers who failed together do not come back together."""
    rng = random.Random(1)  # noqa: S311 - no secret
    pauses = [retry.backoff(tries, rng) for tries in range(1, 12)]
    assert all(0.5 * min(2**n, 60) <= pause <= min(2**n, 60) for n, pause in enumerate(pauses))
    assert not retry.is_worth_another_try(retry.MOST_TRIES, 0.0)
    assert not retry.is_worth_another_try(1, retry.LONGEST_EFFORT)


@pytest.mark.parametrize("outcome", [O.BUSY, O.HELD, O.UNSENT])
def test_what_was_absent_while_its_key_lived_is_looked_up_again_once_the_key_is_forgotten(outcome: Outcome) -> None:
    """The request in doubt may have been at work still when it was looked for, and be done now."""
    asks = [post(O.LOST, ago=KEY_LIFETIME + 60), look(O.ABSENT, ago=KEY_LIFETIME + 30), post(outcome, ago=KEY_LIFETIME)]
    assert retry.decide(retry.standing(asks), NOW) == Look()
    assert retry.decide(retry.standing([*asks, look(O.ABSENT, ago=10)]), NOW) == NEW


@pytest.mark.parametrize("outcome", [O.DONE, O.FOUND])
@pytest.mark.parametrize(
    "then",
    [
        [],  # nothing was asked since
        [post(O.REFUSED, key="b")],  # or nothing that is of use now
    ],
)
def test_what_was_done_is_over_and_the_next_of_its_kind_has_a_key_of_its_own(outcome: Outcome, then: list[Ask]) -> None:
    """Who was unlinked and has linked again can be unlinked again: the old key would replay the old answer."""
    done = post(O.DONE) if outcome is O.DONE else look(O.FOUND)
    assert retry.decide(retry.standing([post(O.LOST), done, *then]), NOW) == NEW


@pytest.mark.parametrize(
    ("asks", "decision"),
    [
        ([], Look()),  # taken over, and nobody here asked for it
        ([look(O.LOST)], Look()),  # the look-up failed
        ([look(O.ABSENT)], NEW),  # Codat has none
        ([post(O.DONE)], Look()),  # it was made, and lost sight of
        ([post(O.DONE), look(O.ABSENT)], NEW),  # and is gone: the old key would replay its making
        ([look(O.ABSENT), post(O.DONE)], Look()),  # that it was absent was before it was made
        ([look(O.FOUND)], Look()),  # found once, and lost sight of
        ([look(O.FOUND), look(O.ABSENT)], NEW),  # gone since
        ([look(O.ABSENT), post(O.LOST)], Look()),  # asked for, and in doubt
        ([look(O.ABSENT), post(O.HELD)], AGAIN),  # asked for, and not done
        ([post(O.REFUSED)], Look()),  # that it was refused once says nothing of what was found since
        ([look(O.ABSENT), post(O.REFUSED)], NEW),  # refused since it was looked for
    ],
)
def test_what_may_exist_is_looked_for_before_it_is_asked_for(asks: list[Ask], decision: retry.Decision) -> None:
    """Although nobody here has asked for it, or since it was lost sight of."""
    assert retry.decide(retry.standing(asks, may_exist=True), NOW) == decision


@pytest.mark.parametrize(
    ("asks", "decision"),
    [
        ([], NEW),  # nothing was asked
        ([post(O.LOST)], Look()),  # in doubt: it may be done
        ([post(O.KEPT)], Look()),  # as well
        ([post(O.LOST), look(O.ABSENT)], NEW),  # not done, or undone by others since: its old answer says nothing now
        ([post(O.LOST, ago=KEY_LIFETIME + 60), look(O.ABSENT, ago=KEY_LIFETIME + 30)], NEW),  # and is forgotten
        ([post(O.BUSY)], AGAIN),  # the key is at work
        ([post(O.HELD)], AGAIN),  # nothing was done
    ],
)
def test_what_does_no_harm_twice_is_not_asked_for_again_under_a_key_in_doubt(
    asks: list[Ask], decision: retry.Decision
) -> None:
    """Codat would replay what it answered before the customer linked again."""
    assert retry.decide(retry.standing(asks), NOW, is_harmless=True) == decision


@pytest.mark.parametrize(
    ("asks", "decision"),
    [
        ([], Look()),  # the list did not say which connections there are
        ([post(O.LOST, ago=6.0)], Look()),  # a POST makes no link anew
        ([post(O.LOST, ago=6.0), look(O.LOST, ago=1.0)], Wait(NOW - 1.0 + SETTLING + 20.0)),
        ([post(O.LOST, ago=60.0), look(O.LOST, ago=SETTLING + 20.0)], Look()),  # it is over by now
        ([post(O.LOST, ago=60.0), look(O.HELD, ago=1.0)], Look()),  # it was not carried out
    ],
)
def test_a_look_up_that_makes_links_anew_waits_until_the_last_must_be_over(
    asks: list[Ask], decision: retry.Decision
) -> None:
    """Carried out late, a lost one would spoil the link that the next one brings."""
    assert retry.decide_look_at_link(asks, NOW, timeout=10.0) == decision


def delete(outcome: Outcome | None, *, ago: float, run: int = 2) -> Ask:
    """Make a deletion, or the look before it: neither has a key."""
    return Ask(Step.DELETE, None, None, NOW - ago, outcome, run=run)


@pytest.mark.parametrize(
    ("asks", "decision"),
    [
        ([], Look()),  # who has linked is not known
        ([delete(O.ABSENT, ago=10)], Send()),  # nobody has, right now
        ([delete(O.ABSENT, ago=3600)], Send()),  # nor if the clock was set since
        ([delete(O.ABSENT, ago=-3600)], Send()),  # either way: else it would be looked without end
        ([delete(O.ABSENT, ago=10, run=1)], Look()),  # nobody had, in an earlier run
        ([delete(O.ABSENT, ago=10), delete(O.LOST, ago=5)], Look()),  # it may be gone
        ([delete(O.ABSENT, ago=10), delete(None, ago=5)], Look()),  # as well
        ([delete(O.ABSENT, ago=10), delete(O.KEPT, ago=5)], Look()),  # as well
        ([delete(O.ABSENT, ago=10), delete(O.HELD, ago=5)], Look()),  # time has passed: somebody may have linked it
        ([delete(O.ABSENT, ago=10), delete(O.REFUSED, ago=5)], Look()),  # as well
        ([delete(O.LOST, ago=10)], Look()),  # the look-up failed
    ],
)
def test_a_company_is_deleted_only_right_after_a_look(asks: list[Ask], decision: retry.Decision) -> None:
    """It cannot be taken back."""
    assert retry.decide_deletion(asks, run=2) == decision


@pytest.mark.parametrize("outcome", [O.DONE, O.FOUND])
def test_nothing_is_left_of_what_was_asked_for_a_company_that_was_deleted(outcome: Outcome) -> None:
    """The customer is like one who was never sent."""
    before, after = post(O.LOST, ago=90), post(O.HELD, ago=5, key="new")
    assert list(retry.since_deletion([before, delete(outcome, ago=50), after])) == [after]
    assert list(retry.since_deletion([before, delete(outcome, ago=50)])) == []


@pytest.mark.parametrize("outcome", [None, O.LOST, O.KEPT, O.HELD, O.REFUSED, O.ABSENT])
def test_a_company_that_may_still_be_there_keeps_its_past(outcome: Outcome | None) -> None:
    """What was in doubt still is."""
    asks = [post(O.LOST), delete(outcome, ago=50)]
    assert list(retry.since_deletion(asks)) == asks


@given(st.lists(POSTS | LOOKS, max_size=8), st.floats(0, 3 * KEY_LIFETIME))
def test_what_may_exist_is_never_sent_before_a_look_up_said_that_it_does_not(asks: list[Ask], later: float) -> None:
    """Whatever else was asked."""
    if not any(ask.outcome is O.ABSENT for ask in asks):
        assert not isinstance(retry.decide(retry.standing(asks, may_exist=True), NOW + later), Send)


@pytest.mark.parametrize(
    ("asks", "decision"),
    [
        ([], Send()),
        ([post(O.DONE, key=None, ago=1.0, status=200)], Send()),
        ([post(O.HELD, key=None, ago=1.0, status=429)], Send()),
        ([post(O.KEPT, key=None, ago=1.0, status=500)], Wait(NOW - 1.0 + SETTLING)),  # it was answered: it is over
        ([post(O.LOST, key=None, ago=1.0)], Wait(NOW - 1.0 + SETTLING + 20.0)),  # it may be slower than the time-out
        ([post(None, key=None, ago=1.0)], Wait(NOW - 1.0 + SETTLING + 20.0)),
        ([post(O.LOST, key=None, ago=SETTLING + 20.0)], Send()),
        ([post(O.LOST, key=None, ago=-1000.0)], Send()),  # the clock was set back
        ([post(O.LOST, key=None, ago=2.0), post(O.HELD, key=None, ago=1.0, status=429)], Send()),
    ],
)
def test_a_link_is_renewed_again_once_the_last_request_must_be_over(asks: list[Ask], decision: retry.Decision) -> None:
    """Carried out late, a lost one would spoil the next."""
    assert retry.decide_renewal(asks, NOW, timeout=10.0) == decision
