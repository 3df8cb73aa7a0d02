"""What is asked next of a customer, and what each answer changes about it."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulk.codat import endpoints, responses
from bulk.codat.endpoints import CUSTOMER_TAG
from bulk.codat.responses import Reply
from bulk.engine import steps
from bulk.engine.steps import NO_ERROR, NOTHING_SENT, Changes, Goal
from bulk.model import DELETED, Company, Connection, CustomerRecord, Outcome, Problem, State, Step, customer_tag

AT = 1_790_000_000.0
NOW = steps.timestamp(AT)
CREATED = "2026-09-01T00:00:00Z"
LINK, ISSUED = "https://link.example.com/1", "2026-09-02T00:00:00Z"
O = Outcome  # noqa: E741 - as short as the tables need
S = State

WAITS = CustomerRecord(
    seq=1,
    customer_id="a",
    name="Acme",
    platform_key="gbol",
    description=None,
    is_present=True,
    name_sent="Acme",
    company_id="c",
    connection_id="n",
    connection_status="PendingAuth",
    link_url=LINK,
    state=S.LINK_READY,
    old_link=(LINK, ISSUED),
)
LINKED = WAITS.evolve(connection_status="Linked", state=S.LINKED)
COMPLETE = LINKED.evolve(partner_connection_id="p", partner_status="Linked", state=S.COMPLETE)
REFUSED = LINKED.evolve(state=S.FAILED)  # its partner connection was
EMPTY = WAITS.evolve(connection_id=None, connection_status=None, link_url=None, state=S.PENDING)
NEW = EMPTY.evolve(company_id=None, name_sent=None)
GONE = WAITS.evolve(connection_status=DELETED, state=S.FAILED)


def connection(status: str, name: str = "n", *, key: str | None = "gbol", link: str | None = None) -> Connection:
    """Make an accounting connection."""
    return Connection(name, status, "Accounting", key, link, CREATED)


def partner(name: str = "p", status: str = "Linked") -> Connection:
    """Make a partner expense connection."""
    return Connection(name, status, "Expense", "mlth", None, CREATED)


def company(*connections: Connection, knows: bool = True, tags: dict[str, str] | None = None) -> Company:
    """Make the customer's company."""
    return Company("c", "Acme", None, CREATED, tags or {}, connections, knows_connections=knows)


def body(each: Connection) -> dict[str, Any]:
    """Write a connection as Codat does."""
    content = {"id": each.id, "status": each.status, "sourceType": each.source_type, "created": each.created}
    return content | {"integrationKey": each.platform_key, "linkUrl": each.link_url}


def answer(content: Any) -> Reply:
    """Make a 200."""
    return responses.read(200, {}, json.dumps(content).encode())


def listing(*connections: Connection) -> Reply:
    """Make an answer to List connections."""
    return answer({"results": [body(each) for each in connections]})


NOT_FOUND = responses.read(404, {}, json.dumps({"statusCode": 404, "error": "no such"}).encode())
NO_PAGE = responses.read(404, {}, b"<html>no such page</html>")


def news(changes: Changes) -> Changes:
    """Leave out that there is no error."""
    return {name: value for name, value in changes.items() if name not in NO_ERROR or value is not None}


def status(value: str, state: State, name: str = "n", **more: object) -> Changes:
    """Give the changes of another status of the accounting connection."""
    return {"connection_id": name, "connection_status": value, "state": state, "platform_sent": "gbol"} | more


def link(name: str, url: str | None, issued_at: str | None, state: State = S.LINK_READY) -> Changes:
    """Give the changes of a connection whose linkUrl is taken over."""
    more = {"knows_connections": True, "link_url": url, "link_issued_at": issued_at}
    return status("PendingAuth", state, name, **more)


def lost(what: Step, **more: object) -> Changes:
    """Give the changes of a thing that Codat no longer has."""
    name = "partner_status" if what is Step.PARTNER else "connection_status"
    return {name: DELETED, "state": S.FAILED, "error_step": what, "error_code": "deleted"} | more


STEPS = {
    # status: to link_ready, to a partner, to a fresh link, to unlinked, to undone; of one who has no linkUrl
    None: (Step.CONNECTION, None, None, None, Step.DELETE),
    "PendingAuth": (Step.LINK, None, Step.LINK, None, Step.DELETE),
    "Linked": (None, Step.PARTNER, None, Step.UNLINK, None),
    "Unlinked": (None, None, None, None, None),
    "Deauthorized": (None, None, None, None, None),
    DELETED: (None, None, None, None, Step.DELETE),
    "SomethingNew": (None, None, None, None, None),
}


@pytest.mark.parametrize("value", STEPS)
def test_each_aim_asks_for_one_thing_at_each_status(value: str | None) -> None:
    """What somebody has linked is never deleted, and only what is linked gets a partner or is unlinked."""
    entry = (EMPTY if value is None else WAITS).evolve(connection_status=value, link_url=None)
    assert tuple(steps.next_step(entry, goal) for goal in Goal) == STEPS[value]
    assert [steps.requests_needed(entry, goal) for goal in Goal] == [int(step is not None) for step in STEPS[value]]


@pytest.mark.parametrize(
    ("entry", "goal", "step", "requests"),
    [
        (NEW, Goal.LINK_READY, Step.COMPANY, 2),  # its connection comes right after
        (NEW, Goal.PARTNER, None, 0),  # only a migration begins a customer
        (NEW, Goal.FRESH_LINK, None, 0),
        (NEW, Goal.UNLINKED, None, 0),
        (NEW, Goal.UNDONE, None, 0),
        (WAITS, Goal.LINK_READY, None, 0),  # it has its linkUrl
        (WAITS, Goal.FRESH_LINK, None, 0),  # a link that is good is left alone
        (COMPLETE, Goal.PARTNER, None, 0),  # never a second one
        (COMPLETE, Goal.UNLINKED, Step.UNLINK, 1),
        (COMPLETE.evolve(partner_status=DELETED), Goal.PARTNER, None, 0),  # not unless it is asked for again
    ],
)
def test_nothing_is_asked_for_twice(entry: CustomerRecord, goal: Goal, step: Step | None, requests: int) -> None:
    """Neither a link that is there nor a partner connection."""
    assert (steps.next_step(entry, goal), steps.requests_needed(entry, goal)) == (step, requests)


@pytest.mark.parametrize(
    ("value", "has_partner", "state"),
    [
        (None, False, S.PENDING),
        ("PendingAuth", False, S.LINK_READY),
        ("PendingAuth", True, S.LINK_READY),
        ("Linked", False, S.LINKED),
        ("Linked", True, S.COMPLETE),
        ("Unlinked", True, S.UNLINKED),
        ("Deauthorized", False, S.UNLINKED),
        (DELETED, True, S.FAILED),
        ("SomethingNew", False, S.LINK_READY),
    ],
)
def test_a_status_says_how_far_a_customer_is(value: str | None, has_partner: bool, state: State) -> None:
    """The words of the reports."""
    assert steps.state_of(value, has_partner=has_partner) is state


@pytest.mark.parametrize(
    ("entry", "shown", "changes"),
    [
        # nothing is new
        (WAITS, company(connection("PendingAuth", link="https://other")), {}),
        (LINKED, company(connection("Linked")), {}),
        (COMPLETE, company(connection("Linked"), partner()), {}),
        (REFUSED, company(connection("Linked")), {}),  # a refused partner stays failed until the status changes
        (EMPTY, company(), {}),
        (GONE, company(), {}),
        (COMPLETE.evolve(partner_status=DELETED, state=S.FAILED), company(connection("Linked")), {}),
        # the list did not say which connections there are
        (COMPLETE, company(knows=False), {}),
        (EMPTY, company(knows=False), {}),
        # the customer did something; the linkUrl is left as it is
        (WAITS, company(connection("Linked")), status("Linked", S.LINKED)),
        (LINKED, company(connection("Deauthorized")), status("Deauthorized", S.UNLINKED)),
        (REFUSED, company(connection("Unlinked")), status("Unlinked", S.UNLINKED)),
        (LINKED, company(connection("PendingAuth", link="https://other")), status("PendingAuth", S.LINK_READY)),
        (GONE, company(connection("PendingAuth", link="https://other")), status("PendingAuth", S.LINK_READY)),
        (WAITS.evolve(connection_status="Unlinked"), company(connection("Linked")), status("Linked", S.LINKED)),
        # the partner connection is there
        (
            LINKED,
            company(connection("Linked"), partner()),
            status("Linked", S.COMPLETE, partner_connection_id="p", partner_status="Linked"),
        ),
        (
            REFUSED,
            company(connection("Linked"), partner()),
            status("Linked", S.COMPLETE, partner_connection_id="p", partner_status="Linked"),
        ),
        # another one
        (
            COMPLETE,
            company(connection("Linked"), partner("q", "Unlinked")),
            status("Linked", S.COMPLETE, partner_connection_id="q", partner_status="Unlinked"),
        ),
        # it was deleted
        (COMPLETE, company(connection("Linked")), status("Linked", S.FAILED) | lost(Step.PARTNER)),
        # and the customer is not linked: no reason to fail
        (COMPLETE, company(connection("Unlinked")), status("Unlinked", S.UNLINKED, partner_status=DELETED)),
        # but it is, once the customer is linked again
        (
            COMPLETE.evolve(connection_status="Unlinked", partner_status=DELETED, state=S.UNLINKED),
            company(connection("Linked")),
            status("Linked", S.FAILED) | lost(Step.PARTNER),
        ),
        # the accounting connection was deleted
        (WAITS, company(), lost(Step.CONNECTION)),
        (COMPLETE, company(partner()), lost(Step.CONNECTION)),
        # the company was said to be gone, and it is there again without a connection
        (EMPTY.evolve(connection_status=DELETED), company(), {"connection_status": None, "state": S.PENDING}),
        # the customer chose another platform
        (
            WAITS,
            company(connection("PendingAuth"), connection("Linked", "m", key="qhyg")),
            status("Linked", S.LINKED, "m", knows_connections=True, link_url=None, link_issued_at=None)
            | {"platform_sent": "qhyg"},
        ),
        # another connection, with a linkUrl of its own
        (WAITS, company(connection("PendingAuth", "m", link="https://m")), link("m", "https://m", CREATED)),
        # a linkUrl where the journal has none
        (
            GONE.evolve(link_url=None),
            company(connection("PendingAuth", link="https://n")),
            link("n", "https://n", CREATED),
        ),
    ],
)
def test_what_the_list_shows_is_told_from_what_is_known(
    entry: CustomerRecord, shown: Company, changes: Changes
) -> None:
    """Each transition of a customer who has a company."""
    found = news(steps.refreshed(entry, shown, at=AT))
    found.pop("error", None)
    assert found == changes


STATUSES = st.sampled_from(["PendingAuth", "Linked", "Unlinked", "Deauthorized", "SomethingNew"])
ACCOUNTING = st.builds(connection, STATUSES, st.sampled_from("nm"), link=st.sampled_from([None, "https://n"]))
COMPANIES = st.builds(
    lambda accounting, partners: company(*accounting, *partners),
    st.lists(ACCOUNTING, max_size=2, unique_by=lambda each: each.id),
    st.lists(st.builds(partner, st.sampled_from("pq"), STATUSES), max_size=1),
)
ENTRIES = st.builds(
    lambda entry, value, url, own: entry.evolve(
        connection_status=value or entry.connection_status,
        link_url=url,
        partner_connection_id=own,
        partner_status=own and "Linked",
    ),
    st.sampled_from([WAITS, LINKED, COMPLETE, REFUSED, EMPTY.evolve(connection_status=DELETED), GONE]),
    STATUSES | st.none(),
    st.sampled_from([None, LINK]),
    st.sampled_from([None, "p"]),
)


@given(ENTRIES, COMPANIES)
def test_the_same_list_twice_is_no_news(entry: CustomerRecord, shown: Company) -> None:
    """What was taken over is known."""
    after = steps.apply(entry, steps.refreshed(entry, shown, at=AT))
    assert steps.refreshed(after, shown, at=AT) == {}


@given(ENTRIES, COMPANIES)
def test_a_list_never_replaces_the_link_of_the_same_connection(entry: CustomerRecord, shown: Company) -> None:
    """It shows the last one minted, and not when that was: a wave of emails would go out anew, or not at all."""
    changes = steps.refreshed(entry, shown, at=AT)
    is_same = changes.get("connection_id", entry.connection_id) == entry.connection_id
    if is_same and entry.link_url:
        assert not changes.keys() & {"link_url", "link_issued_at"}


@pytest.mark.parametrize(
    ("step", "entry", "reply", "outcome", "changes"),
    [
        # PARTNER
        (
            Step.PARTNER,
            REFUSED,
            answer(body(partner())),
            O.DONE,
            {"partner_connection_id": "p", "partner_status": "Linked", "state": S.COMPLETE, "knows_connections": True},
        ),
        (Step.PARTNER, LINKED, answer({}), O.UNKNOWN, {}),  # it may have been made
        (Step.PARTNER, LINKED, responses.read(400, {}, b'{"statusCode":400}'), O.REJECTED, {}),
        # UNLINK
        (Step.UNLINK, COMPLETE, answer(body(connection("Unlinked"))), O.DONE, status("Unlinked", S.UNLINKED)),
        (Step.UNLINK, LINKED, answer(body(connection("Linked"))), O.UNKNOWN, {}),  # it says that it did nothing
        (Step.UNLINK, LINKED, answer({}), O.UNKNOWN, {}),
        # LINK
        (
            Step.LINK,
            WAITS,
            answer(body(connection("PendingAuth", link="https://n"))),
            O.DONE,
            link("n", "https://n", NOW),
        ),
        (Step.LINK, WAITS, answer(body(connection("PendingAuth"))), O.UNKNOWN, {}),  # without a linkUrl
        (Step.LINK, WAITS, answer(body(connection("Linked", link="https://n"))), O.DONE, status("Linked", S.LINKED)),
        (Step.LINK, WAITS, NOT_FOUND, O.REJECTED, {"connection_status": DELETED}),
        (Step.LINK, WAITS, NO_PAGE, O.REJECTED, {}),  # a gateway knows nothing of connections
        # DELETE
        (Step.DELETE, WAITS, responses.read(204, {}, b""), O.DONE, NOTHING_SENT | {"deleted_id": WAITS.company_id}),
        (Step.DELETE, WAITS, NOT_FOUND, O.DONE, NOTHING_SENT | {"deleted_id": WAITS.company_id}),  # somebody was faster
        (Step.DELETE, WAITS, NO_PAGE, O.REJECTED, {}),
        (Step.DELETE, WAITS, responses.no_response("no answer"), O.UNKNOWN, {}),
        # COMPANY and CONNECTION
        (Step.COMPANY, NEW, answer({"name": "Acme"}), O.UNKNOWN, {}),  # without an id
        (Step.CONNECTION, EMPTY, NOT_FOUND, O.REJECTED, {}),
        (
            Step.CONNECTION,
            EMPTY,
            answer(body(connection("PendingAuth", link="https://n"))),
            O.DONE,
            link("n", "https://n", NOW),
        ),
        # without a linkUrl: it is asked for next
        (
            Step.CONNECTION,
            EMPTY,
            answer(body(connection("PendingAuth"))),
            O.DONE,
            link("n", None, None, state=S.PENDING),
        ),
    ],
)
def test_each_answer_changes_what_it_says(
    step: Step, entry: CustomerRecord, reply: Reply, outcome: Outcome, changes: Changes
) -> None:
    """And nothing else; what does not say that it was done may have been."""
    read, found = steps.read_answer(entry, step, reply, AT)
    assert (read.outcome, news(found)) == (outcome, news(changes))
    assert (read.problem is None) == (outcome is O.DONE)


@pytest.mark.parametrize(
    ("step", "entry", "reply", "outcome", "changes"),
    [
        # CONNECTION: was it made?
        (Step.CONNECTION, EMPTY, listing(partner()), O.NOT_FOUND, {}),
        (
            Step.CONNECTION,
            EMPTY,
            listing(connection("PendingAuth", link="https://n")),
            O.FOUND,
            link("n", "https://n", NOW),
        ),
        (Step.CONNECTION, EMPTY, answer({"results": None}), O.UNKNOWN, {}),
        # PARTNER: was it made?
        (Step.PARTNER, LINKED, listing(connection("Linked")), O.NOT_FOUND, {}),
        (
            Step.PARTNER,
            LINKED,
            listing(connection("Linked"), partner()),
            O.FOUND,
            status("Linked", S.COMPLETE, partner_connection_id="p", partner_status="Linked"),
        ),
        # not, and it cannot be made any more
        (Step.PARTNER, LINKED, listing(connection("Unlinked")), O.NOT_FOUND, status("Unlinked", S.UNLINKED)),
        (Step.PARTNER, LINKED, listing(), O.NOT_FOUND, lost(Step.CONNECTION)),
        # it was, and the customer has gone since
        (
            Step.PARTNER,
            LINKED,
            listing(connection("Unlinked"), partner()),
            O.FOUND,
            status("Unlinked", S.UNLINKED, partner_connection_id="p", partner_status="Linked"),
        ),
        # this very list has minted another linkUrl
        (
            Step.PARTNER,
            LINKED,
            listing(connection("PendingAuth", "m", link="https://m")),
            O.NOT_FOUND,
            link("m", "https://m", NOW),
        ),
        # UNLINK: is it linked still?
        (Step.UNLINK, LINKED, listing(connection("Linked")), O.NOT_FOUND, {}),
        (Step.UNLINK, COMPLETE, listing(connection("Unlinked")), O.FOUND, status("Unlinked", S.UNLINKED)),
        (Step.UNLINK, LINKED, listing(), O.FOUND, lost(Step.CONNECTION)),
        # another one is
        (
            Step.UNLINK,
            LINKED,
            listing(connection("Unlinked"), connection("Linked", "m")),
            O.NOT_FOUND,
            status("Linked", S.LINKED, "m"),
        ),
    ],
)
def test_a_look_up_says_whether_a_step_was_done(
    step: Step, entry: CustomerRecord, reply: Reply, outcome: Outcome, changes: Changes
) -> None:
    """And whatever else the connections show."""
    read, found = steps.read_connections(entry, step, reply, AT)
    found.pop("error", None)
    assert (read.outcome, news(found)) == (outcome, changes)


def test_a_look_up_that_finds_nothing_new_leaves_said_why_codat_refused() -> None:
    """A customer fails for a reason, not for none."""
    _, changes = steps.read_connections(LINKED, Step.PARTNER, listing(connection("Linked")), AT)
    assert "error" not in changes


@pytest.mark.parametrize(
    ("reply", "outcome", "step"),
    [
        (NOT_FOUND, O.FOUND, None),  # it is gone already
        (NO_PAGE, O.UNKNOWN, Step.DELETE),
        (answer({"id": "c", "dataConnections": [body(connection("PendingAuth"))]}), O.NOT_FOUND, Step.DELETE),
        (answer({"id": "c", "dataConnections": []}), O.NOT_FOUND, Step.DELETE),  # its connection was deleted
        (
            answer({"id": "c", "dataConnections": [body(connection("Linked"))]}),
            O.NOT_FOUND,
            None,
        ),  # somebody has linked it
        (answer({"id": "c", "dataConnections": [body(connection("Unlinked"))]}), O.NOT_FOUND, None),  # or had
        (answer({"id": "c", "dataConnections": [body(connection("Linked", "m", key="qhyg"))]}), O.NOT_FOUND, None),
        (answer({"id": "c"}), O.UNKNOWN, Step.DELETE),  # it does not say which there are
        (answer({}), O.UNKNOWN, Step.DELETE),
    ],
)
def test_only_a_company_that_nobody_has_linked_is_to_be_deleted(
    reply: Reply, outcome: Outcome, step: Step | None
) -> None:
    """Codat is asked right before."""
    read, changes = steps.read_deletable(WAITS, reply, AT)
    assert read.outcome is outcome
    assert steps.next_step(steps.apply(WAITS, changes), Goal.UNDONE) is step


def test_a_company_that_was_deleted_is_not_taken_over_again_by_a_list_that_lags() -> None:
    """The real one is, whichever is older."""
    undone = steps.apply(WAITS, steps.undone(WAITS))
    tags = {CUSTOMER_TAG: customer_tag(WAITS.customer_id)}
    gone = replace(company(tags=tags), id=str(WAITS.company_id))
    real = replace(gone, id="real", created="2026-10-01T00:00:00Z")
    assert steps.company_of(undone, [gone]) is None
    assert steps.company_of(undone, [gone, real]) is real


RESTORED = {"link_url": LINK, "link_issued_at": ISSUED}


@pytest.mark.parametrize(
    ("step", "reply", "in_doubt", "changes"),
    [
        # nothing was done: the link is good as before
        (Step.LINK, responses.not_sent("no connection"), False, RESTORED),
        (Step.LINK, responses.read(429, {}, b""), False, RESTORED),
        (Step.LINK, responses.read(409, {}, b""), False, RESTORED),
        (Step.LINK, responses.read(401, {}, b""), False, RESTORED),
        (Step.LINK, NO_PAGE, False, RESTORED | {"error_step": Step.LINK, "error_code": "404"}),
        # another may have been minted: the last one is no good any more, perhaps
        (Step.LINK, responses.no_response("no answer"), False, {}),
        (Step.LINK, responses.read(502, {}, b""), False, {}),
        (Step.LINK, responses.read(500, {}, b'{"statusCode":500}'), False, {}),
        # what was sent is what Codat has, unless it is certain that it has nothing
        (
            Step.COMPANY,
            NO_PAGE,
            False,
            {"name_sent": None, "description_sent": None, "error_step": Step.COMPANY, "error_code": "404"},
        ),
        (Step.COMPANY, NO_PAGE, True, {"error_step": Step.COMPANY, "error_code": "404"}),
        (Step.COMPANY, responses.read(401, {}, b""), False, {"name_sent": None, "description_sent": None}),
        (Step.COMPANY, responses.read(401, {}, b""), True, {}),
        (Step.CONNECTION, responses.read(402, {}, b""), False, {"platform_sent": None}),
        (Step.COMPANY, responses.read(429, {}, b""), False, {}),
        (Step.PARTNER, NO_PAGE, False, {"error_step": Step.PARTNER, "error_code": "404"}),
        (Step.UNLINK, NO_PAGE, False, {"error_step": Step.UNLINK, "error_code": "404"}),
    ],
)
def test_what_was_not_done_leaves_the_journal_as_it_was(
    step: Step, reply: Reply, in_doubt: bool, changes: Changes
) -> None:
    """As far as it is known that it was not."""
    found = news(steps.left_by(WAITS, step, reply, in_doubt=in_doubt))
    found.pop("error", None)
    assert found == changes


def test_a_link_is_not_good_from_the_moment_that_another_is_asked_for() -> None:
    """Whatever becomes of the process between the two."""
    assert steps.sent(WAITS, Step.LINK) == {"link_url": None, "link_issued_at": None}


OWN, OTHERS = endpoints.batch_tag("autumn"), endpoints.batch_tag("spring")


@pytest.mark.parametrize(
    ("name_sent", "tag", "origin", "batch"),
    [
        ("Acme", OWN, "created", None),  # this journal asked for it
        (None, OWN, "taken_over", OWN),  # it did not: a lost journal, or another batch of that name
        ("Acme", OTHERS, "taken_over", OTHERS),  # another batch was faster
        (None, OTHERS, "taken_over", OTHERS),
        (None, None, "taken_over", None),  # somebody made it by hand
        ("Acme", None, "taken_over", None),
    ],
)
def test_only_what_this_journal_asked_for_counts_as_created(
    name_sent: str | None, tag: str | None, origin: str, batch: str | None
) -> None:
    """What is taken over is never deleted by an undo."""
    tags = {CUSTOMER_TAG: customer_tag("a")} | ({endpoints.BATCH_TAG: tag} if tag else {})
    changes = steps.taken_over(NEW.evolve(name_sent=name_sent), company(tags=tags), batch="autumn", at=AT)
    assert (changes["company_origin"], changes["company_batch"]) == (origin, batch)


@pytest.mark.parametrize(
    ("shown", "state", "knows"),
    [
        (company(), S.PENDING, True),  # its connection comes next, also of one whom Codat had refused
        (company(knows=False), S.PENDING, False),
        (company(connection("PendingAuth", link="https://n")), S.LINK_READY, True),
        (company(connection("PendingAuth")), S.PENDING, True),  # its linkUrl comes next
        (company(connection("Linked")), S.LINKED, True),
        (company(connection("Linked"), partner()), S.COMPLETE, True),
        (company(connection("Unlinked"), partner()), S.UNLINKED, True),
    ],
)
def test_a_company_that_is_taken_over_is_as_far_as_it_is(shown: Company, state: State, knows: bool) -> None:
    """With its connections."""
    after = steps.apply(NEW.evolve(state=S.FAILED), steps.taken_over(NEW, shown, batch="autumn", at=AT))
    assert (after.state, after.knows_connections) == (state, knows)
    assert after.partner_connection_id == next((c.id for c in shown.connections if c.source_type == "Expense"), None)


def test_the_last_error_is_forgotten_once_a_step_is_done() -> None:
    """A report says what is wrong now."""
    _, changes = steps.read_answer(REFUSED, Step.PARTNER, answer(body(partner())), AT)
    assert NO_ERROR.items() <= changes.items()
    assert steps.troubled(Step.PARTNER, None) == {}
    problem = Problem("no", "400", "c0ffee")
    assert steps.troubled(Step.PARTNER, problem).keys() == NO_ERROR.keys()


LOST = COMPLETE.evolve(partner_status=DELETED, state=S.FAILED)  # its partner connection was deleted in Codat


def test_who_has_lost_the_partner_connection_is_not_complete() -> None:
    """Not when the input is edited, which puts the customer back to work, nor when the customer links again."""
    assert steps.state_after(LOST.evolve(state=S.PENDING)) is S.FAILED
    assert steps.state_after(LOST.evolve(connection_status="Deauthorized")) is S.UNLINKED
    again = steps.turned(LOST.evolve(connection_status="Deauthorized"), connection("Linked"))
    assert (again["state"], again["error_step"]) == (S.FAILED, Step.PARTNER)
    assert steps.turned(COMPLETE, connection("Linked"))["state"] is S.COMPLETE


def test_a_partner_connection_that_a_list_shows_again_is_there() -> None:
    """Whatever became of the one before."""
    shown = steps.refreshed(LOST, company(connection("Linked"), partner("other")), at=AT)
    assert (shown["state"], shown["partner_status"], shown["error_step"]) == (S.COMPLETE, "Linked", None)
