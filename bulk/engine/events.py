"""What happens in a run, as values, and the hook that receives them. The engine itself prints nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from bulk.codat.limits import Hold
from bulk.model import Quota, State, Stop


@dataclass(frozen=True, slots=True)
class Enrolled:
    """The input was read: how many customers are new, same, changed and gone, and how many rows are rejected."""

    new: int
    same: int
    changed: int
    gone: int
    rejected: int
    is_another: bool = False  # the batch did not know this file: it adds customers and removes none


@dataclass(frozen=True, slots=True)
class Started:
    """Work begins: the customers that are left to do, and those that are done."""

    to_do: int
    done: int


@dataclass(frozen=True, slots=True)
class Reconciled:
    """One page of the company list was read; `changed`: the customers for which it was news."""

    companies: int
    changed: int


@dataclass(frozen=True, slots=True)
class Advanced:
    """A customer has reached a state, or (`is_left`) is left for another run."""

    customer_id: str
    state: State
    quota: Quota | None
    is_left: bool = False


@dataclass(frozen=True, slots=True)
class Resting:
    """`follow-up --watch` waits for this many customers, and reads the company list again at `until`."""

    waiting: int
    until: float  # seconds since 1970
    stop: Stop | None  # why the last round ended early, if it did


@dataclass(frozen=True, slots=True)
class Warned:
    """Something that a person should know."""

    text: str


@dataclass(frozen=True, slots=True)
class Ended:
    """The run is over; `stop` is None if all its work is done."""

    stop: Stop | None


Event = Enrolled | Started | Reconciled | Advanced | Hold | Resting | Warned | Ended
Hook = Callable[[Event], None]


def ignore_events(_: Event) -> None:
    """Ignore an event."""
