"""Which step each command takes next with a customer."""

from __future__ import annotations

import pytest
from support.values import (
    COMPLETE,
    CONNECTION_LOST,
    LINKED,
    NEW,
    PARTNER_LOST,
    TO_RENEW,
    WAITING,
    WITHOUT_CONNECTION,
)

from bulk.engine.commands.follow_up import FollowUp
from bulk.engine.commands.links import Links
from bulk.engine.commands.listen import ApplyEvents
from bulk.engine.commands.migrate import Migrate
from bulk.engine.commands.undo import Undo
from bulk.engine.commands.unlink import Unlink
from bulk.engine.commands.verify import Verify
from bulk.engine.step import Step, next_step
from bulk.model import DELETED, CustomerRecord, Labels

COMMANDS: tuple[tuple[Step, ...], ...] = (Migrate.steps, FollowUp.steps, Links.steps, Unlink.steps, Undo.steps)
NEXT: dict[str | None, tuple[str | None, ...]] = {
    # status of a customer without a linkUrl: the next step of migrate, follow-up, links, unlink, undo
    None: ("connection", None, None, None, "delete"),
    "PendingAuth": ("link", None, "link", None, "delete"),
    "Linked": (None, "partner", None, "unlink", None),
    "Unlinked": (None, None, None, None, None),
    "Deauthorized": (None, None, None, None, None),
    DELETED: (None, None, None, None, "delete"),
    "SomethingNew": (None, None, None, None, None),
}


@pytest.mark.parametrize("status", NEXT)
def test_each_command_needs_at_most_one_step_at_each_status(status: str | None) -> None:
    """A linked company is never deleted, and only a linked one gets a partner connection or is unlinked."""
    customer = (WITHOUT_CONNECTION if status is None else TO_RENEW).evolve(connection_status=status)
    found = [next_step(customer, steps) for steps in COMMANDS]
    assert tuple(step and step.name for step in found) == NEXT[status]
    assert {len(step.operations) for step in found if step} <= {1}


@pytest.mark.parametrize(
    ("customer", "steps", "step", "requests"),
    [
        (NEW, Migrate.steps, "company", 2),  # its connection comes right after
        (WAITING.evolve(company_origin="replayed"), Migrate.steps, "confirmation", 2),
        (NEW, FollowUp.steps, None, 0),  # only `migrate` begins a customer
        (NEW, Links.steps, None, 0),
        (NEW, Unlink.steps, None, 0),
        (NEW, Undo.steps, None, 0),
        (WAITING, Migrate.steps, None, 0),  # it has its linkUrl
        (WAITING, Links.steps, None, 0),  # a usable link is left alone
        (COMPLETE, FollowUp.steps, None, 0),  # never a second partner connection
        (COMPLETE, Unlink.steps, "unlink", 1),
        (COMPLETE, Undo.steps, None, 0),
        (PARTNER_LOST, FollowUp.steps, None, 0),  # not unless a person wants it
        (PARTNER_LOST.evolve(connection_status=DELETED), Undo.steps, None, 0),  # it was linked once
        (CONNECTION_LOST, Migrate.steps, None, 0),
        (LINKED, Migrate.steps, None, 0),
    ],
)
def test_nothing_is_requested_twice(
    customer: CustomerRecord, steps: tuple[Step, ...], step: str | None, requests: int
) -> None:
    """This is true of links that work and of partner connections."""
    found = next_step(customer, steps)
    assert (found and found.name, len(found.operations) if found else 0) == (step, requests)


def test_listen_takes_the_same_steps_as_follow_up_and_verify_none() -> None:
    """Webhook events replace the company list, nothing else."""
    assert [step.name for step in ApplyEvents.steps] == [step.name for step in FollowUp.steps]
    assert Verify.steps == ()


def test_the_names_of_the_steps_are_those_in_the_journal() -> None:
    """A journal of an earlier run uses them, and so do the computed keys: they never change."""
    names = {step.name for steps in COMMANDS for step in steps}
    assert names == {"confirmation", "company", "connection", "link", "partner", "unlink", "delete"}


@pytest.mark.parametrize(
    "step", dict.fromkeys(step for steps in COMMANDS for step in steps), ids=lambda step: step.name
)
def test_the_first_operation_of_a_step_is_that_of_its_request(step: Step) -> None:
    """It decides who is held back while the operation is broken."""
    assert step.request(WAITING, Labels("batch")).operation == step.operations[0]
