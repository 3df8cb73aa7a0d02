"""Unlink connection: its request, and the look-up in the company's connections."""

from __future__ import annotations

import json

import pytest
from support.values import (
    AT,
    BATCH,
    COMPLETE,
    LINKED,
    MISSING,
    body,
    connection,
    connections_list,
    lost_changes,
    news,
    ok,
    status_changes,
    unfinished_changes,
)

from bulk.codat.responses import Reply
from bulk.engine.changes import Changes
from bulk.engine.steps.unlink import UnlinkConnection
from bulk.model import CustomerRecord, Labels, Outcome, State

STEP = UnlinkConnection()
S = State


def test_the_request_sets_the_status() -> None:
    """Only a Linked connection can be unlinked."""
    request = STEP.request(LINKED, Labels(BATCH))
    assert (request.method, request.path) == ("PATCH", "/companies/c/connections/n")
    assert json.loads(request.body or "") == {"status": "Unlinked"}


def test_a_rejection_leaves_the_customer_as_before() -> None:
    """It is still linked."""
    assert not STEP.fails_customer
    assert STEP.nothing_sent == {}


@pytest.mark.parametrize(
    ("customer", "reply", "outcome", "changes"),
    [
        (COMPLETE, ok(body(connection("Unlinked"))), Outcome.DONE, status_changes("Unlinked", S.UNLINKED)),
        (LINKED, ok(body(connection("Linked"))), Outcome.UNKNOWN, {}),  # the response shows that nothing was done
        (LINKED, ok({}), Outcome.UNKNOWN, {}),
        (LINKED, MISSING, Outcome.REJECTED, {}),
        (
            LINKED,
            ok(body(connection("PendingAuth", link="https://n"))),
            Outcome.DONE,
            unfinished_changes("n"),
        ),
    ],
)
def test_each_reply_has_its_changes(customer: CustomerRecord, reply: Reply, outcome: Outcome, changes: Changes) -> None:
    """A 2xx that does not show the connection as unlinked may have been done."""
    reading = STEP.read(customer, reply, AT)
    assert (reading.reply.outcome, news(reading.changes)) == (outcome, changes)
    assert (reading.reply.problem is None) == (outcome is Outcome.DONE)


@pytest.mark.parametrize(
    ("customer", "reply", "outcome", "changes"),
    [
        (LINKED, connections_list(connection("Linked")), Outcome.NOT_FOUND, {}),
        (COMPLETE, connections_list(connection("Unlinked")), Outcome.FOUND, status_changes("Unlinked", S.UNLINKED)),
        (LINKED, connections_list(), Outcome.FOUND, lost_changes("connection")),
        # another one is linked
        (
            LINKED,
            connections_list(connection("Unlinked"), connection("Linked", "m")),
            Outcome.NOT_FOUND,
            status_changes("Linked", S.LINKED, "m"),
        ),
        (LINKED, ok({"results": None}), Outcome.UNKNOWN, {}),
    ],
)
def test_the_look_up_shows_whether_the_connection_is_still_linked(
    customer: CustomerRecord, reply: Reply, outcome: Outcome, changes: Changes
) -> None:
    """It does not matter who unlinked it."""
    reading = STEP.read_look_up(customer, reply, AT, labels=Labels(BATCH))
    assert (reading.reply.outcome, news(reading.changes)) == (outcome, changes)
