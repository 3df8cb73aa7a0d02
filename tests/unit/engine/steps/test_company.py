"""Create company: its request, and the look-up by the customer's tag."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from support.values import AT, BATCH, CREATED, MISSING, NEW, NO_RESPONSE, news, ok

from bulk.codat.endpoints import BATCH_TAG, CUSTOMER_TAG, READABLE_TAG, batch_tag
from bulk.codat.responses import Reply
from bulk.engine.changes import NO_ERROR
from bulk.engine.step import Reading
from bulk.engine.steps.company import CreateCompany
from bulk.model import Labels, Outcome, customer_tag

STEP = CreateCompany()
TAG = customer_tag(NEW.customer_id)


def listed(id_: str = "c", *, tags: dict[str, str] | None = None) -> dict[str, Any]:
    """Return a company as the list shows it; without `tags`, with those of this customer and this batch."""
    own = {CUSTOMER_TAG: TAG, BATCH_TAG: batch_tag(BATCH)}
    return {"id": id_, "name": "Acme", "created": CREATED, "tags": own if tags is None else tags, "dataConnections": []}


def look_up(*companies: dict[str, Any], next_path: str | None = None) -> Reading:
    """Return the reading of a page with these companies."""
    links = {"next": {"href": next_path}} if next_path else {}
    reply = ok({"results": list(companies), "_links": links})
    return STEP.read_look_up(NEW.evolve(name_sent="Acme"), reply, AT, labels=Labels(BATCH))


def test_the_request_carries_the_tags_that_tie_the_company_to_the_customer() -> None:
    """Names need not be unique in Codat."""
    request = STEP.request(NEW.evolve(description="Bolts"), Labels(BATCH))
    assert (request.method, request.path) == ("POST", "/companies")
    assert json.loads(request.body or "") == {
        "name": "Acme",
        "description": "Bolts",
        "tags": {READABLE_TAG: "a", CUSTOMER_TAG: TAG, BATCH_TAG: batch_tag(BATCH)},
    }


def test_the_intent_records_a_possible_company_and_a_certain_failure_removes_it() -> None:
    """Until it is certain, the customer is never forgotten."""
    assert STEP.on_intent(NEW.evolve(description="Bolts")) == {"name_sent": "Acme", "description_sent": "Bolts"}
    assert STEP.nothing_sent == {"name_sent": None, "description_sent": None}
    assert STEP.on_failure(NEW, MISSING) == {}


@pytest.mark.parametrize(("origin", "may_exist"), [(None, False), ("created", False), ("missing", True)])
def test_a_company_that_the_list_lacked_is_looked_up_before_another_is_created(
    origin: str | None, may_exist: bool
) -> None:
    """The list may lag."""
    assert STEP.may_exist(NEW.evolve(company_origin=origin)) is may_exist


@pytest.mark.parametrize(
    ("reply", "outcome", "changes"),
    [
        (
            ok({"id": "c", "name": "Acme Ltd"}),
            Outcome.DONE,
            # the name as Codat stored it
            {"company_id": "c", "company_origin": "created", "company_batch": None, "name_sent": "Acme Ltd"},
        ),
        (ok({"name": "Acme"}), Outcome.UNKNOWN, {}),  # without an id
        (MISSING, Outcome.REJECTED, {}),
        (NO_RESPONSE, Outcome.UNKNOWN, {}),
    ],
)
def test_each_reply_has_its_changes(reply: Reply, outcome: Outcome, changes: dict[str, Any]) -> None:
    """A 2xx without the promised id may have been done."""
    reading = STEP.read(NEW, reply, AT)
    assert (reading.reply.outcome, news(reading.changes)) == (outcome, changes)
    assert (reading.reply.problem is None) == (outcome is Outcome.DONE)
    assert reading.reply.outcome is not Outcome.DONE or NO_ERROR.items() <= reading.changes.items()


def test_the_look_up_filters_by_a_tag_that_is_safe_in_any_query() -> None:
    """An identifier may hold characters that have a meaning in the query language."""
    request = STEP.look_up(NEW.evolve(customer_id="a&&b={1}", tag=customer_tag("a&&b={1}")))
    query = parse_qs(urlsplit(request.path).query)
    assert request.method == "GET"
    assert query["tags"] == [f"{CUSTOMER_TAG}={customer_tag('a&&b={1}')}"]


@pytest.mark.parametrize(
    ("companies", "outcome", "company_id"),
    [
        ((), Outcome.NOT_FOUND, None),
        ((listed(),), Outcome.FOUND, "c"),
        ((listed("other", tags={CUSTOMER_TAG: "of another"}),), Outcome.NOT_FOUND, None),  # a filter that is ignored
        ((listed("other", tags={CUSTOMER_TAG: "of another"}), listed()), Outcome.FOUND, "c"),
        ((listed(tags={READABLE_TAG: "a"}),), Outcome.FOUND, "c"),  # tagged by hand
    ],
)
def test_the_look_up_finds_the_company_by_its_tag(
    companies: tuple[dict[str, Any], ...], outcome: Outcome, company_id: str | None
) -> None:
    """The other companies on the page do not matter."""
    reading = look_up(*companies)
    assert (reading.reply.outcome, reading.changes.get("company_id")) == (outcome, company_id)
    assert reading.next_page is None


def test_the_look_up_continues_on_the_next_page_until_it_finds_the_company() -> None:
    """A page without it proves nothing."""
    first = look_up(listed("other", tags={CUSTOMER_TAG: "of another"}), next_path="/companies?page=2")
    assert first.next_page is not None
    assert (first.next_page.path, first.reply.outcome, first.changes) == ("/companies?page=2", Outcome.DONE, {})
    found = look_up(listed(), next_path="/companies?page=2")
    assert (found.next_page, found.reply.outcome) == (None, Outcome.FOUND)


def test_a_reply_that_is_not_a_page_proves_nothing() -> None:
    """The customer stays in doubt."""
    reading = STEP.read_look_up(NEW, ok({"results": None}), AT, labels=Labels(BATCH))
    assert (reading.reply.outcome, reading.changes) == (Outcome.UNKNOWN, {})


def test_a_company_that_undo_deleted_is_not_found_again() -> None:
    """A list that lags may still show it."""
    customer = NEW.evolve(deleted_company_id="c")
    reading = STEP.read_look_up(customer, ok({"results": [listed()]}), AT, labels=Labels(BATCH))
    assert reading.reply.outcome is Outcome.NOT_FOUND
