"""Delete company: its request, and the look-up right before it."""

from __future__ import annotations

from typing import Any

import pytest
from support.values import (
    AT,
    BATCH,
    GATEWAY_PAGE,
    MISSING,
    NO_RESPONSE,
    WAITING,
    body,
    connection,
    news,
    ok,
    partner,
)

from bulk.codat import responses
from bulk.codat.responses import Reply
from bulk.engine import changes
from bulk.engine.changes import NOTHING_SENT, Changes
from bulk.engine.steps.deletion import DeleteCompany
from bulk.model import Connection, Labels, Outcome

STEP = DeleteCompany()
DELETED_ON_PURPOSE: Changes = NOTHING_SENT | {"deleted_company_id": WAITING.company_id, "company_origin": "undone"}


def shown(*connections: Connection) -> Reply:
    """Return a reply to Get company."""
    return ok({"id": "c", "dataConnections": [body(each) for each in connections]})


def test_the_request_deletes_and_the_look_up_leaves_links_alone() -> None:
    """Get company makes no other linkUrl useless; Get connection would."""
    request, look_up = STEP.request(WAITING, Labels(BATCH)), STEP.look_up(WAITING)
    assert (request.method, request.path) == ("DELETE", "/companies/c")
    assert (look_up.method, look_up.path) == ("GET", "/companies/c")
    assert not STEP.look_up_renews_links
    assert not STEP.fails_customer


@pytest.mark.parametrize(
    ("reply", "outcome", "expected"),
    [
        (responses.read(204, {}, b""), Outcome.DONE, DELETED_ON_PURPOSE),
        (MISSING, Outcome.DONE, DELETED_ON_PURPOSE),  # somebody was faster
        (GATEWAY_PAGE, Outcome.BLOCKED, {}),
        (NO_RESPONSE, Outcome.UNKNOWN, {}),
    ],
)
def test_each_reply_has_its_changes(reply: Reply, outcome: Outcome, expected: Changes) -> None:
    """A gateway's 404 is not about the company."""
    reading = STEP.read(WAITING, reply, AT)
    assert (reading.reply.outcome, news(reading.changes)) == (outcome, news(expected))
    assert (reading.reply.problem is None) == (outcome is Outcome.DONE)


@pytest.mark.parametrize(
    ("reply", "outcome", "is_needed"),
    [
        (MISSING, Outcome.FOUND, False),  # it is deleted already
        (GATEWAY_PAGE, Outcome.UNKNOWN, True),
        (shown(connection("PendingAuth")), Outcome.NOT_FOUND, True),
        (shown(), Outcome.NOT_FOUND, True),  # its connection was deleted
        (shown(connection("Linked")), Outcome.NOT_FOUND, False),  # somebody has linked it
        (shown(connection("Unlinked")), Outcome.NOT_FOUND, False),  # or had
        (shown(connection("Linked", "m", key="qhyg")), Outcome.NOT_FOUND, False),
        (ok({"id": "c"}), Outcome.UNKNOWN, True),  # it does not show the connections
        (ok({}), Outcome.UNKNOWN, True),
        (shown(connection("PendingAuth"), partner()), Outcome.NOT_FOUND, False),  # it has a partner connection
        # the journal's connection is pending, and an older one shows that somebody has linked the company
        (shown(connection("PendingAuth"), connection("Unlinked", "m")), Outcome.REJECTED, True),
    ],
)
def test_only_a_company_without_a_linked_connection_is_deleted(reply: Reply, outcome: Outcome, is_needed: bool) -> None:
    """Codat is asked right before."""
    reading = STEP.read_look_up(WAITING, reply, AT, labels=Labels(BATCH))
    assert reading.reply.outcome is outcome
    assert STEP.is_needed(changes.apply(WAITING, reading.changes)) is is_needed


def test_a_company_that_is_left_alone_has_a_reason() -> None:
    """The report of `undo` shows it."""
    reading = STEP.read_look_up(
        WAITING, shown(connection("PendingAuth"), connection("Unlinked", "m")), AT, labels=Labels(BATCH)
    )
    assert reading.reply.problem
    assert "linked this company before" in reading.reply.problem.text


@pytest.mark.parametrize("company", [{"id": "c", "dataConnections": "none"}, {"dataConnections": []}, []])
def test_an_odd_company_is_never_deleted(company: Any) -> None:
    """It stays in doubt."""
    assert STEP.read_look_up(WAITING, ok(company), AT, labels=Labels(BATCH)).reply.outcome is Outcome.UNKNOWN
