"""Get company, after a response that Codat has replayed: the company may have been deleted since."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from support.trip import CREATED_CONNECTION, NO_COMPANIES, Trip
from support.values import (
    AT,
    BATCH,
    CREATED,
    MISSING,
    NO_RESPONSE,
    WAITING,
    body,
    connection,
    ok,
)

from bulk.codat.responses import Reply
from bulk.engine.process import Finished
from bulk.engine.steps.confirmation import ConfirmCompany
from bulk.model import DELETED, Labels, Outcome, State

STEP = ConfirmCompany()
REPLAYED = WAITING.evolve(company_origin="replayed", connection_id=None, state=State.PENDING)
SECONDS = 12.0  # that each request takes
DATE = format_datetime(datetime.fromtimestamp(AT, UTC), usegmt=True)


def created(at: str, id_: str = "c", **headers: str) -> Reply:
    """Return Codat's response to Create company, for one that was created at this time."""
    content = {"id": id_, "name": "Acme", "created": at, "dataConnections": []}
    return replace(ok(content), headers={"date": DATE} | headers, seconds=SECONDS)


OLD, FRESH = created("2026-09-21T13:40:00Z"), created("2026-09-21T14:13:19Z", "d")


def test_a_replayed_company_that_exists_is_the_customers(trip: Trip) -> None:
    """A lost journal costs one request more."""
    assert trip.take(OLD, ok({"id": "c", "name": "Acme"}), CREATED_CONNECTION) == Finished(State.LINK_READY)
    assert trip.operations == ["create_company", "get_company", "create_connection"]
    assert (trip.column("company_id"), trip.column("company_origin")) == ("c", "created")


@pytest.mark.parametrize(("at", "is_read"), [("2026-09-21T14:13:00Z", True), ("2026-09-21T14:13:06Z", False)])
def test_a_company_is_read_if_it_is_older_than_its_request(trip: Trip, at: str, is_read: bool) -> None:
    """An undo and a removed folder take seconds. The clocks of Codat's servers may differ by a few."""
    trip.take(created(at), *([ok({"id": "c", "name": "Acme"})] if is_read else []), CREATED_CONNECTION)
    assert ("get_company" in trip.operations) is is_read


def test_a_replayed_company_with_the_tag_of_another_customer_is_a_conflict(trip: Trip) -> None:
    """A person has given it to that customer since."""
    other = {"id": "c", "name": "Acme", "tags": {"bulk_uid": "0" * 32, "uid": "x"}}
    assert trip.take(OLD, ok(other)) == Finished(State.CONFLICT)
    assert trip.column("company_id") is None


def test_a_replayed_company_that_was_deleted_is_created_again(trip: Trip) -> None:
    """With the next key, because Codat replays the deleted company for the first one."""
    replies = OLD, MISSING, NO_COMPANIES, FRESH, CREATED_CONNECTION
    assert trip.take(*replies) == Finished(State.LINK_READY)
    assert trip.operations[:4] == ["create_company", "get_company", "list_companies", "create_company"]
    assert len({key for key in trip.keys if key}) == 3
    assert trip.column("company_id") == "d"


def test_a_list_that_still_shows_the_deleted_company_does_not_bring_it_back(trip: Trip) -> None:
    """The list lags."""
    listed = ok({"results": [{"id": "c", "name": "Acme", "tags": {"bulk_uid": WAITING.tag}}], "totalResults": 1})
    assert trip.take(OLD, MISSING, listed, FRESH, CREATED_CONNECTION) == Finished(State.LINK_READY)
    assert trip.column("company_id") == "d"


def test_a_replayed_company_with_another_name_is_a_conflict(trip: Trip) -> None:
    """A person has renamed it since."""
    assert trip.take(OLD, ok({"id": "c", "name": "Beta"})) == Finished(State.CONFLICT)
    assert trip.column("company_id") is None


@pytest.mark.parametrize(
    "reply",
    [
        created("2026-09-21T14:13:19Z"),
        created("2026-09-21T14:13:05Z"),  # a slow response
        created("2026-09-21T15:00:00Z"),
        created("nonsense"),
        created("2026-09-21T13:40:00Z", date=""),  # no time to compare with
    ],
)
def test_a_new_company_is_not_read_again(trip: Trip, reply: Reply) -> None:
    """Each request counts."""
    assert trip.take(reply, CREATED_CONNECTION) == Finished(State.LINK_READY)
    assert trip.operations == ["create_company", "create_connection"]


def test_a_company_with_another_customers_tag_is_in_doubt(trip: Trip) -> None:
    """Whatever has happened there, its link must not reach this customer."""
    other = ok({"id": "c", "name": "Acme", "tags": {"bulk_uid": "0" * 32}, "dataConnections": []})
    trip.take(other)
    assert trip.outcomes()[0] == ("company", Outcome.UNKNOWN)
    assert trip.column("company_id") is None


@pytest.mark.parametrize("reply", [NO_RESPONSE, ok({})])
def test_without_an_answer_nothing_is_known(reply: Reply) -> None:
    """The customer is tried again."""
    reading = STEP.read(REPLAYED, reply, AT)
    assert (reading.reply.outcome, reading.changes) == (Outcome.UNKNOWN, {})
    assert STEP.request(REPLAYED, Labels(BATCH)).path == "/companies/c"


# -- replayed connections


def replayed(reply: Reply) -> Reply:
    """Return the reply as Codat replays it half an hour later."""
    later = format_datetime(datetime.fromisoformat(CREATED) + timedelta(minutes=30), usegmt=True)
    return replace(reply, headers={"date": later})


def test_the_link_of_a_replayed_connection_is_read_again(trip: Trip) -> None:
    """Codat replays the response as it was. The linkUrl may have been renewed since, and would not open."""
    fresh = ok(body(connection("PendingAuth", link="https://link.example.com/2?otp=2")))
    company = created("2026-09-21T14:13:19Z")
    assert trip.take(company, replayed(CREATED_CONNECTION), fresh) == Finished(State.LINK_READY)
    assert trip.operations == ["create_company", "create_connection", "get_connection"]
    assert trip.column("link_url") == "https://link.example.com/2?otp=2"


def test_the_link_of_a_replayed_connection_that_was_deleted_is_not_handed_out(trip: Trip) -> None:
    """The reports say that it was deleted, and --retry-failed creates another."""
    assert trip.take(created("2026-09-21T14:13:19Z"), replayed(CREATED_CONNECTION), MISSING) == Finished(State.FAILED)
    assert (trip.column("connection_status"), trip.column("link_url")) == (DELETED, None)


def test_a_response_to_the_journals_own_earlier_request_is_not_read_again(trip: Trip) -> None:
    """The first response was lost, and the look-up did not show its company."""
    minute = created("2026-09-21T14:12:20Z")  # a minute old, like the first request
    trip.now -= 60.0
    assert trip.take(NO_RESPONSE) is None
    trip.now += 60.0
    assert trip.take(NO_COMPANIES, minute, CREATED_CONNECTION) == Finished(State.LINK_READY)
    assert "get_company" not in trip.operations
