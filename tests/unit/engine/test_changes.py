"""How Codat's companies and connections change a customer."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.values import (
    BATCH,
    COMPLETE,
    CONNECTION_LOST,
    LINK,
    LINKED,
    NEW,
    PARTNER_LOST,
    PARTNER_REJECTED,
    WAITING,
    WITHOUT_CONNECTION,
    company,
    connection,
    lost_changes,
    news,
    partner,
    status_changes,
    unfinished_changes,
)

from bulk.codat import endpoints
from bulk.codat.endpoints import CUSTOMER_TAG
from bulk.engine import changes
from bulk.engine.changes import NO_ERROR, Changes
from bulk.model import DELETED, Company, Connection, CustomerRecord, Labels, Problem, State, customer_tag

S = State


@pytest.mark.parametrize(
    ("status", "has_partner", "state"),
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
def test_a_status_determines_the_state_of_a_customer(status: str | None, has_partner: bool, state: State) -> None:
    """The reports use these names."""
    assert changes.state_of(status, has_partner=has_partner) is state


@pytest.mark.parametrize(
    ("customer", "state"),
    [
        (NEW, S.PENDING),
        (NEW.evolve(connection_status="Linked"), S.PENDING),  # without a company nothing else counts
        (WITHOUT_CONNECTION, S.PENDING),
        (WAITING, S.LINK_READY),
        (LINKED, S.LINKED),
        (PARTNER_REJECTED, S.LINKED),  # taken up again
        (COMPLETE, S.COMPLETE),
        (CONNECTION_LOST, S.FAILED),
        # an edit of the input puts the customer back to work
        (PARTNER_LOST.evolve(state=S.PENDING), S.FAILED),
        (PARTNER_LOST.evolve(connection_status="Deauthorized"), S.UNLINKED),
    ],
)
def test_the_state_of_a_customer_without_a_next_step_follows_its_connections(
    customer: CustomerRecord, state: State
) -> None:
    """A customer that has lost its partner connection is not complete."""
    assert changes.final_state(customer) is state


@pytest.mark.parametrize(
    ("customer", "shown", "expected"),
    [
        # nothing is new
        (WAITING, company(connection("PendingAuth", link="https://other")), {}),
        (LINKED, company(connection("Linked")), {}),
        (COMPLETE, company(connection("Linked"), partner()), {}),
        (PARTNER_REJECTED, company(connection("Linked")), {}),  # it stays failed until the status changes
        (WITHOUT_CONNECTION, company(), {}),
        (CONNECTION_LOST, company(), {}),
        (PARTNER_LOST, company(connection("Linked")), {}),
        # the list did not show the connections
        (COMPLETE, company(knows=False), {}),
        (WITHOUT_CONNECTION, company(knows=False), {}),
        # the customer did something; the linkUrl stays as it is
        (WAITING, company(connection("Linked")), status_changes("Linked", S.LINKED)),
        (LINKED, company(connection("Deauthorized")), status_changes("Deauthorized", S.UNLINKED)),
        (PARTNER_REJECTED, company(connection("Unlinked")), status_changes("Unlinked", S.UNLINKED)),
        (
            LINKED,
            company(connection("PendingAuth", link="https://other")),
            status_changes("PendingAuth", S.LINK_READY),
        ),
        (
            CONNECTION_LOST,
            company(connection("PendingAuth", link="https://other")),
            status_changes("PendingAuth", S.LINK_READY),
        ),
        (
            WAITING.evolve(connection_status="Unlinked"),
            company(connection("Linked")),
            status_changes("Linked", S.LINKED),
        ),
        # it has a partner connection
        (
            LINKED,
            company(connection("Linked"), partner()),
            status_changes("Linked", S.COMPLETE, partner_connection_id="p", partner_status="Linked"),
        ),
        (
            PARTNER_REJECTED,
            company(connection("Linked"), partner()),
            status_changes("Linked", S.COMPLETE, partner_connection_id="p", partner_status="Linked"),
        ),
        # another one
        (
            COMPLETE,
            company(connection("Linked"), partner("q", "Unlinked")),
            status_changes("Linked", S.COMPLETE, partner_connection_id="q", partner_status="Unlinked"),
        ),
        (
            PARTNER_LOST,
            company(connection("Linked"), partner("q")),
            status_changes("Linked", S.COMPLETE, partner_connection_id="q", partner_status="Linked"),
        ),
        # it was deleted
        (
            COMPLETE,
            company(connection("Linked")),
            status_changes("Linked", S.FAILED) | lost_changes("partner"),
        ),
        # and the customer is not linked: that is not a failure
        (
            COMPLETE,
            company(connection("Unlinked")),
            status_changes("Unlinked", S.UNLINKED, partner_status=DELETED),
        ),
        # but it is one once the customer is linked again
        (
            COMPLETE.evolve(connection_status="Unlinked", partner_status=DELETED, state=S.UNLINKED),
            company(connection("Linked")),
            status_changes("Linked", S.FAILED) | lost_changes("partner"),
        ),
        # the accounting connection was deleted
        (WAITING, company(), lost_changes("connection")),
        (COMPLETE, company(partner()), lost_changes("connection")),
        # the company counted as deleted, and it exists again without a connection
        (
            WITHOUT_CONNECTION.evolve(connection_status=DELETED),
            company(),
            {"connection_status": None, "state": S.PENDING},
        ),
        # the customer chose another platform
        (
            WAITING,
            company(connection("PendingAuth"), connection("Linked", "m", key="qhyg")),
            status_changes("Linked", S.LINKED, "m", knows_connections=True, link_url=None, link_issued_at=None)
            | {"platform_sent": "qhyg"},
        ),
        # another connection: the list does not show a linkUrl that opens
        (WAITING, company(connection("PendingAuth", "m", link="https://m")), unfinished_changes("m")),
        # the same connection again, and the journal has no linkUrl
        (
            CONNECTION_LOST.evolve(link_url=None),
            company(connection("PendingAuth", link="https://n")),
            status_changes("PendingAuth", S.PENDING),
        ),
    ],
)
def test_a_list_changes_only_facts_that_are_new_to_the_journal(
    customer: CustomerRecord, shown: Company, expected: Changes
) -> None:
    """Each transition of a customer with a company."""
    assert news(changes.company_in_list(customer, shown)) == expected


STATUSES = st.sampled_from(["PendingAuth", "Linked", "Unlinked", "Deauthorized", "SomethingNew"])
ACCOUNTING = st.builds(connection, STATUSES, st.sampled_from("nm"), link=st.sampled_from([None, "https://n"]))
COMPANIES = st.builds(
    lambda accounting, partners: company(*accounting, *partners),
    st.lists(ACCOUNTING, max_size=2, unique_by=lambda each: each.id),
    st.lists(st.builds(partner, st.sampled_from("pq"), STATUSES), max_size=1),
)
CUSTOMERS = st.builds(
    lambda customer, status, url, own: customer.evolve(
        connection_status=status or customer.connection_status,
        link_url=url,
        partner_connection_id=own,
        partner_status=own and "Linked",
    ),
    st.sampled_from(
        [
            *(WAITING, LINKED, COMPLETE, PARTNER_REJECTED),
            *(WITHOUT_CONNECTION.evolve(connection_status=DELETED), CONNECTION_LOST),
        ]
    ),
    STATUSES | st.none(),
    st.sampled_from([None, LINK]),
    st.sampled_from([None, "p"]),
)


@pytest.mark.parametrize(
    ("status", "known", "listed", "expected"),
    [
        ("PendingAuth", None, "403 cancelled", {"link_error": "403 cancelled"}),
        ("PendingAuth", "403 cancelled", "403 cancelled", {}),
        ("PendingAuth", "403 cancelled", None, {"link_error": None}),  # Codat no longer lists it
        ("Linked", "403 cancelled", "403 cancelled", {"link_error": None}),
        ("Linked", None, "500 sync failed", {}),  # not an attempt to link
        ("Deauthorized", "403 cancelled", None, {"link_error": None}),
    ],
)
def test_a_failed_attempt_to_link_is_shown_until_the_customer_has_linked(
    status: str, known: str | None, listed: str | None, expected: Changes
) -> None:
    """Nothing else of the customer changes because of it."""
    customer = WAITING.evolve(link_error=known)
    found = changes.company_in_list(customer, company(replace(connection(status), link_error=listed)))
    assert {name: value for name, value in found.items() if name == "link_error"} == expected
    if status == "PendingAuth":
        assert found == expected


@given(CUSTOMERS, COMPANIES)
def test_the_same_list_twice_changes_nothing(customer: CustomerRecord, shown: Company) -> None:
    """The first one is in the journal."""
    after = changes.apply(customer, changes.company_in_list(customer, shown))
    assert changes.company_in_list(after, shown) == {}


@given(CUSTOMERS, COMPANIES)
def test_a_list_never_replaces_the_link_of_the_same_connection(customer: CustomerRecord, shown: Company) -> None:
    """It shows the latest linkUrl but not its time: a wave of emails would be sent again, or not at all."""
    found = changes.company_in_list(customer, shown)
    is_same = found.get("connection_id", customer.connection_id) == customer.connection_id
    if is_same and customer.link_url:
        assert not found.keys() & {"link_url", "link_issued_at"}


@pytest.mark.parametrize(
    ("name", "status", "changes_to"),
    [
        ("Acme", "PendingAuth", {}),  # as in the input
        ("Acme before", "PendingAuth", {}),  # as it was sent; only the input has changed
        ("", "PendingAuth", {}),  # a list without names
        ("Bolt", "PendingAuth", {"name_sent": "Bolt", "state": State.FAILED, "error_code": "renamed"}),
        ("Bolt", "Linked", {"name_sent": "Bolt"}),  # its linkUrl is used up; the reports list the difference
    ],
)
def test_a_company_that_somebody_has_renamed_keeps_its_link_back(name: str, status: str, changes_to: Changes) -> None:
    """Its linkUrl could reach another customer."""
    customer = WAITING.evolve(name="Acme", name_sent="Acme before", connection_status=status)
    found = changes.name_in_list(customer, replace(company(), name=name))
    assert {key: found.get(key) for key in changes_to} == changes_to
    assert bool(found) is bool(changes_to)


def test_a_company_that_undo_deleted_is_not_adopted_again_from_a_list_that_lags() -> None:
    """The existing company is adopted, even if it is the newer one."""
    deleted = changes.apply(WAITING, changes.deleted_on_purpose(WAITING))
    tags = {CUSTOMER_TAG: customer_tag(WAITING.customer_id)}
    old = replace(company(tags=tags), id=str(WAITING.company_id))
    real = replace(old, id="real", created="2026-10-01T00:00:00Z")
    assert changes.company_of(deleted, [old], Labels(BATCH)) is None
    assert changes.company_of(deleted, [old, real], Labels(BATCH)) is real


OWN, OTHER = endpoints.batch_tag(BATCH), endpoints.batch_tag("spring")


@pytest.mark.parametrize(
    ("name_sent", "tag", "origin", "batch"),
    [
        ("Acme", OWN, "created", None),  # this journal requested it
        (None, OWN, "adopted", OWN),  # it did not: a lost journal, or another batch with that name
        ("Acme", OTHER, "adopted", OTHER),  # another batch was faster
        (None, OTHER, "adopted", OTHER),
        (None, None, "adopted", None),  # somebody created it by hand
        ("Acme", None, "adopted", None),
    ],
)
def test_only_a_company_that_this_journal_requested_counts_as_created(
    name_sent: str | None, tag: str | None, origin: str, batch: str | None
) -> None:
    """An adopted company is never deleted by `undo`."""
    tags = {CUSTOMER_TAG: customer_tag("a")} | ({endpoints.BATCH_TAG: tag} if tag else {})
    found = changes.company_adopted(NEW.evolve(name_sent=name_sent), company(tags=tags), labels=Labels(BATCH))
    assert (found["company_origin"], found["company_batch"]) == (origin, batch)


@pytest.mark.parametrize(
    ("shown", "state", "knows"),
    [
        (company(), S.PENDING, True),  # its connection comes next, also after a rejection
        (company(knows=False), S.PENDING, False),
        (company(connection("PendingAuth", link="https://n")), S.PENDING, True),
        (company(connection("PendingAuth")), S.PENDING, True),  # its linkUrl comes next
        (company(connection("Linked")), S.LINKED, True),
        (company(connection("Linked"), partner()), S.COMPLETE, True),
        (company(connection("Unlinked"), partner()), S.UNLINKED, True),
    ],
)
def test_the_state_of_an_adopted_customer_follows_its_connections(shown: Company, state: State, knows: bool) -> None:
    """The partner connection is adopted as well."""
    after = changes.apply(NEW.evolve(state=S.FAILED), changes.company_adopted(NEW, shown, labels=Labels(BATCH)))
    assert (after.state, after.knows_connections) == (state, knows)
    assert after.partner_connection_id == next((c.id for c in shown.connections if c.source_type == "Expense"), None)


@pytest.mark.parametrize("connections", [(), (connection("Linked"), partner())])
def test_an_adopted_company_clears_the_last_error(connections: tuple[Connection, ...]) -> None:
    """A report shows only current errors."""
    found = changes.company_adopted(NEW, company(*connections), labels=Labels(BATCH))
    assert NO_ERROR.items() <= found.items()


def test_a_problem_fills_the_error_columns_and_no_problem_leaves_them() -> None:
    """An error without words must not replace one with words."""
    assert changes.error("partner", None) == {}
    problem = Problem("no", "400", "c0ffee")
    assert changes.error("partner", problem) == dict(zip(NO_ERROR, ("partner", "400", "no", "c0ffee"), strict=True))


def test_a_customer_that_links_again_without_its_partner_connection_has_failed() -> None:
    """Once it has its partner connection, it is complete again."""
    again = changes.connection_status_changed(
        PARTNER_LOST.evolve(connection_status="Deauthorized"), connection("Linked")
    )
    assert (again["state"], again["error_step"]) == (S.FAILED, "partner")
    assert changes.connection_status_changed(COMPLETE, connection("Linked"))["state"] is S.COMPLETE
