"""Get connection: a fresh linkUrl, and the end of the old one."""

from __future__ import annotations

import pytest
from support.values import (
    AT,
    BATCH,
    GATEWAY_PAGE,
    ISSUED,
    LINK,
    MISSING,
    NO_RESPONSE,
    NOT_SENT,
    NOW,
    TO_RENEW,
    WAITING,
    body,
    connection,
    error,
    link_changes,
    news,
    ok,
    status_changes,
)

from bulk.codat import responses
from bulk.codat.responses import Reply
from bulk.engine import retry
from bulk.engine.changes import Changes
from bulk.engine.steps.link import RenewLink
from bulk.model import DELETED, Attempt, Labels, Outcome, State

STEP = RenewLink()
RUN = 2
RESTORED = {"link_url": LINK, "link_issued_at": ISSUED}


def attempt(outcome: Outcome | None, *, run: int = RUN, step: str = "link") -> Attempt:
    """Return an attempt to renew the link."""
    return Attempt(step, None, None, AT, outcome, run=run)


def test_the_request_reads_the_connection() -> None:
    """A GET has no key."""
    request = STEP.request(TO_RENEW, Labels(BATCH))
    assert (request.method, request.path) == ("GET", "/companies/c/connections/n")


def test_the_old_link_is_useless_from_the_moment_that_another_is_requested() -> None:
    """This is true even if the process ends before the reply."""
    assert STEP.on_intent(WAITING) == {"link_url": None, "link_issued_at": None}


@pytest.mark.parametrize(
    ("reply", "outcome", "changes"),
    [
        (ok(body(connection("PendingAuth", link="https://n"))), Outcome.DONE, link_changes("n", "https://n", NOW)),
        (ok(body(connection("PendingAuth"))), Outcome.UNKNOWN, {}),  # without a linkUrl
        # the customer has authorized in the meantime
        (ok(body(connection("Linked", link="https://n"))), Outcome.DONE, status_changes("Linked", State.LINKED)),
        (MISSING, Outcome.REJECTED, {"connection_status": DELETED}),
        (GATEWAY_PAGE, Outcome.BLOCKED, {}),  # a gateway knows nothing about connections
        (ok({}), Outcome.UNKNOWN, {}),
    ],
)
def test_each_reply_has_its_changes(reply: Reply, outcome: Outcome, changes: Changes) -> None:
    """A 2xx without a linkUrl may have issued one."""
    reading = STEP.read(TO_RENEW, reply, AT)
    assert (reading.reply.outcome, news(reading.changes)) == (outcome, changes)
    assert (reading.reply.problem is None) == (outcome is Outcome.DONE)


@pytest.mark.parametrize(
    ("reply", "changes"),
    [
        # nothing was done: the old link works as before
        (NOT_SENT, RESTORED),
        (responses.read(429, {}, b""), RESTORED),
        (responses.read(409, {}, b""), RESTORED),
        (responses.read(401, {}, b""), RESTORED),
        (GATEWAY_PAGE, RESTORED),
        # Codat may have made another: the old one may no longer work
        (NO_RESPONSE, {}),
        (responses.read(502, {}, b""), {}),
        (error(500), {}),
    ],
)
def test_the_old_link_is_restored_only_where_codat_certainly_made_no_other(reply: Reply, changes: Changes) -> None:
    """Nobody receives a link that does not open."""
    customer = TO_RENEW.evolve(history=(attempt(reply.outcome),))
    assert STEP.on_failure(customer, reply) == changes


@pytest.mark.parametrize(
    ("earlier", "is_restored"),
    [
        ((), True),
        ((attempt(Outcome.RATE_LIMITED),), True),  # nothing was done
        ((attempt(Outcome.NOT_SENT), attempt(Outcome.CONFLICT)), True),
        ((attempt(Outcome.UNKNOWN),), False),  # a lost response may have carried another link
        ((attempt(Outcome.SERVER_ERROR), attempt(Outcome.NOT_SENT)), False),
        # the journal's link is younger than every request of an earlier run, whose intent emptied it
        ((attempt(Outcome.UNKNOWN, run=1),), True),
        ((attempt(None, run=1), attempt(Outcome.DONE, run=1)), True),
        ((attempt(Outcome.UNKNOWN, run=1), attempt(Outcome.UNKNOWN)), False),
        ((attempt(Outcome.UNKNOWN, step="connection"),), True),  # that request made no linkUrl for this connection
    ],
)
def test_a_lost_request_of_this_run_may_have_issued_another_link(
    earlier: tuple[Attempt, ...], is_restored: bool
) -> None:
    """After such a request, no reply restores the old link."""
    customer = TO_RENEW.evolve(history=(*earlier, attempt(Outcome.NOT_SENT)))
    assert STEP.on_failure(customer, NOT_SENT) == (RESTORED if is_restored else {})


@pytest.mark.parametrize("outcome", [None, Outcome.UNKNOWN, Outcome.SERVER_ERROR])
def test_a_look_up_of_the_connection_that_may_still_arrive_is_waited_for(outcome: Outcome | None) -> None:
    """Its list makes the linkUrl useless that this step would receive before."""
    history = STEP.history(WAITING.evolve(history=(attempt(outcome, step="connection"),)))
    assert isinstance(retry.decide(history, STEP.policy, AT + 1, run=RUN, timeout=10.0), retry.Wait)
    assert retry.decide(history, STEP.policy, AT + 60, run=RUN, timeout=10.0) == retry.Send()


@pytest.mark.parametrize("outcome", [Outcome.FOUND, Outcome.NOT_FOUND, Outcome.DONE])
def test_a_look_up_of_the_connection_that_has_ended_is_not(outcome: Outcome) -> None:
    """Nothing more comes of it."""
    history = STEP.history(WAITING.evolve(history=(attempt(outcome, step="connection"),)))
    assert retry.decide(history, STEP.policy, AT + 1, run=RUN, timeout=10.0) == retry.Send()
