"""The values that every room speaks: steps, states, outcomes, and what is known of one customer."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Self

REQUESTS_OF_A_CUSTOMER = 2  # its company and its accounting connection


class Step(StrEnum):
    """What is asked of Codat for one customer, in the order in which it is asked."""

    COMPANY = "company"  # Create company
    CONNECTION = "connection"  # Create connection: the accounting one
    LINK = "link"  # Get connection: a linkUrl for a connection that has none, or one that is no longer good
    PARTNER = "partner"  # Create partner expense connection, once the customer has authorized
    UNLINK = "unlink"  # Unlink connection
    DELETE = "delete"  # Delete company


class State(StrEnum):
    """How far a customer has got. The words of the reports."""

    REJECTED = "rejected"  # its row is faulty: never sent
    PENDING = "pending"  # not done yet
    FAILED = "failed"  # Codat refused it
    LINK_READY = "link_ready"  # connection created, waiting for the customer
    LINKED = "linked"  # authorized, partner connection not yet made
    COMPLETE = "complete"  # partner connection made
    UNLINKED = "unlinked"  # deauthorized, by us or by them


class Outcome(StrEnum):
    """What became of one request. A request without an outcome in the journal is as good as LOST."""

    DONE = "done"  # Codat did it and said so
    REJECTED = "rejected"  # this row is wrong (400, 404, 422, ...): nothing was done
    FATAL = "fatal"  # the key or the account is refused (401, 403, 402): nothing was done
    RATE_LIMITED = "rate_limited"  # 429: nothing was done, the key is free
    CONFLICT = "conflict"  # 409: not ready, or the same key is still running
    NOT_SENT = "not_sent"  # it never left: no connection, or the run stopped first
    UNKNOWN = "unknown"  # no answer, or none that can be read, or one from a gateway: it may have been done
    SERVER_ERROR = "server_error"  # Codat's own 5xx: it may have been done, and its key replays the 5xx for 90 minutes
    FOUND = "found"  # a look-up that found what an unknown outcome had made
    NOT_FOUND = "not_found"  # a look-up that found nothing

    @property
    def is_in_doubt(self) -> bool:
        """Whether the thing asked for may exist in Codat all the same."""
        return self in (Outcome.UNKNOWN, Outcome.SERVER_ERROR)


def customer_tag(customer_id: str) -> str:
    """Give the tag's value by which a customer's company is found again: 32 hex digits, whatever the identifier."""
    return hashlib.sha256(customer_id.encode()).hexdigest()[:32]


DELETED = "Deleted"  # our word in the place of a connection's status, after Codat's event `connection.deleted`


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a request was not done, in Codat's words where it gave any."""

    text: str
    code: str = ""  # the status or, where there is none, what broke
    correlation_id: str | None = None  # what Codat's support asks for


@dataclass(frozen=True, slots=True)
class Connection:
    """A connection as Codat describes it. `status`: PendingAuth, Linked, Unlinked, Deauthorized.

    Of one that Codat no longer has, the journal says `DELETED`.
    """

    id: str
    status: str
    source_type: str
    platform_key: str | None
    link_url: str | None
    created: str | None  # UTC, ISO 8601


@dataclass(frozen=True, slots=True)
class Company:
    """A company as Codat describes it, with its connections."""

    id: str
    name: str
    description: str | None
    created: str | None
    tags: dict[str, str]
    connections: tuple[Connection, ...]
    knows_connections: bool = True  # False: the answer did not say which there are


@dataclass(frozen=True, slots=True)
class Attempt:
    """One request of a customer's step, as the journal remembers it."""

    step: Step
    key: str | None  # the Idempotency-Key of a POST; None for a look-up
    body: str | None
    sent_at: float  # seconds since 1970
    outcome: Outcome | None  # None: the run ended before an answer was recorded
    status: int | None = None
    run: int = 0  # which run asked: clocks are set, so they do not say what came after what


@dataclass(frozen=True, slots=True)
class CustomerRecord:
    """What the journal knows of one customer that is not done yet."""

    seq: int
    customer_id: str
    name: str
    platform_key: str
    description: str | None
    is_present: bool  # False: gone from the input, or its row is rejected now; only unknown outcomes are settled
    name_sent: str | None = None
    company_id: str | None = None
    connection_id: str | None = None
    connection_status: str | None = None
    link_url: str | None = None
    partner_connection_id: str | None = None
    partner_status: str | None = None
    state: State = State.PENDING
    knows_company: bool = True  # False: Codat's list lacked the company it had, and is asked before another is made
    knows_connections: bool = True  # False: the company was found, and whether it has a connection was not said
    old_link: tuple[str | None, str | None] = (None, None)  # the linkUrl in the journal, and when it was issued
    deleted_id: str | None = None  # the company that was deleted on purpose last: a list that lags may still show it
    history: tuple[Attempt, ...] = ()  # oldest first

    def evolve(self, **changes: Any) -> Self:
        """Make the entry that this one becomes."""
        return replace(self, **changes)


@dataclass(frozen=True, slots=True)
class Quota:
    """The daily quota as Codat's last answer told it."""

    limit: int | None
    remaining: int
    resets_at: float  # seconds since 1970, by this machine's clock


@dataclass(frozen=True, slots=True)
class Stop:
    """Why a run ends before its work is done, and the exit code that says so."""

    reason: str
    exit_code: int
    until: float | None = None  # when to go on, seconds since 1970
