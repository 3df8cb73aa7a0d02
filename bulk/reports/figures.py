"""A batch in figures, at one moment: the values that page, workbook and console summarize. No I/O."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Final

from bulk.model import State, Threshold
from bulk.problems import Problem


@dataclass(frozen=True, slots=True)
class QuotaFigures:
    """The daily quota that Codat reported last. None means that Codat has not reported it."""

    limit: int | None
    remaining: int | None
    resets_at: str | None


@dataclass(frozen=True, slots=True)
class RowFigures:
    """The differences between the last migrate's input and the batch before it, in customers."""

    new: int
    same: int
    changed: int
    gone: int


@dataclass(frozen=True, slots=True)
class Summary:
    """The content of summary.json: the batch's customers, and the requests of its last run."""

    batch: str
    input: str | None
    started_at: str | None
    finished_at: str | None  # None: the run is still running, or it was killed
    seconds: float | None
    customers: Mapping[str, int]  # by state, every state
    requests: Mapping[str, int]  # by operation
    requests_total: int
    retries: int  # POSTs beyond the first for the same customer and step
    rate_limited: int  # responses with 429
    quota: QuotaFigures
    rows: RowFigures

    def to_json(self) -> str:
        """Return the summary as an indented JSON object."""
        return json.dumps(asdict(self), ensure_ascii=False, indent=2)


@dataclass(frozen=True, slots=True)
class CustomerGroup:
    """The customers of one platform in one state. `furthest` is the number of the last stage that they have reached."""

    platform_key: str
    furthest: int
    state: State
    customers: int


@dataclass(frozen=True, slots=True)
class LinkAges:
    """The unused linkUrls by expiry."""

    good: int  # valid beyond today
    expiring: int  # today, UTC
    expired: int
    missing: int  # a renewal was interrupted: they must be renewed too
    next_expiry: str | None  # of the valid ones: UTC, ISO 8601
    unlimited: int = 0  # without a one-time password: they never expire
    without_address: int = 0  # valid ones without an email in the input, that were not recorded as emailed

    @property
    def usable(self) -> int:
        """The number of links that can be emailed now."""
        return self.good + self.expiring + self.unlimited

    @property
    def stale(self) -> int:
        """The number of links to renew."""
        return self.expired + self.missing


NO_LINKS: Final = LinkAges(0, 0, 0, 0, None)


def total(ages: Iterable[LinkAges]) -> LinkAges:
    """Return the sum of the links of several waves."""
    known = tuple(ages)
    return LinkAges(
        good=sum(each.good for each in known),
        expiring=sum(each.expiring for each in known),
        expired=sum(each.expired for each in known),
        missing=sum(each.missing for each in known),
        next_expiry=min((each.next_expiry for each in known if each.next_expiry is not None), default=None),
        unlimited=sum(each.unlimited for each in known),
        without_address=sum(each.without_address for each in known),
    )


@dataclass(frozen=True, slots=True)
class Wave:
    """The linkUrls of a wave, in customers."""

    number: int
    issued_at: str  # the first of them
    issued: int
    emailed: int
    emailed_at: str | None  # the first of them; None: none was recorded as emailed
    attempted: int  # have tried to link and failed, before they got another linkUrl
    linked: int  # with a linkUrl of this wave
    usable: int  # linkUrls that are valid
    next_expiry: str | None  # of the valid ones; None: there is none, or they never expire
    without_address: int = 0  # of the valid ones that were not recorded as emailed

    @property
    def to_email(self) -> int:
        """The number of valid linkUrls that were not recorded as emailed."""
        return min(self.usable, self.issued - self.emailed)


@dataclass(frozen=True, slots=True)
class Example:
    """A customer with an error."""

    row: int | None  # of the input; None: the input no longer has the customer
    customer_id: str | None
    error: str


@dataclass(frozen=True, slots=True)
class Failure:
    """The customers whose last errors have the same step and code."""

    state: State
    step: str
    code: str
    is_deleted: bool  # in Codat
    customers: int
    examples: tuple[Example, ...]
    correlation_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ProblemRow:
    """A rejected row, or one in conflict, and its problems."""

    row: int | None  # of the input; None: the input no longer has the customer
    customer_id: str | None
    problems: tuple[Problem, ...]


@dataclass(frozen=True, slots=True)
class Minute:
    """One minute in which bulk was active."""

    at: int  # minutes since 1970
    requests: int
    limited: int  # of these requests, answered with 429
    customers: int  # that advanced


@dataclass(frozen=True, slots=True)
class Hold:
    """A period in which nothing could be sent. UTC."""

    since: datetime
    until: datetime
    why: str


@dataclass(frozen=True, slots=True)
class LastRun:
    """The last run of a command on the batch."""

    number: int
    command: str
    version: str
    started_at: str
    finished_at: str | None
    seconds: float | None
    stopped: str | None  # the reason if it ended before its work was done
    done: Mapping[str, int]  # customers by the step done in it, even if only a look-up showed that
    newly_linked: int  # customers found to have authorized
    findings: int  # of a verify, without the adopted ones

    @property
    def has_ended(self) -> bool:
        """Whether it has ended. If not, it is still running, or it was killed."""
        return self.finished_at is not None


@dataclass(frozen=True, slots=True)
class Figures:
    """A batch in figures."""

    at: datetime
    since: datetime | None
    summary: Summary
    base_url: str | None  # of the last run; None: no run
    codat: str | None  # the Codat that the batch belongs to
    mapping_of_rejects: Mapping[str, str] | None  # from --map; None: there are several
    mapping_of_conflicts: Mapping[str, str] | None  # None: so do the rows in conflict
    groups: tuple[CustomerGroup, ...]
    links: LinkAges
    waves: tuple[Wave, ...]  # the first one first
    failures: tuple[Failure, ...]
    minutes: tuple[Minute, ...]
    holds: tuple[Hold, ...]
    requests_to_do: int  # until no customer can be taken further for now
    last_run: LastRun | None
    changes: Mapping[tuple[State, State], int]  # customers whose state differs from that at `since`, by both states
    has_differences: bool  # between Codat and the input
    max_rejected: Threshold | None  # rejected rows that are accepted
    undone: int  # pending customers whose company undo has deleted
    links_limit: int  # the most linkUrls that the last `links` was to renew; 0: all

    @property
    def has_too_many_rejected(self) -> bool:
        """Whether more rows are rejected than the batch accepts: then `migrate` sends nothing."""
        customers = self.summary.customers
        limit = self.max_rejected
        return limit is not None and customers[State.REJECTED] > limit.of(sum(customers.values()))
