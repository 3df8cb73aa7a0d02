"""The events of a run, and the hook that receives them. The engine itself prints nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from bulk.codat.limits import Hold
from bulk.model import Quota, State, Stop


@dataclass(frozen=True, slots=True)
class Enrolled:
    """The input was read. The numbers are of customers, except that `rejected` counts rows."""

    new: int
    same: int
    changed: int
    gone: int
    rejected: int
    conflicts: int = 0  # rows that are held, and customers in conflict with a company in Codat
    is_another: bool = False  # the file is new to the batch: it adds customers and removes none


@dataclass(frozen=True, slots=True)
class Started:
    """Work begins, or has grown: the customers that are left to do, and those that are done."""

    to_do: int
    done: int
    requests: int = 1  # that each customer needs


@dataclass(frozen=True, slots=True)
class Reconciled:
    """One page of the company list was read. `changed` counts the customers that it changed."""

    companies: int
    changed: int


@dataclass(frozen=True, slots=True)
class Advanced:
    """A customer has reached a state. With `is_left`, the rest is left for another run."""

    customer_id: str
    state: State
    quota: Quota | None
    is_left: bool = False


@dataclass(frozen=True, slots=True)
class Resting:
    """`follow-up --watch` waits for customers to authorize, and reads the company list again at `until`."""

    waiting: int
    until: float  # seconds since 1970
    stop: Stop | None  # the reason why the last round ended early, or None


@dataclass(frozen=True, slots=True)
class WaveWritten:
    """The reports were written while the run waits: a wave of linkUrls can be emailed now."""

    number: int
    links: int
    file: str
    without_address: int = 0  # of these linkUrls


@dataclass(frozen=True, slots=True)
class Warned:
    """A warning for the user."""

    text: str


@dataclass(frozen=True, slots=True)
class Ended:
    """The run is over; `stop` is None if all its work is done."""

    stop: Stop | None


Event = Enrolled | Started | Reconciled | Advanced | Hold | Resting | WaveWritten | Warned | Ended
Hook = Callable[[Event], None]


def ignore_events(_: Event) -> None:
    """Ignore an event."""
