"""The retry decision for every sequence of six events: responses, crashes, new runs and changes of the clock.

The facts about each request are kept next to the journal, and the rules are predicates over both. Sequences that lead
to the same summary and the same facts continue alike, so each such state is visited once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import NamedTuple

import pytest

from bulk.engine import retry
from bulk.engine.retry import (
    KEY_LIFETIME,
    MAX_WORK,
    SETTLING,
    SETTLING_AFTER_KEPT_CONFLICT,
    AttemptHistory,
    Decision,
    GiveUp,
    LookUp,
    Policy,
    Send,
    Wait,
)
from bulk.model import Attempt, Outcome

DEPTH = 6
START = 1e9
NEVER = -1e9
O = Outcome  # noqa: E741 - as short as the tables need


class Event(NamedTuple):
    """The end of a request, as the journal records it."""

    outcome: Outcome | None  # None: the process was killed
    status: int | None = None
    correlation_id: str | None = None


SENT = (
    Event(None),
    Event(O.UNKNOWN),
    Event(O.UNKNOWN, 502),
    Event(O.SERVER_ERROR, 500),
    Event(O.CONFLICT, 409, "fresh"),  # of a running request
    Event(O.CONFLICT, 409, "kept"),  # the same response each time
    Event(O.RATE_LIMITED, 429),
    Event(O.REJECTED, 400),
    Event(O.REJECTED, 422),
    Event(O.FATAL, 401),
)
LOOKED_UP = (
    Event(O.NOT_FOUND, 200),
    Event(None),
    Event(O.UNKNOWN),
    Event(O.REJECTED, 400),
)
# The engine treats these like another one, so they are left out.
ALIKE_SENT = {O.RATE_LIMITED: (Event(O.BLOCKED, 403), Event(O.NOT_SENT))}
ALIKE_LOOKED_UP = {O.UNKNOWN: (Event(O.SERVER_ERROR, 500), Event(O.RATE_LIMITED, 429), Event(O.BLOCKED, 403))}
# Seconds by which the clock moves before the next decision: past MAX_WORK, past KEY_LIFETIME, and far back. Everything
# else takes far less than A_MOVE, so a time matters only as the number of moves since then.
A_MOVE = 2000.0
CLOCKS = (0.0, A_MOVE, 3 * A_MOVE, -1e6)
DOUBTFUL = (None, O.UNKNOWN, O.SERVER_ERROR)
KEPT = (O.SERVER_ERROR, O.REJECTED, O.FATAL)
ENDS_THE_RUN = (None, O.FATAL)


UNUSED = AttemptHistory()


@dataclass(frozen=True, slots=True)
class Facts:
    """What has happened to the newest key and to the requests, by the clock of this machine."""

    since: float = NEVER  # the first request with the key
    is_kept: bool = False  # Codat replays a useless response under it
    first_409_at: float = NEVER  # under it: the request that holds the key began before
    kept_409s: int = 0
    doubted_at: float = NEVER  # the newest request that may have been done
    is_resolved: bool = True  # a look-up has not found it since
    unanswered_at: float = NEVER  # the newest request that may be running
    rejected_in_run: bool = False  # the newest request, or the look-up for it
    was_set_back: bool = False  # the clock, at any time: then times in the journal prove nothing
    has_just_looked: bool = False  # and the clock was not changed since


@dataclass(frozen=True, slots=True)
class State:
    """The time, the run, the facts, and the journal of one step."""

    now: float = START
    run: int = 1
    facts: Facts = Facts()
    known: AttemptHistory = UNUSED  # the journal as the engine summarizes it
    path: tuple[tuple[float, str], ...] = ()  # for the message of a broken rule

    def identity(self) -> tuple[object, ...]:
        """Return a value that is the same for states that continue alike once they have waited."""
        known, facts, now = self.known, self.facts, self.now
        return (
            *(known.key is None, known.is_spent, known.gateway_faults, min(known.conflicts, 2), known.has_mismatch),
            *(known.in_doubt, known.was_in_doubt, known.conflict_id == "kept"),
            *(_moves(known.since, now), _moves(known.unanswered_at, now), _moves(known.not_found_at, now)),
            _moves(known.conflict_at, now) if known.conflicts else None,
            *(known.rejected_in == self.run, _is_rejected_look_up(known.last, self.run)),
            *(facts.is_kept, min(facts.kept_409s, 2), facts.is_resolved, facts.rejected_in_run),
            *(facts.was_set_back, facts.has_just_looked),
            *(_moves(facts.since, now), _moves(facts.first_409_at, now), _moves(facts.unanswered_at, now)),
        )


def _moves(moment: float, now: float) -> int:
    """Return the number of moves of the clock since then, at most 6; -1 for a time in the future."""
    return -1 if moment > now else min(int((now - moment) / A_MOVE), 6)


def _is_rejected_look_up(last: Attempt | None, run: int) -> bool:
    return last is not None and last.key is None and last.outcome is O.REJECTED and last.run == run


def decide(state: State, policy: Policy) -> Decision:
    """Return the engine's decision."""
    return retry.decide(state.known, policy, state.now, run=state.run, timeout=10.0)


def after_wait(state: State, policy: Policy) -> tuple[State, Decision]:
    """Return the state and the decision after the waits that the engine asks for."""
    decision = decide(state, policy)
    for _ in range(3):
        if not isinstance(decision, Wait):
            break
        assert state.now < decision.until <= state.now + SETTLING_AFTER_KEPT_CONFLICT, _message(state, decision)
        state = replace(state, now=decision.until)
        decision = decide(state, policy)
    assert not isinstance(decision, Wait), _message(state, decision)
    return state, decision


def after_look_up(state: State, event: Event) -> State:
    """Return the state after a look-up."""
    attempt = Attempt("company", None, None, state.now, event.outcome, event.status, state.run)
    facts = replace(state.facts, has_just_looked=False)
    if event.outcome is O.NOT_FOUND:
        facts = replace(facts, is_resolved=True, has_just_looked=True)
    if event.outcome is O.REJECTED:
        facts = replace(facts, rejected_in_run=True)
    return _next(state, attempt, facts, f"look-up {event.outcome}")


def after_request(state: State, decision: Send, event: Event) -> State:
    """Return the state after a request."""
    is_new = decision.key is None
    key = decision.key or f"k{state.known.keys}"
    body = "{}" if is_new else decision.body
    attempt = Attempt("company", key, body, state.now, event.outcome, event.status, state.run, event.correlation_id)
    if event.correlation_id == "fresh":
        attempt = replace(attempt, correlation_id=f"fresh {len(state.path)}")
    facts, now = replace(state.facts, has_just_looked=False, rejected_in_run=event.outcome is O.REJECTED), state.now
    if is_new:
        facts = replace(facts, since=now, is_kept=False, first_409_at=NEVER, kept_409s=0)
    if event.outcome in KEPT:
        facts = replace(facts, is_kept=True)
    if event.outcome in DOUBTFUL:
        facts = replace(facts, doubted_at=now, unanswered_at=now, is_resolved=False)
    if event.outcome is O.CONFLICT:
        first_409_at = now if facts.first_409_at == NEVER else facts.first_409_at
        is_kept = event.correlation_id == "kept"
        facts = replace(facts, first_409_at=first_409_at, kept_409s=facts.kept_409s + 1 if is_kept else 0)
    return _next(state, attempt, facts, f"{key} {event.outcome} {event.status}")


def _next(state: State, attempt: Attempt, facts: Facts, text: str) -> State:
    is_over = attempt.outcome in ENDS_THE_RUN
    facts = replace(facts, rejected_in_run=False) if is_over else facts
    known = retry.after(state.known, attempt, "company")
    return State(state.now + 1.0, state.run + is_over, facts, known, (*state.path, (state.now, text)))


def at_clock(state: State, seconds: float) -> State:
    """Return the state after the clock has moved."""
    if not seconds:
        return state
    was_set_back = state.facts.was_set_back or seconds < 0
    facts = replace(state.facts, was_set_back=was_set_back, has_just_looked=False)
    return replace(state, now=state.now + seconds, facts=facts)


# -- the rules: each returns whether a decision keeps it


def nothing_is_sent_in_doubt(state: State, decision: Decision) -> bool:
    """A request that may have been done is looked up before anything is sent, with whatever key."""
    return not isinstance(decision, Send) or state.facts.is_resolved


def a_look_up_waits_until_lists_have_caught_up(state: State, decision: Decision) -> bool:
    """Otherwise it proves nothing."""
    facts = state.facts
    is_early = not facts.is_resolved and 0 <= state.now - facts.doubted_at < SETTLING
    return not isinstance(decision, LookUp) or not is_early or facts.was_set_back


def no_spent_key_is_repeated(state: State, decision: Decision) -> bool:
    """Codat would replay a useless response."""
    return not (isinstance(decision, Send) and decision.key is not None and state.facts.is_kept)


def no_forgotten_key_is_repeated(state: State, decision: Decision) -> bool:
    """It protects from nothing."""
    is_repeat = isinstance(decision, Send) and decision.key is not None
    return not is_repeat or state.now - state.facts.since < KEY_LIFETIME


def no_second_key_while_the_first_may_be_running(state: State, decision: Decision) -> bool:
    """A fresh 409 shows that a request is running; so may one of ours, until long after it was sent."""
    facts = state.facts
    is_second = isinstance(decision, Send) and decision.key is None and facts.since != NEVER
    if not is_second or facts.was_set_back or facts.is_kept or state.now - facts.since >= KEY_LIFETIME:
        return True
    if facts.kept_409s >= 2:
        return facts.is_resolved and state.now >= facts.unanswered_at + MAX_WORK
    return facts.first_409_at == NEVER or state.now >= facts.first_409_at + MAX_WORK


def a_step_is_given_up_only_after_a_rejection_in_this_run(state: State, decision: Decision) -> bool:
    """And Codat has nothing of it only if no request is in doubt."""
    if not isinstance(decision, GiveUp):
        return True
    return state.facts.rejected_in_run and (state.facts.is_resolved or not decision.nothing_exists)


def no_look_up_follows_one_that_found_nothing(state: State, decision: Decision) -> bool:
    """It would cost a request and show the same."""
    return not (isinstance(decision, LookUp) and state.facts.has_just_looked)


Rule = Callable[[State, Decision], bool]
ALWAYS: tuple[Rule, ...] = (
    nothing_is_sent_in_doubt,
    a_look_up_waits_until_lists_have_caught_up,
    no_spent_key_is_repeated,
    no_forgotten_key_is_repeated,
    a_step_is_given_up_only_after_a_rejection_in_this_run,
    no_look_up_follows_one_that_found_nothing,
)
RULES = {Policy.CREATE: (*ALWAYS, no_second_key_while_the_first_may_be_running), Policy.CHANGE: ALWAYS}


def _successors(state: State, decision: Decision) -> Iterator[State]:
    if isinstance(decision, LookUp):
        yield from (after_look_up(state, event) for event in LOOKED_UP)
    elif isinstance(decision, Send):
        yield from (after_request(state, decision, event) for event in SENT)
    elif isinstance(decision, GiveUp):  # another run tries again
        yield replace(state, run=state.run + 1, facts=replace(state.facts, rejected_in_run=False))


def _before_wait(state: State) -> tuple[object, ...]:
    """Return a value that is the same for states that continue alike before they have waited."""
    known = state.known
    doubt = (known.settling, min(round(state.now - known.doubted_at), 100)) if known.in_doubt else None
    return (doubt, *state.identity())


def _require_rules(state: State, decision: Decision, policy: Policy) -> None:
    for rule in RULES[policy]:
        assert rule(state, decision), f"{rule.__name__}:\n{_message(state, decision)}"
    if isinstance(decision, LookUp):  # there is a way to the end: one that finds nothing leads to another decision
        _, following = after_wait(after_look_up(state, LOOKED_UP[0]), policy)
        assert not isinstance(following, LookUp), _message(state, following)


def _message(state: State, decision: Decision) -> str:
    return "\n".join(f"{moment:.0f} {text}" for moment, text in (*state.path, (state.now, str(decision))))


@pytest.mark.parametrize("policy", RULES)
def test_every_sequence_of_six_events_keeps_the_rules(policy: Policy) -> None:
    """Whatever happens, nothing is done twice, and there is a way to the end."""
    level = [State()]
    for depth in range(DEPTH + 1):
        decided: dict[tuple[object, ...], tuple[State, Decision]] = {}
        for before in level:
            for seconds in CLOCKS if depth else CLOCKS[:1]:
                state, decision = after_wait(at_clock(before, seconds), policy)
                if depth < DEPTH:
                    decided[state.identity()] = state, decision
                _require_rules(state, decision, policy)
        level = list({_before_wait(e): e for choice in decided.values() for e in _successors(*choice)}.values())


@pytest.mark.parametrize(("alike", "policy"), [(ALIKE_SENT, Policy.CREATE), (ALIKE_LOOKED_UP, Policy.CHANGE)])
def test_outcomes_that_are_left_out_are_like_another_one(
    alike: dict[Outcome, tuple[Event, ...]], policy: Policy
) -> None:
    """The summary of the journal is the same except for the newest attempt itself."""
    state, decision = after_wait(State(), policy)
    assert isinstance(decision, Send)
    for outcome, others in alike.items():
        for event in others:
            if alike is ALIKE_SENT:
                ends = [after_request(state, decision, each) for each in (Event(outcome), event)]
            else:
                ends = [after_look_up(state, each) for each in (Event(outcome), event)]
            assert len({each.known._replace(last=None) for each in ends}) == 1
            assert len({each.identity() for each in ends}) == 1
