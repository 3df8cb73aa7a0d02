"""A step: one thing that a run asks of Codat for a customer, and everything that `process` must know about it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from typing import ClassVar

from bulk.codat import responses
from bulk.codat.endpoints import Request
from bulk.codat.responses import Reply
from bulk.engine.changes import Changes
from bulk.engine.retry import Policy
from bulk.model import CustomerRecord, Outcome


@dataclass(frozen=True, slots=True)
class Reading:
    """What a reply means for a customer. `next_page`: the look-up continues there."""

    reply: Reply
    changes: Changes
    next_page: Request | None = None


class Step(ABC):
    """Subclasses are stateless: one instance serves all customers. The methods are PURE."""

    name: ClassVar[str]  # the journal's word for it
    policy: ClassVar[Policy]
    requests: ClassVar[int] = 1  # that a customer needs from this step to the end, if all goes well
    fails_customer: ClassVar[bool] = True  # False: after a rejection the customer is as before
    look_up_renews_links: ClassVar[bool] = False  # the look-up makes linkUrls useless that were issued before
    reads_gone: ClassVar[bool] = False  # a look-up that ends in Codat's own 404 is read too
    nothing_sent: ClassVar[Changes] = {}  # what holds when it is certain that Codat has nothing of this step

    @abstractmethod
    def is_needed(self, customer: CustomerRecord) -> bool:
        """Return whether this step is the customer's next one, the earlier steps being done."""

    def may_exist(self, customer: CustomerRecord) -> bool:
        """Return whether Codat may have the thing although this journal did not ask for it."""
        return False

    @abstractmethod
    def request(self, customer: CustomerRecord, batch: str) -> Request:
        """Return the request."""

    def on_intent(self, customer: CustomerRecord) -> Changes:
        """Return the changes that are committed with the intent: what Codat may have from now on."""
        return {}

    def on_failure(self, customer: CustomerRecord, reply: Reply) -> Changes:
        """Return the changes for a request that was not done, besides its error."""
        return {}

    @abstractmethod
    def read(self, customer: CustomerRecord, reply: Reply, at: float) -> Reading:
        """Read the reply to the request, received at this time. A 2xx without the promised content is in doubt."""

    def look_up(self, customer: CustomerRecord) -> Request:
        """Return the request that shows whether this step was done already: for a GET the request itself."""
        return self.request(customer, "")

    def read_look_up(self, customer: CustomerRecord, reply: Reply, at: float, *, batch: str) -> Reading:
        """Read a reply to the look-up as FOUND or NOT_FOUND."""
        return self.read(customer, reply, at)


def found(reply: Reply, changes: Changes) -> Reading:
    """Return the reading of a look-up that found the thing."""
    return Reading(replace(reply, outcome=Outcome.FOUND, problem=None), changes)


def not_found(reply: Reply, changes: Changes | None = None) -> Reading:
    """Return the reading of a look-up that did not find the thing."""
    return Reading(replace(reply, outcome=Outcome.NOT_FOUND), changes or {})


def in_doubt(reply: Reply, promise: str) -> Reading:
    """Return the reading of a 2xx that lacks what Codat promises: it may have been done."""
    return Reading(responses.unreadable(reply, promise), {})


def is_gone(reply: Reply) -> bool:
    """Return whether Codat itself, not a gateway, says that the thing does not exist."""
    return reply.status == 404 and reply.is_readable
