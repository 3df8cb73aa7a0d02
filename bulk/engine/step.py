"""A step: one request to Codat for a customer, and everything that `process` must know about it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import ClassVar

from bulk.codat import responses
from bulk.codat.endpoints import Request
from bulk.codat.responses import Reply
from bulk.engine import retry
from bulk.engine.changes import Changes
from bulk.engine.retry import AttemptHistory, Policy
from bulk.model import CustomerRecord, Labels, Outcome


@dataclass(frozen=True, slots=True)
class Reading:
    """The meaning of a reply for a customer. If `next_page` is set, the look-up continues there.

    With `joins`, the next page is read together with those before it.
    """

    reply: Reply
    changes: Changes
    next_page: Request | None = None
    joins: bool = False


class Step(ABC):
    """The base class of steps. Subclasses are stateless: one instance serves all customers. The methods are PURE."""

    name: ClassVar[str]  # in the journal
    policy: ClassVar[Policy]
    operations: ClassVar[
        tuple[str, ...]
    ]  # the requests that a customer needs from this step to the end, without faults
    fails_customer: ClassVar[bool] = True  # False: after a rejection the customer's state does not change
    look_up_renews_links: ClassVar[bool] = False  # the look-up makes earlier linkUrls useless
    reads_gone: ClassVar[bool] = False  # read_look_up also reads Codat's own 404
    nothing_sent: ClassVar[Changes] = {}  # the changes when Codat certainly has nothing of this step

    @abstractmethod
    def is_needed(self, customer: CustomerRecord) -> bool:
        """Return whether this step is the customer's next one, if the earlier steps are done."""

    def may_exist(self, customer: CustomerRecord) -> bool:
        """Return whether Codat may have the thing although no attempt in the journal shows that."""
        return False

    def history(self, customer: CustomerRecord) -> AttemptHistory:
        """Return the attempts at this step so far."""
        return retry.history(customer.history, self.name, may_exist=self.may_exist(customer))

    @abstractmethod
    def request(self, customer: CustomerRecord, labels: Labels) -> Request:
        """Return the request."""

    def on_intent(self, customer: CustomerRecord) -> Changes:
        """Return the changes to commit with the intent: the values that Codat may have from now on."""
        return {}

    def on_failure(self, customer: CustomerRecord, reply: Reply) -> Changes:
        """Return the changes for a request that was not done, in addition to its error."""
        return {}

    @abstractmethod
    def read(self, customer: CustomerRecord, reply: Reply, at: float) -> Reading:
        """Read the reply to the request, received at this time. A 2xx without the required content is in doubt."""

    def look_up(self, customer: CustomerRecord) -> Request:
        """Return the request that shows whether this step was done already. For a GET, this is the request itself."""
        return self.request(customer, Labels(""))

    def read_look_up(self, customer: CustomerRecord, reply: Reply, at: float, *, labels: Labels) -> Reading:
        """Read a reply to the look-up as FOUND or NOT_FOUND."""
        return self.read(customer, reply, at)


def next_step(customer: CustomerRecord, steps: Iterable[Step]) -> Step | None:
    """Return the first of these steps that the customer needs."""
    return next((step for step in steps if step.is_needed(customer)), None)


def found(reply: Reply, changes: Changes) -> Reading:
    """Return the reading of a look-up that found the thing."""
    return Reading(replace(reply, outcome=Outcome.FOUND, problem=None), changes)


def not_found(reply: Reply, changes: Changes | None = None) -> Reading:
    """Return the reading of a look-up that did not find the thing."""
    return Reading(replace(reply, outcome=Outcome.NOT_FOUND), changes or {})


def in_doubt(reply: Reply, promise: str) -> Reading:
    """Return the reading of a 2xx that lacks the required content: the request may have been carried out."""
    return Reading(responses.unreadable(reply, promise), {})


def is_gone(reply: Reply) -> bool:
    """Return whether Codat itself, not a gateway, responded that the thing does not exist."""
    return reply.status == 404 and reply.is_readable
