"""The processing of one customer: its requests, their keys, and the journal at each moment."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import anyio
import pytest
from support.batches import good
from support.trip import CREATED_COMPANY, CREATED_CONNECTION, NO_COMPANIES, Trip, without_link
from support.values import (
    GATEWAY_PAGE,
    LINK,
    MISSING,
    NO_RESPONSE,
    NOT_SENT,
    body,
    connection,
    connections_list,
    error,
    ok,
    partner,
)

from bulk.codat import responses
from bulk.codat.endpoints import Request
from bulk.codat.responses import Reply
from bulk.engine import retry
from bulk.engine.commands.follow_up import FollowUp
from bulk.engine.commands.links import Links
from bulk.engine.commands.migrate import Migrate
from bulk.engine.commands.undo import Undo
from bulk.engine.commands.unlink import Unlink
from bulk.engine.process import Finished
from bulk.engine.retry import KEY_LIFETIME
from bulk.journal import database, facts, reopening
from bulk.model import DELETED, Connection, Labels, Outcome, State, Stop, customer_tag

S = State
CONFLICT = responses.read(409, {}, b"")
RATE_LIMITED = responses.read(429, {"retry-after": "1"}, b"")
UNAUTHORIZED = error(401)
ACCOUNT_LIMIT = error(402)
BAD_GATEWAY = responses.read(502, {}, b"")
REJECTION = error(400, "the name is wrong")
MISMATCH = error(422, "another body")
SERVER_ERROR = error(500)
NO_CONNECTIONS = connections_list()


def key(number: int, *, step: str = "company", company_id: str = "") -> str:
    """Return a computed key of the customer `a`."""
    known = retry.AttemptHistory(keys=number)
    return retry.next_key(known, tag=customer_tag("a"), step=step, company_id=company_id or None)


def listed(company_id: str = "c", name: str = "Acme") -> Reply:
    """Return a page of companies with the customer's."""
    company = {"id": company_id, "name": name, "tags": {"bulk_uid": customer_tag("a")}, "dataConnections": []}
    return ok({"results": [company], "totalResults": 1})


def with_steps(trip: Trip, command: Any, **columns: object) -> Trip:
    """Let the runs be those of another command, on a customer with these columns."""
    trip.steps, trip.only_present = command.steps, command.only_present
    trip.batch.change("a", **columns)
    return trip


WAITING = {
    "name_sent": "Acme",
    "company_id": "c",
    "company_origin": "created",
    "connection_id": "n",
    "connection_status": "PendingAuth",
    "link_url": LINK,
    "link_issued_at": "2026-09-02T00:00:00Z",
    "state": "link_ready",
}
LINKED = WAITING | {"connection_status": "Linked", "state": "linked"}


# -- the whole process


def test_a_new_customer_takes_two_requests(trip: Trip) -> None:
    """Its company, then its connection, each with its first key."""
    assert trip.take(CREATED_COMPANY, CREATED_CONNECTION) == Finished(S.LINK_READY)
    assert trip.operations == ["create_company", "create_connection"]
    assert trip.keys == [key(0), key(0, step="connection", company_id="c")]
    assert trip.outcomes() == [("company", Outcome.DONE), ("connection", Outcome.DONE)]
    assert (trip.column("state"), trip.column("link_url"), trip.column("attempts")) == ("link_ready", LINK, 2)


def test_the_intent_is_on_disk_before_its_request_leaves(trip: Trip) -> None:
    """Another process reads it there, with what Codat may have from now on."""
    seen: list[tuple[list[tuple[str, Outcome | None]], Any, Any]] = []
    trip.on_send = lambda _: seen.append((trip.outcomes(), trip.column("name_sent"), trip.column("platform_sent")))
    trip.take(CREATED_COMPANY, CREATED_CONNECTION)
    assert seen == [
        ([("company", None)], "Acme", None),
        ([("company", Outcome.DONE), ("connection", None)], "Acme", "gbol"),
    ]


@pytest.mark.parametrize("crashed", ["company", "connection"])
def test_a_request_without_an_outcome_is_looked_up_by_the_next_run(trip: Trip, crashed: str) -> None:
    """The process died while it waited for the response."""
    if crashed == "company":
        assert trip.take() is None
        assert trip.outcomes() == [("company", None)]
        assert trip.take(listed(), CREATED_CONNECTION) == Finished(S.LINK_READY)
        assert trip.operations == ["create_company", "list_companies", "create_connection"]
    else:
        assert trip.take(CREATED_COMPANY) is None
        assert trip.outcomes() == [("company", Outcome.DONE), ("connection", None)]
        found = connections_list(connection("PendingAuth", link=LINK))
        assert trip.take(found, CREATED_CONNECTION) == Finished(S.LINK_READY)
        assert trip.operations == ["create_company", "create_connection", "list_connections", "get_connection"]
    assert trip.column("link_url") == LINK


def test_a_look_up_that_renews_links_is_on_disk_before_it_leaves(trip: Trip) -> None:
    """If the run dies, the look-up may still arrive, and make a linkUrl useless that a later run has read."""
    assert trip.take(CREATED_COMPANY) is None
    seen: list[list[tuple[str, Outcome | None]]] = []
    trip.on_send = lambda _: seen.append(trip.outcomes())
    assert trip.take() is None
    assert trip.operations[-1] == "list_connections"
    assert seen == [[("company", Outcome.DONE), ("connection", None), ("connection", None)]]


def test_a_look_up_that_the_stopped_run_did_not_send_is_recorded_as_such(trip: Trip) -> None:
    """The next run need not wait for it."""
    assert trip.take(CREATED_COMPANY) is None
    trip.after_commit = lambda throttle: throttle.close(Stop("Interrupted", 130))
    assert trip.take() is None
    assert trip.outcomes()[-1] == ("connection", Outcome.NOT_SENT)
    assert trip.operations == ["create_company", "create_connection"]


def test_a_cancelled_run_still_records_the_outcome(trip: Trip) -> None:
    """Between the intent and the outcome nothing is cancelled."""
    trip.on_send = lambda _: trip.scope.cancel()
    trip.take(CREATED_COMPANY)
    assert trip.outcomes()[0] == ("company", Outcome.DONE)
    assert trip.column("company_id") == "c"


def test_a_run_that_is_stopped_after_the_commit_of_an_intent_sends_nothing(trip: Trip) -> None:
    """The intent is recorded as not sent, so no look-up is needed; the next run uses the same key."""
    trip.after_commit = lambda throttle: throttle.close(Stop("Interrupted", 130))
    assert trip.take() is None
    assert (trip.operations, trip.outcomes(), trip.column("attempts")) == ([], [("company", Outcome.NOT_SENT)], 0)
    trip.after_commit = lambda _: None
    assert trip.take(CREATED_COMPANY, CREATED_CONNECTION) == Finished(S.LINK_READY)
    assert trip.keys[0] == key(0)


def test_a_link_of_a_request_that_was_not_sent_still_works(trip: Trip) -> None:
    """It was empty in the journal for a moment only."""
    with_steps(trip, Links, **WAITING)
    trip.after_commit = lambda throttle: throttle.close(Stop("Interrupted", 130))
    trip.feed = without_link
    assert trip.take() is None
    assert (trip.column("link_url"), trip.column("link_issued_at")) == (LINK, WAITING["link_issued_at"])


def test_a_decision_that_no_longer_holds_once_a_slot_is_free_is_made_again(trip: Trip) -> None:
    """The key was forgotten during the wait."""
    text = trip.steps[0].request(trip.customer(), Labels("autumn")).body
    trip.record("company", Outcome.RATE_LIMITED, key=key(0), text=text)
    trip.batch.change("a", name_sent="Acme")
    trip.before = lambda throttle: throttle.resume_hold(trip.now, trip.now + KEY_LIFETIME)
    trip.take(CREATED_COMPANY, CREATED_CONNECTION)
    assert trip.keys[0] == key(1)


# -- keys


def test_a_lost_journal_computes_the_same_keys(trip: Trip, tmp_path: Path) -> None:
    """So Codat replays its responses and creates nothing twice."""
    trip.take(CREATED_COMPANY, CREATED_CONNECTION)
    other = Trip(tmp_path / "another folder", trip.steps)
    other.take(CREATED_COMPANY, CREATED_CONNECTION)
    assert other.keys == trip.keys
    other.batch.db.close()


def test_a_429_repeats_its_key_without_a_look_up(trip: Trip) -> None:
    """Nothing was done."""
    assert trip.take(RATE_LIMITED, CREATED_COMPANY, CREATED_CONNECTION) == Finished(S.LINK_READY)
    assert trip.operations == ["create_company", "create_company", "create_connection"]
    assert trip.keys[:2] == [key(0), key(0)]


def test_a_lost_response_is_looked_up_and_its_key_repeated(trip: Trip) -> None:
    """The look-up did not find the company."""
    assert trip.take(NO_RESPONSE, NO_COMPANIES, CREATED_COMPANY, CREATED_CONNECTION) == Finished(S.LINK_READY)
    assert trip.keys[:3] == [key(0), None, key(0)]


def test_a_server_error_is_looked_up_and_the_next_key_used(trip: Trip) -> None:
    """Codat would replay it."""
    assert trip.take(SERVER_ERROR, NO_COMPANIES, CREATED_COMPANY, CREATED_CONNECTION) == Finished(S.LINK_READY)
    assert trip.keys[:3] == [key(0), None, key(1)]


def test_a_second_conflict_is_looked_up_and_its_key_repeated(trip: Trip) -> None:
    """The request that holds the key may be at work still: the next key would make a second company."""
    assert trip.take(CONFLICT, CONFLICT, NO_COMPANIES, CREATED_COMPANY, CREATED_CONNECTION) == Finished(S.LINK_READY)
    assert trip.keys[:4] == [key(0), key(0), None, key(0)]


def test_the_company_of_a_copy_that_is_running_elsewhere_is_found_after_a_second_conflict(trip: Trip) -> None:
    """It is adopted, and nothing is created twice."""
    assert trip.take(CONFLICT, CONFLICT, listed(), CREATED_CONNECTION) == Finished(S.LINK_READY)
    assert trip.operations.count("create_company") == 2


def test_the_first_422_is_looked_up_and_the_next_key_used(trip: Trip) -> None:
    """The first key belongs to a request with another body."""
    assert trip.take(MISMATCH, NO_COMPANIES, CREATED_COMPANY, CREATED_CONNECTION) == Finished(S.LINK_READY)
    assert trip.keys[:3] == [key(0), None, key(1)]
    assert (trip.column("state"), trip.column("error")) == ("link_ready", None)


def test_a_second_422_is_about_the_row(trip: Trip) -> None:
    """The customer fails, and Codat certainly has nothing."""
    assert trip.take(MISMATCH, NO_COMPANIES, MISMATCH) == Finished(S.FAILED)
    assert (trip.column("state"), trip.column("error_code"), trip.column("name_sent")) == ("failed", "422", None)


def test_only_another_run_tries_a_rejected_customer_again_and_uses_the_next_key(trip: Trip) -> None:
    """The rejection is kept under its key."""
    assert trip.take(REJECTION) == Finished(S.FAILED)
    assert (trip.column("state"), trip.column("error_code"), trip.column("name_sent")) == ("failed", "400", None)
    with database.transaction(trip.batch.db):
        reopening.reopen_failed(trip.batch.db)
    assert trip.take(CREATED_COMPANY, CREATED_CONNECTION) == Finished(S.LINK_READY)
    assert trip.keys[:2] == [key(0), key(1)]


def test_after_a_deletion_the_numbers_of_the_keys_continue(trip: Trip) -> None:
    """Codat would replay the company that was deleted."""
    trip.take(CREATED_COMPANY, CREATED_CONNECTION)
    shown = ok({"id": "c", "dataConnections": [body(connection("PendingAuth"))]})
    assert with_steps(trip, Undo).take(shown, responses.read(204, {}, b"")) == Finished(S.PENDING)
    assert (trip.column("company_id"), trip.column("deleted_company_id"), trip.column("name_sent")) == (None, "c", None)
    trip.steps = Migrate.steps
    another = ok({"id": "c2", "name": "Acme", "dataConnections": []})
    assert trip.take(another, CREATED_CONNECTION) == Finished(S.LINK_READY)
    assert trip.keys[-2:] == [key(1), key(1, step="connection", company_id="c2")]


def test_a_key_in_doubt_is_repeated_with_its_body_to_the_letter(trip: Trip) -> None:
    """An edit of the input would make it a 422; the journal keeps what Codat may have."""
    sent_names: list[Any] = []
    trip.on_send = lambda _: sent_names.append(trip.column("name_sent"))
    trip.take(NO_RESPONSE, interrupts=True)
    trip.batch.enrol("in.csv", [good("a", name="Acme Ltd")])
    assert trip.take(NO_COMPANIES, CREATED_COMPANY, CREATED_CONNECTION) == Finished(S.LINK_READY)
    first, _, repeated, *_ = trip.requests
    assert repeated.body == first.body
    assert trip.keys[:3] == [key(0), None, key(0)]
    assert sent_names == ["Acme"] * 4


def test_a_key_under_which_a_copy_may_be_at_work_is_repeated_with_its_body(trip: Trip) -> None:
    """The next key with another body would create a second company."""
    trip.take(CONFLICT, interrupts=True)
    trip.batch.enrol("in.csv", [good("a", name="Acme Ltd")])
    assert trip.take(CREATED_COMPANY, CREATED_CONNECTION) == Finished(S.LINK_READY)
    assert trip.keys[:2] == [key(0), key(0)]
    assert trip.requests[1].body == trip.requests[0].body


def test_the_latest_values_of_the_input_are_sent_where_nothing_was_done(trip: Trip) -> None:
    """They have the next key, because the old one belongs to another body."""
    trip.take(RATE_LIMITED, interrupts=True)
    trip.batch.enrol("in.csv", [good("a", name="Acme Ltd")])
    assert trip.take(CREATED_COMPANY, CREATED_CONNECTION) == Finished(S.LINK_READY)
    assert trip.keys[:2] == [key(0), key(1)]
    assert "Acme Ltd" in (trip.requests[1].body or "")


def test_a_409_that_codat_keeps_takes_the_next_key_in_the_same_run(trip: Trip) -> None:
    """Both 409s are one response: nothing is running under the key."""
    kept = error(409, "not ready")
    replies = (kept, kept, NO_COMPANIES, CREATED_COMPANY, CREATED_CONNECTION)
    began = trip.now
    assert trip.take(*replies) == Finished(S.LINK_READY)
    assert trip.keys[:4] == [key(0), key(0), None, key(1)]
    assert 60 < trip.now - began < 90


# -- look-ups


def test_a_rejection_after_a_doubt_is_looked_up_before_the_customer_fails(trip: Trip) -> None:
    """It may be the echo of the request's own success."""
    rejected = (NO_RESPONSE, NO_COMPANIES, REJECTION)
    assert trip.take(*rejected, listed(), CREATED_CONNECTION) == Finished(S.LINK_READY)
    assert trip.column("error") is None


def test_a_rejection_after_a_doubt_fails_the_customer_once_the_look_up_finds_nothing(trip: Trip) -> None:
    """Then Codat certainly has nothing."""
    assert trip.take(NO_RESPONSE, NO_COMPANIES, REJECTION, NO_COMPANIES) == Finished(S.FAILED)
    assert (trip.column("state"), trip.column("name_sent"), trip.column("error_code")) == ("failed", None, "400")


@pytest.mark.parametrize("lost", [NO_RESPONSE, RATE_LIMITED, SERVER_ERROR, BAD_GATEWAY, CONFLICT, NOT_SENT])
def test_a_look_up_without_an_answer_ends_no_customer_in_doubt(trip: Trip, lost: Reply) -> None:
    """It is repeated, even if Codat rejected the request before."""
    rejected = (NO_RESPONSE, NO_COMPANIES, REJECTION)
    assert trip.take(*rejected, lost, listed(), CREATED_CONNECTION) == Finished(S.LINK_READY)


def test_a_rejected_look_up_fails_a_customer_that_stays_in_doubt(trip: Trip) -> None:
    """Codat may have the company, so the journal does not say that nothing was sent."""
    assert trip.take(NO_RESPONSE, REJECTION) == Finished(S.FAILED)
    assert (trip.column("state"), trip.column("name_sent"), trip.column("error_code")) == ("failed", "Acme", "400")
    with database.transaction(trip.batch.db):
        reopening.reopen_failed(trip.batch.db)
    assert trip.take(listed(), CREATED_CONNECTION) == Finished(S.LINK_READY)
    assert trip.operations == ["create_company", "list_companies", "list_companies", "create_connection"]


def test_a_look_up_continues_on_the_next_page(trip: Trip) -> None:
    """A filter that Codat ignores shows all companies."""
    first = ok({"results": [{"id": "other", "name": "Other"}], "_links": {"next": {"href": "/companies?page=2"}}})
    assert trip.take(NO_RESPONSE, first, listed(), CREATED_CONNECTION) == Finished(S.LINK_READY)
    assert [request.path for request in trip.requests[1:3]][1] == "/companies?page=2"


def part(shown: Connection, total: int = 2, *, is_last: bool) -> Reply:
    """Return a page of a list of connections."""
    links = {} if is_last else {"next": {"href": "/companies/c/connections?page=2"}}
    return ok({"results": [body(shown)], "totalResults": total, "_links": links})


BANKING = Connection("b", "Linked", "Banking", "zzzz", None, None)


@pytest.mark.parametrize("first", [BANKING, connection("Unlinked", "old")])
def test_a_list_of_connections_is_read_to_its_end(trip: Trip, first: Connection) -> None:
    """The connection is on its second page, so it is not created again."""
    second = part(connection("PendingAuth", link=LINK), is_last=True)
    replies = CREATED_COMPANY, NO_RESPONSE, part(first, is_last=False), second, CREATED_CONNECTION
    assert trip.take(*replies) == Finished(S.LINK_READY)
    assert trip.operations == ["create_company", "create_connection", *["list_connections"] * 2, "get_connection"]
    assert (trip.column("connection_id"), trip.requests[-2].path) == ("n", "/companies/c/connections?page=2")


@pytest.mark.parametrize(
    ("command", "second", "state"),
    [(FollowUp, partner(), S.COMPLETE), (Unlink, connection("Unlinked"), S.UNLINKED)],
)
def test_every_step_reads_the_list_of_connections_to_its_end(
    trip: Trip, command: Any, second: Connection, state: State
) -> None:
    """Also after a page without a response."""
    with_steps(trip, command, **LINKED)
    first = connection("Linked") if command is FollowUp else BANKING
    pages = part(first, is_last=False), part(second, is_last=True)
    assert trip.take(NO_RESPONSE, pages[0], NO_RESPONSE, *pages) == Finished(state)
    assert trip.operations.count("list_connections") == 4


def test_a_list_of_connections_that_is_not_complete_proves_nothing(trip: Trip) -> None:
    """The look-up is repeated, and the connection is not created again."""
    incomplete = part(BANKING, is_last=True)
    found = connections_list(connection("PendingAuth", link=LINK))
    assert trip.take(CREATED_COMPANY, NO_RESPONSE, incomplete, found, CREATED_CONNECTION) == Finished(S.LINK_READY)
    assert trip.operations.count("create_connection") == 1


@pytest.mark.parametrize("pages", [1, 2, 3])
def test_a_look_up_in_pages_that_repeat_themselves_ends(trip: Trip, pages: int) -> None:
    """The customer stays in doubt, and is left for another run."""

    class Circle:
        sent = 0

        async def send(self, request: Request, *, key: str | None = None) -> Reply:
            del key
            self.sent += 1
            assert self.sent < 100, "it never ends"
            if request.method == "POST":
                return NO_RESPONSE
            number = (self.sent - 2) % pages + 2
            following = {"next": {"href": f"/companies?page={number}"}}
            return ok({"results": [{"id": "other", "name": "Other"}], "_links": following})

    assert trip.run(Circle()) == Finished(S.PENDING, is_left=True)
    assert trip.outcomes()[-1] == ("company", Outcome.UNKNOWN)


# -- failures


def test_a_customer_with_six_passing_faults_is_left_for_another_run(trip: Trip) -> None:
    """Its state stays, and the report shows the last fault."""
    assert trip.take(*[NOT_SENT] * retry.MAX_TRIES) == Finished(S.PENDING, is_left=True)
    assert (trip.column("state"), trip.column("error"), trip.column("error_step")) == (
        "pending",
        "no connection",
        "company",
    )


def test_a_blocked_request_is_repeated_with_its_key_and_without_a_look_up(trip: Trip) -> None:
    """A firewall answered, so Codat did nothing. The error is gone once the request gets through."""
    seen: list[str | None] = []
    trip.on_send = lambda _: seen.append(trip.column("error"))
    assert trip.take(GATEWAY_PAGE, GATEWAY_PAGE, CREATED_COMPANY, CREATED_CONNECTION) == Finished(S.LINK_READY)
    assert trip.keys[:3] == [key(0)] * 3
    assert seen == [None, *["HTTP 404: no such page"] * 2, None]


def test_a_customer_that_is_always_blocked_is_left_for_another_run(trip: Trip) -> None:
    """The report shows who answered instead of Codat."""
    assert trip.take(*[GATEWAY_PAGE] * retry.MAX_TRIES) == Finished(S.PENDING, is_left=True)
    assert (trip.column("error"), trip.column("error_code")) == ("HTTP 404: no such page", "blocked")


def test_a_blocked_look_up_proves_nothing(trip: Trip) -> None:
    """It is repeated, and the request after it is not sent before."""
    assert trip.take(NO_RESPONSE, GATEWAY_PAGE, listed(), CREATED_CONNECTION) == Finished(S.LINK_READY)
    assert trip.operations == ["create_company", *["list_companies"] * 2, "create_connection"]


def test_a_success_starts_the_count_of_faults_again(trip: Trip) -> None:
    """Faults count in a row."""
    faults = [NOT_SENT] * (retry.MAX_TRIES - 1)
    assert trip.take(*faults, CREATED_COMPANY, *faults, CREATED_CONNECTION) == Finished(S.LINK_READY)


def in_doubt(step: str) -> Callable[[Trip], None]:
    """Record a request in doubt that was looked up and not found, so the next one repeats its key."""

    def record(trip: Trip) -> None:
        own = next(each for each in trip.steps if each.name == step)
        text = own.request(trip.customer(), Labels("autumn")).body
        trip.record(step, Outcome.UNKNOWN, key="k", text=text)
        trip.record(step, Outcome.NOT_FOUND, key=None)

    return record


def nothing(_: Trip) -> None:
    """Record nothing."""


NO_ERROR = {"error_step": None, "error_code": None}
SENT = {"name_sent": "Acme", "description_sent": None}
COMPANY_ERROR = {"error_step": "company", "error_code": "404"}
BLOCKED_ERROR = {"error_step": "company", "error_code": "blocked"}


@pytest.mark.parametrize(
    ("command", "columns", "before", "reply", "expected"),
    [
        # Codat may have the values that were sent, unless it certainly has nothing
        (None, {}, nothing, MISSING, {"name_sent": None} | COMPANY_ERROR),
        (None, SENT, in_doubt("company"), MISSING, SENT | COMPANY_ERROR),
        (None, {}, nothing, GATEWAY_PAGE, {"state": "pending"} | SENT | BLOCKED_ERROR),
        (None, SENT, in_doubt("company"), GATEWAY_PAGE, {"state": "pending"} | SENT | BLOCKED_ERROR),
        (None, {}, nothing, UNAUTHORIZED, {"name_sent": None} | NO_ERROR),
        (None, SENT, in_doubt("company"), UNAUTHORIZED, SENT | NO_ERROR),
        (None, {}, nothing, RATE_LIMITED, SENT | NO_ERROR),
        (None, {}, nothing, NO_RESPONSE, SENT | NO_ERROR),
        (
            None,
            {"name_sent": "Acme", "company_id": "c"},
            nothing,
            ACCOUNT_LIMIT,
            {"platform_sent": None, "name_sent": "Acme"} | NO_ERROR,
        ),
        (
            None,
            {"name_sent": "Acme", "company_id": "c"},
            nothing,
            REJECTION,
            {"platform_sent": None, "name_sent": "Acme", "error_step": "connection", "error_code": "400"},
        ),
        (FollowUp, LINKED, nothing, MISSING, {"state": "failed", "error_step": "partner", "error_code": "404"}),
        (FollowUp, LINKED, nothing, GATEWAY_PAGE, {"state": "linked", "error_code": "blocked"}),
        # a rejected unlinking or deletion leaves the customer as it was
        (Unlink, LINKED, nothing, MISSING, {"state": "linked", "error_step": "unlink", "error_code": "404"}),
        # the old link is restored only where Codat certainly made no other
        (Links, WAITING, nothing, NOT_SENT, {"link_url": LINK} | NO_ERROR),
        (Links, WAITING, nothing, RATE_LIMITED, {"link_url": LINK} | NO_ERROR),
        (Links, WAITING, nothing, CONFLICT, {"link_url": LINK} | NO_ERROR),
        (Links, WAITING, nothing, UNAUTHORIZED, {"link_url": LINK} | NO_ERROR),
        (Links, WAITING, nothing, GATEWAY_PAGE, {"link_url": LINK, "error_step": "link", "error_code": "blocked"}),
        (Links, WAITING, nothing, NO_RESPONSE, {"link_url": None, "link_issued_at": None} | NO_ERROR),
        (Links, WAITING, nothing, BAD_GATEWAY, {"link_url": None} | NO_ERROR),
        (Links, WAITING, nothing, SERVER_ERROR, {"link_url": None} | NO_ERROR),
        # the connection was deleted
        (Links, WAITING, nothing, MISSING, {"state": "failed", "connection_status": DELETED, "error_code": "404"}),
    ],
)
def test_a_failure_leaves_the_journal_as_it_was_as_far_as_that_is_certain(
    trip: Trip,
    command: Any,
    columns: dict[str, object],
    before: Callable[[Trip], None],
    reply: Reply,
    expected: dict[str, object],
) -> None:
    """After one reply; the run is interrupted then."""
    if command is not None:
        with_steps(trip, command)
    trip.batch.change("a", **columns)
    before(trip)
    trip.feed = without_link if command is Links else trip.feed
    trip.take(reply, interrupts=True)
    assert trip.batch.read("a", *expected) == expected


def test_a_rejected_customer_never_looks_untouched(trip: Trip) -> None:
    """The feed of untouched customers would hand it out once more, to another worker of this run."""
    seen: list[tuple[str, str | None]] = []
    trip.after_commit = lambda _: seen.append((trip.column("state"), trip.column("name_sent")))
    trip.take(REJECTION)
    assert seen == [("pending", "Acme"), ("pending", "Acme"), ("failed", None)]


def test_a_company_that_somebody_has_linked_is_left_alone(trip: Trip) -> None:
    """`undo` says why, and the customer stays as it was."""
    with_steps(trip, Undo, **WAITING)
    shown = ok({"id": "c", "dataConnections": [body(connection("PendingAuth")), body(connection("Unlinked", "m"))]})
    assert trip.take(shown) == Finished(S.FAILED)
    assert trip.operations == ["get_company"]
    assert (trip.column("state"), trip.column("error_code")) == ("link_ready", "linked")


def test_a_failed_customer_that_is_selected_again_and_needs_no_step_gets_its_state_back(trip: Trip) -> None:
    """For example, its connection was linked in the meantime."""
    trip.batch.change("a", **LINKED | {"state": "pending"})
    assert trip.take() == Finished(S.LINKED)
    assert (trip.column("state"), trip.operations) == ("linked", [])


def test_a_customer_whose_partner_connection_was_lost_stays_failed(trip: Trip) -> None:
    """An edit of the input selects it again, and it is not complete."""
    lost = {"partner_connection_id": "p", "partner_status": DELETED, "state": "pending"}
    trip.batch.change("a", **LINKED | lost)
    assert trip.take() == Finished(S.FAILED)
    assert trip.column("state") == "failed"


# -- customers that the input no longer has


def remove(trip: Trip) -> None:
    """Let the input no longer have the customer."""
    trip.batch.enrol("in.csv", [good("b")])
    assert trip.batch.presence()["a"] == "removed"


def test_a_removed_customer_that_codat_does_not_have_is_forgotten(trip: Trip) -> None:
    """The doubt is resolved first."""
    trip.take(SERVER_ERROR, interrupts=True)
    remove(trip)
    assert trip.take(NO_COMPANIES) == Finished(None)
    assert trip.is_forgotten()
    assert trip.operations == ["create_company", "list_companies"]


def test_a_removed_customer_that_codat_has_gets_nothing_else(trip: Trip) -> None:
    """Its company is in the reports, and no connection is created."""
    trip.take(NO_RESPONSE, interrupts=True)
    remove(trip)
    assert trip.take(listed()) == Finished(S.PENDING)
    assert (trip.column("company_id"), trip.operations) == ("c", ["create_company", "list_companies"])


@pytest.mark.parametrize(
    ("reply", "looked_up"),
    [(NO_RESPONSE, (NO_COMPANIES,)), (CONFLICT, ())],  # the request of a copy may be at work
)
def test_a_removed_customer_is_kept_while_its_key_may_still_create_a_company(
    trip: Trip, reply: Reply, looked_up: tuple[Reply, ...]
) -> None:
    """The request may have been at work during the look-up."""
    trip.take(reply, interrupts=True)
    remove(trip)
    assert trip.take(*looked_up) == Finished(S.PENDING)
    assert not trip.is_forgotten()
    trip.now += KEY_LIFETIME
    assert trip.take(NO_COMPANIES) == Finished(None)
    assert trip.is_forgotten()


def test_a_removed_customer_whose_company_was_deleted_on_purpose_stays_known(trip: Trip) -> None:
    """Its row may return to the input, and its company must not be created again then."""
    trip.take(CREATED_COMPANY, CREATED_CONNECTION)
    remove(trip)
    shown = ok({"id": "c", "dataConnections": [body(connection("PendingAuth"))]})
    assert with_steps(trip, Undo).take(shown, responses.read(204, {}, b"")) == Finished(None)
    assert trip.batch.presence()["a"] == "removed"
    assert trip.column("company_origin") == "undone"


# -- limits in responses


@pytest.mark.parametrize(("remaining", "waits"), [(3, False), (2, True)])
def test_a_look_up_leaves_enough_of_the_quota_for_the_customer(trip: Trip, remaining: int, waits: bool) -> None:
    """It may find nothing: then the company and its connection are requested in the same day."""
    sent_at: list[float] = []
    trip.on_send = lambda _: sent_at.append(anyio.current_time())
    resets_at = "Mon, 21 Sep 2026 15:13:20 GMT"  # in an hour
    quota = {"x_rate_limit_limit": "1000", "x_rate_limit_remaining": str(remaining), "x_rate_limit_reset": resets_at}
    fault = error(500, "a fault", **quota)
    assert trip.take(fault, NO_COMPANIES, CREATED_COMPANY, CREATED_CONNECTION) == Finished(S.LINK_READY)
    assert (sent_at[1] > 3000) is waits, "the look-up is the second request"


def test_the_journal_keeps_the_quota_and_the_end_of_a_retry_after(trip: Trip) -> None:
    """The next run waits for it."""
    headers = {
        "x-rate-limit-limit": "1000",
        "x-rate-limit-remaining": "7",
        "x-rate-limit-reset": "2026-09-22T00:00:00Z",
    }
    trip.take(responses.read(429, headers | {"retry-after": "30"}, b""), interrupts=True)
    assert facts.get(trip.batch.db, "quota_remaining") == "7"
    retry_after = facts.retry_after(trip.batch.db)
    assert retry_after is not None
    noted_at, until = retry_after
    assert until - noted_at == pytest.approx(30, abs=1)
