"""Create partner expense connection: its request, and the look-up in the company's connections."""

from __future__ import annotations

import pytest
from support.values import (
    AT,
    BATCH,
    LINKED,
    PARTNER_REJECTED,
    body,
    connection,
    connections_list,
    error,
    lost_changes,
    news,
    ok,
    partner,
    status_changes,
    unfinished_changes,
)

from bulk.codat.responses import Reply
from bulk.engine.changes import NO_ERROR, Changes
from bulk.engine.steps.partner import CreatePartnerConnection
from bulk.model import CustomerRecord, Labels, Outcome, State

STEP = CreatePartnerConnection()
S = State


def test_the_request_has_no_body() -> None:
    """The API defines it without one."""
    request = STEP.request(LINKED, Labels(BATCH))
    assert (request.method, request.body) == ("POST", None)
    assert request.path == "/companies/c/sync/expenses/connections/partnerExpense"


def test_connections_that_a_list_did_not_show_are_looked_up_first() -> None:
    """The company may have a partner connection."""
    assert STEP.may_exist(LINKED.evolve(knows_connections=False))
    assert not STEP.may_exist(LINKED)


@pytest.mark.parametrize(
    ("customer", "reply", "outcome", "changes"),
    [
        (
            PARTNER_REJECTED,
            ok(body(partner())),
            Outcome.DONE,
            {"partner_connection_id": "p", "partner_status": "Linked", "state": S.COMPLETE, "knows_connections": True},
        ),
        (LINKED, ok({}), Outcome.UNKNOWN, {}),  # it may have been created
        (LINKED, error(400), Outcome.REJECTED, {}),
    ],
)
def test_each_reply_has_its_changes(customer: CustomerRecord, reply: Reply, outcome: Outcome, changes: Changes) -> None:
    """A 2xx without the promised content may have been done."""
    reading = STEP.read(customer, reply, AT)
    assert (reading.reply.outcome, news(reading.changes)) == (outcome, changes)
    assert (reading.reply.problem is None) == (outcome is Outcome.DONE)


def test_the_last_error_is_forgotten_once_the_step_is_done() -> None:
    """A report shows only current errors."""
    assert NO_ERROR.items() <= STEP.read(PARTNER_REJECTED, ok(body(partner())), AT).changes.items()


@pytest.mark.parametrize(
    ("reply", "outcome", "changes"),
    [
        (connections_list(connection("Linked")), Outcome.NOT_FOUND, {}),
        (
            connections_list(connection("Linked"), partner()),
            Outcome.FOUND,
            status_changes("Linked", S.COMPLETE, partner_connection_id="p", partner_status="Linked"),
        ),
        # it was not created, and cannot be any more
        (connections_list(connection("Unlinked")), Outcome.NOT_FOUND, status_changes("Unlinked", S.UNLINKED)),
        (connections_list(), Outcome.NOT_FOUND, lost_changes("connection")),
        # it was, and the customer has unlinked since
        (
            connections_list(connection("Unlinked"), partner()),
            Outcome.FOUND,
            status_changes("Unlinked", S.UNLINKED, partner_connection_id="p", partner_status="Linked"),
        ),
        # this very list has made another linkUrl
        (
            connections_list(connection("PendingAuth", "m", link="https://m")),
            Outcome.NOT_FOUND,
            unfinished_changes("m"),
        ),
        (ok({"results": None}), Outcome.UNKNOWN, {}),
    ],
)
def test_the_look_up_shows_whether_the_partner_connection_exists(
    reply: Reply, outcome: Outcome, changes: Changes
) -> None:
    """The other connections do not matter."""
    reading = STEP.read_look_up(LINKED, reply, AT, labels=Labels(BATCH))
    assert (reading.reply.outcome, news(reading.changes)) == (outcome, changes)


def test_a_look_up_that_shows_nothing_new_leaves_the_last_error() -> None:
    """A failed customer has a reason."""
    reading = STEP.read_look_up(LINKED, connections_list(connection("Linked")), AT, labels=Labels(BATCH))
    assert "error" not in reading.changes
