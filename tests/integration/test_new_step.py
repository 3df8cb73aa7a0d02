"""A command takes on a new step with one entry in its `steps`: here a step that assigns a product to the company.

The step has no column in the journal. Its attempts show whether it is done.
"""

from __future__ import annotations

import pytest
from support.trip import CREATED_COMPANY, CREATED_CONNECTION, Trip
from support.values import ok

from bulk.codat.endpoints import Request
from bulk.codat.responses import Reply
from bulk.engine.commands.migrate import Migrate
from bulk.engine.process import Finished
from bulk.engine.retry import Policy
from bulk.engine.step import Reading, Step, found, not_found
from bulk.model import CustomerRecord, Labels, Outcome, State

ASSIGNED = ok({"id": "c", "products": ["expenses"]})


class AssignProduct(Step):
    """Assigns a product to a company that has an accounting connection."""

    name = "product"
    policy = Policy.CHANGE
    operations = ("assign_product",)

    def is_needed(self, customer: CustomerRecord) -> bool:
        """Return whether no attempt has assigned the product."""
        own = [attempt for attempt in customer.history if attempt.step == self.name]
        return not any(attempt.outcome in (Outcome.DONE, Outcome.FOUND) for attempt in own)

    def request(self, customer: CustomerRecord, labels: Labels) -> Request:
        """Return the request, which changes the company."""
        return Request("assign_product", "PATCH", f"/companies/{customer.company_id}", '{"products": ["expenses"]}')

    def look_up(self, customer: CustomerRecord) -> Request:
        """Return the request for the company."""
        return Request("get_company", "GET", f"/companies/{customer.company_id}")

    def read(self, customer: CustomerRecord, reply: Reply, at: float) -> Reading:
        """Read the company."""
        return Reading(reply, {})

    def read_look_up(self, customer: CustomerRecord, reply: Reply, at: float, *, labels: Labels) -> Reading:
        """Read whether the company has the product."""
        return found(reply, {}) if "products" in reply.content else not_found(reply)


@pytest.fixture(autouse=True)
def _takes_the_new_step(trip: Trip) -> None:
    trip.steps = (*Migrate.steps, AssignProduct())


def test_the_customer_is_ready_after_the_last_step(trip: Trip) -> None:
    """Its linkUrl is not handed out before that."""
    states: list[object] = []
    trip.on_send = lambda _: states.append(trip.column("state"))
    assert trip.take(CREATED_COMPANY, CREATED_CONNECTION, ASSIGNED) == Finished(State.LINK_READY)
    assert trip.operations == ["create_company", "create_connection", "assign_product"]
    assert states == ["pending"] * 3
    assert trip.column("state") == "link_ready"


def test_a_run_that_was_killed_before_the_new_step_is_resumed_there(trip: Trip) -> None:
    """The customer stays pending, and the next run sends the missing request only."""
    assert trip.take(CREATED_COMPANY, CREATED_CONNECTION, interrupts=True) is None
    assert trip.column("state") == "pending"
    assert trip.take(ASSIGNED) == Finished(State.LINK_READY)
    assert trip.operations == ["create_company", "create_connection", "assign_product"]


def test_a_run_that_was_killed_within_the_new_step_looks_it_up(trip: Trip) -> None:
    """The product may be assigned."""
    assert trip.take(CREATED_COMPANY, CREATED_CONNECTION) is None
    assert trip.outcomes()[-1] == ("product", None)
    assert trip.take(ASSIGNED) == Finished(State.LINK_READY)
    assert trip.operations == ["create_company", "create_connection", "assign_product", "get_company"]
