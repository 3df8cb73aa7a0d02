"""What happens in a run, as values, and the hook that hears of it. The engine itself prints nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from bulk.codat.throttle import Hold
from bulk.model import Quota, State, Stop


@dataclass(frozen=True, slots=True)
class Enrolled:
    """The input was read: how many of its customers are new, same, changed, gone, and how many rows are rejected."""

    new: int
    same: int
    changed: int
    gone: int
    rejected: int
    is_another: bool = False  # the batch did not know this file: it adds, and nobody is gone for it


@dataclass(frozen=True, slots=True)
class Started:
    """Work begins: customers still to do, and those done already."""

    to_do: int
    done: int


@dataclass(frozen=True, slots=True)
class Reconciled:
    """One page of the company list was read."""

    companies: int
    taken_over: int


@dataclass(frozen=True, slots=True)
class Advanced:
    """A customer has got somewhere, or (`is_left`) is left for another run."""

    customer_id: str
    state: State
    quota: Quota | None
    is_left: bool = False


@dataclass(frozen=True, slots=True)
class Resting:
    """A follow-up that watches rests: so many customers are waited for, and Codat is asked again at `until`."""

    waiting: int
    until: float  # seconds since 1970
    stop: Stop | None  # what ended the last round early, if anything did


@dataclass(frozen=True, slots=True)
class Warned:
    """Something a person should know."""

    text: str


@dataclass(frozen=True, slots=True)
class Ended:
    """The run is over; `stop` is None if all its work is done."""

    stop: Stop | None


Event = Enrolled | Started | Reconciled | Advanced | Hold | Resting | Warned | Ended
Hook = Callable[[Event], None]


def ignore_events(_: Event) -> None:
    """Hear of everything and say nothing."""
