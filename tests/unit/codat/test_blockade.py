"""When everybody counts as blocked."""

from __future__ import annotations

import pytest

from bulk.codat import responses
from bulk.codat.blockade import MIN_BLOCKED, MIN_SECONDS, Blockade, blocked_reason
from bulk.codat.responses import Reply
from bulk.model import Outcome

BLOCKED = responses.read(403, {}, b"<html>Access denied</html>")
DONE, FAULT, REJECTED = Reply(Outcome.DONE, 200), responses.no_response("lost"), Reply(Outcome.REJECTED, 400)
Replies = list[tuple[Reply, bool, bool]]  # the reply; whether the request creates something, and is a repeat


def blocked(number: int, *, creates: bool = True, is_repeat: bool = False) -> Replies:
    """Return this many blocked requests."""
    return [(BLOCKED, creates, is_repeat)] * number


@pytest.mark.parametrize(
    ("replies", "is_total"),
    [
        (blocked(MIN_BLOCKED), True),
        (blocked(MIN_BLOCKED - 1), False),
        (blocked(5) + blocked(1000, is_repeat=True), False),  # the same five customers, again and again
        ([*blocked(MIN_BLOCKED), (FAULT, True, False)], True),  # a fault proves nothing
        ([*blocked(MIN_BLOCKED), (DONE, True, False)], False),
        ([*blocked(MIN_BLOCKED), (REJECTED, True, False)], False),  # Codat responds
        ([*blocked(MIN_BLOCKED), (DONE, False, False)], True),  # a look-up proves nothing for POSTs
        ([*blocked(MIN_BLOCKED, creates=False), (DONE, False, False)], False),
    ],
)
def test_a_hundred_customers_in_a_row_without_a_success_are_everybody(replies: Replies, is_total: bool) -> None:
    """After twenty seconds."""
    blockade = Blockade()
    for reply, creates, is_repeat in replies:
        blockade.on_reply(reply, 0.0, creates=creates, is_repeat=is_repeat)
    assert blockade.is_total(MIN_SECONDS) is is_total
    assert not blockade.is_total(MIN_SECONDS - 1)


@pytest.mark.parametrize(("status", "names_the_key"), [(401, True), (403, True), (404, False)])
def test_the_reason_shows_who_answers(status: int, names_the_key: bool) -> None:
    """A 401 or 403 without a body may be about the key nevertheless."""
    reason = blocked_reason(responses.read(status, {}, b"<p>Sign in to the network</p>"))
    assert f"HTTP {status}: Sign in to the network" in reason
    assert ("CODAT_API_KEY" in reason) is names_the_key
