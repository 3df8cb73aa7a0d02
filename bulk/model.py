"""The values that all layers share: states, outcomes, Codat's resources, and customers as the journal records them."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, NamedTuple, Self

REQUESTS_PER_CUSTOMER = 2  # its company and its accounting connection
# Codat's documentation says a day (https://docs.codat.io/auth-flow/authorize-hosted-link); older pages say an hour.
LINK_LIFETIME_SECONDS = 86_400
ENDED = ("Unlinked", "Deauthorized")  # Codat's statuses of a connection that is no longer linked
DELETED = "Deleted"  # our own status of a connection, named after Codat's event `connection.deleted`


@dataclass(frozen=True, slots=True)
class Threshold:
    """A number of customers or rows, or a percentage of all of them."""

    number: float
    is_percent: bool = False

    def __str__(self) -> str:
        return f"{self.number:.20g}{'%' * self.is_percent}"

    def of(self, total: int) -> int:
        """Return the threshold as a number, for a total."""
        return math.floor(total * self.number / 100) if self.is_percent else int(self.number)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the threshold with this text: `5` or `1%`."""
        return cls(float(text.removesuffix("%")), is_percent=text.endswith("%"))


NO_LIMIT: Final = "none"
"""In place of a threshold: the batch forgets the one that it remembers."""


class State(StrEnum):
    """The progress of a customer, in the words of the reports."""

    REJECTED = "rejected"  # its row is invalid: never sent
    CONFLICT = "conflict"  # sending it could reach the wrong customer: a person decides
    PENDING = "pending"  # not done yet
    FAILED = "failed"  # Codat rejected it
    LINK_READY = "link_ready"  # connection created, waiting for the customer
    LINKED = "linked"  # authorized, no partner connection yet
    COMPLETE = "complete"  # partner connection created
    UNLINKED = "unlinked"  # deauthorized, by us or by the customer


class Outcome(StrEnum):
    """The result of one request. An attempt without an outcome in the journal counts as UNKNOWN."""

    DONE = "done"  # Codat did it and confirmed it
    REJECTED = "rejected"  # this row is wrong (400, 404, 422, ...): nothing was done
    FATAL = "fatal"  # the key or the account is refused (401, 403, 402): nothing was done
    RATE_LIMITED = "rate_limited"  # 429: nothing was done, the key is free
    CONFLICT = "conflict"  # 409: not ready, or the same key is still running
    NOT_SENT = "not_sent"  # it never left: no connection, or the run stopped first
    BLOCKED = "blocked"  # a firewall or gateway in front of Codat refused it: nothing was done, the key is free
    UNKNOWN = "unknown"  # no response, an unreadable one, or a gateway's: it may have been done
    SERVER_ERROR = "server_error"  # Codat's own 5xx: it may have been done, and its key replays the 5xx for 90 minutes
    FOUND = "found"  # a look-up that found the result of an unknown outcome
    NOT_FOUND = "not_found"  # a look-up that found nothing

    @property
    def is_in_doubt(self) -> bool:
        """Whether the requested thing may exist in Codat nevertheless."""
        return self in (Outcome.UNKNOWN, Outcome.SERVER_ERROR)


def customer_tag(customer_id: str, source: str | None = None) -> str:
    """Return the tag value that identifies a customer's company: 32 hex digits, for any identifier.

    The same identifier in two source systems has two tags. An identifier contains no control character.
    """
    text = customer_id if source is None else f"{source}\0{customer_id}"
    return hashlib.sha256(text.encode()).hexdigest()[:32]


@dataclass(frozen=True, slots=True)
class Labels:
    """What each new company of a batch carries in Codat, besides the customer's own values."""

    batch: str
    source: str | None = None  # the system that the identifiers come from, if several use the same ones
    products: tuple[str, ...] = ()  # assigned to each new company; without any, Codat assigns the client's defaults


@dataclass(frozen=True, slots=True)
class Problem:
    """The reason why a request was not done, in Codat's words if there are any."""

    text: str
    code: str = ""  # the status or, without one, the kind of failure
    correlation_id: str | None = None  # Codat's support asks for it


@dataclass(frozen=True, slots=True)
class Connection:
    """A connection as Codat describes it. `status`: PendingAuth, Linked, Unlinked, Deauthorized.

    The journal gives a connection that no longer exists in Codat the status DELETED.
    """

    id: str
    status: str
    source_type: str
    platform_key: str | None
    link_url: str | None
    created: str | None  # UTC, ISO 8601
    link_error: str | None = None  # the last failed attempt to link


@dataclass(frozen=True, slots=True)
class Company:
    """A company as Codat describes it, with its connections."""

    id: str
    name: str
    description: str | None
    created: str | None
    tags: dict[str, str]
    connections: tuple[Connection, ...]
    knows_connections: bool = True  # False: the response did not list them


@dataclass(frozen=True, slots=True)
class Attempt:
    """One request for a step of a customer, as recorded in the journal."""

    step: str
    key: str | None  # the Idempotency-Key of a POST or PATCH; None for a look-up
    body: str | None
    sent_at: float  # seconds since 1970
    outcome: Outcome | None  # None: the run ended before an outcome was recorded
    status: int | None = None
    run: int = 0  # the run that sent it: a clock can be set back, so times do not order attempts
    correlation_id: str | None = None  # of an error: a response that Codat keeps has the same one each time


class CustomerRecord(NamedTuple):
    """One customer as recorded in the journal. Most fields are columns of the table `customers` that runs use.

    It is a named tuple because each request changes a copy several times: copying a data class takes ten times as long.
    """

    seq: int
    # from the input
    customer_id: str
    tag: str  # `customer_tag` of it
    name: str  # as Codat will store it
    platform_key: str
    description: str | None
    presence: str = "present"  # or "removed" or "invalid": then only unknown outcomes are resolved
    # in Codat, or possibly in Codat while an outcome is unknown
    name_sent: str | None = None
    platform_sent: str | None = None
    description_sent: str | None = None
    company_id: str | None = None
    company_origin: str | None = None  # created, adopted, replayed, missing, undone (bulk/journal/schema.sql)
    company_batch: str | None = None  # the batch tag of an adopted company
    deleted_company_id: str | None = None  # the company last deleted on purpose; a list that lags may still show it
    knows_connections: bool = True  # False: the company was found, and Codat did not list its connections
    connection_id: str | None = None
    connection_status: str | None = None
    link_url: str | None = None
    link_issued_at: str | None = None
    link_error: str | None = None
    partner_connection_id: str | None = None
    partner_status: str | None = None
    # progress
    state: State = State.PENDING
    conflict: str | None = None  # JSON list of one problem (bulk.problems): the reason for the state `conflict`
    damage: str | None = None  # JSON list of one problem: the row's text was damaged, and nobody has accepted it
    error_step: str | None = None
    error_code: str | None = None
    error: str | None = None
    correlation_id: str | None = None
    updated_at: str | None = None
    # not columns
    history: tuple[Attempt, ...] = ()  # oldest first; empty where a query does not need it
    replaced_link: tuple[str | None, str | None] = (None, None)  # the linkUrl to renew, and when it was issued

    @property
    def is_present(self) -> bool:
        """Whether the input still has this customer in a valid row."""
        return self.presence == "present"

    def evolve(self, **changes: Any) -> Self:
        """Return a copy with these fields changed."""
        return self._replace(**changes)


@dataclass(frozen=True, slots=True)
class Quota:
    """The daily quota in Codat's latest response."""

    limit: int | None
    remaining: int
    resets_at: float  # seconds since 1970, by this machine's clock


@dataclass(frozen=True, slots=True)
class Stop:
    """The reason why a run ends before its work is done, and its exit code."""

    reason: str
    exit_code: int
    until: float | None = None  # when to resume, seconds since 1970
