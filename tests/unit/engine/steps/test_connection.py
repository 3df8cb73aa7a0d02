"""Create connection: its request, and the look-up in the company's connections."""

from __future__ import annotations

import json

import pytest
from support.values import (
    AT,
    BATCH,
    MISSING,
    NOW,
    WITHOUT_CONNECTION,
    body,
    connection,
    connections_list,
    link_changes,
    news,
    ok,
    partner,
    status_changes,
    unfinished_changes,
)

from bulk.codat.responses import Reply
from bulk.engine.changes import Changes
from bulk.engine.steps.connection import CreateConnection
from bulk.model import Labels, Outcome, State

STEP = CreateConnection()


def test_the_request_names_the_platform() -> None:
    """One accounting connection for a company."""
    request = STEP.request(WITHOUT_CONNECTION, Labels(BATCH))
    assert (request.method, request.path) == ("POST", "/companies/c/connections")
    assert json.loads(request.body or "") == {"platformKey": "gbol"}
    assert STEP.look_up(WITHOUT_CONNECTION).path.partition("?")[0] == "/companies/c/connections"


def test_the_intent_records_a_possible_platform_and_a_certain_failure_removes_it() -> None:
    """An edit of the input shows as a difference only where Codat has the platform."""
    assert STEP.on_intent(WITHOUT_CONNECTION) == {"platform_sent": "gbol"}
    assert STEP.nothing_sent == {"platform_sent": None}


def test_connections_that_a_list_did_not_show_are_looked_up_first() -> None:
    """The company may have been adopted with a connection."""
    assert STEP.may_exist(WITHOUT_CONNECTION.evolve(knows_connections=False))
    assert not STEP.may_exist(WITHOUT_CONNECTION)


@pytest.mark.parametrize(
    ("reply", "outcome", "changes"),
    [
        (MISSING, Outcome.REJECTED, {}),
        (ok(body(connection("PendingAuth", link="https://n"))), Outcome.DONE, link_changes("n", "https://n", NOW)),
        # without a linkUrl: it is requested next
        (ok(body(connection("PendingAuth"))), Outcome.DONE, link_changes("n", None, None, state=State.PENDING)),
        (ok({"id": "n"}), Outcome.UNKNOWN, {}),  # without a status
    ],
)
def test_each_reply_has_its_changes(reply: Reply, outcome: Outcome, changes: Changes) -> None:
    """A 2xx without the promised content may have been done."""
    reading = STEP.read(WITHOUT_CONNECTION, reply, AT)
    assert (reading.reply.outcome, news(reading.changes)) == (outcome, changes)
    assert (reading.reply.problem is None) == (outcome is Outcome.DONE)


@pytest.mark.parametrize(
    ("reply", "outcome", "changes"),
    [
        (connections_list(partner()), Outcome.NOT_FOUND, {}),
        (
            connections_list(connection("PendingAuth", link="https://n")),
            Outcome.FOUND,
            unfinished_changes("n"),  # a list does not show a linkUrl that opens
        ),
        (
            connections_list(connection("Linked")),
            Outcome.FOUND,
            status_changes("Linked", State.LINKED, knows_connections=True, link_url=None, link_issued_at=None),
        ),
        (ok({"results": None}), Outcome.UNKNOWN, {}),
    ],
)
def test_the_look_up_shows_whether_the_connection_exists(reply: Reply, outcome: Outcome, changes: Changes) -> None:
    """A partner connection is not one."""
    reading = STEP.read_look_up(WITHOUT_CONNECTION, reply, AT, labels=Labels(BATCH))
    assert (reading.reply.outcome, news(reading.changes)) == (outcome, changes)


def test_the_look_up_renews_links() -> None:
    """A lost one must have ended before the next."""
    assert STEP.look_up_renews_links
