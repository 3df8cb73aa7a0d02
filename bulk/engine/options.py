"""The options of a run, named as on the command line."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from bulk.errors import UsageError
from bulk.model import NO_LIMIT, Threshold

MAX_NUMBER = 2**53
_SOURCE = re.compile(r"(?!\s)[^\x00-\x1f\x7f-\x9f]{1,100}(?<!\s)")


@dataclass(frozen=True, slots=True)
class Options:
    """The options of `migrate`. Raises UsageError for an invalid value."""

    limit: int | None = None  # only the input's first customers
    retry_failed: bool = False
    again: bool = False  # create companies for customers whose companies undo has deleted
    waits: bool = False  # sleep through an exhausted daily quota
    reserve: int = 0  # requests of the daily quota to leave unused
    max_failures: Threshold | None = None
    # rejected rows that are no failure; beyond it nothing is sent; stored; "none" removes the stored one
    max_rejected: Threshold | Literal["none"] | None = None
    link_lifetime: int | None = None  # seconds that a linkUrl lives; stored in the batch
    source: str | None = None  # the system that the identifiers come from; stored in the batch
    accepts: frozenset[str] = frozenset()  # the customers whose conflicts a person has accepted
    products: tuple[str, ...] = ()  # of each new company; stored in the batch
    accept_missing: bool = False  # continue although Codat's list lacks many of the batch's companies
    adds_files: bool = True  # False: refuse a file that the batch does not have yet

    def __post_init__(self) -> None:
        """Reject invalid values."""
        require_whole("limit", self.limit, 1)
        require_whole("link_lifetime", self.link_lifetime, 1)
        if self.source is not None and not _SOURCE.fullmatch(self.source):
            raise UsageError(
                f"source must have 1 to 100 printable characters and no spaces around it, not {self.source!r}."
            )
        if not all(each.strip() for each in self.products):
            raise UsageError(f"products must be identifiers of products, not {self.products!r}.")
        if self.reserve is None:
            raise UsageError("reserve must be a whole number of at least 0, not None.")
        require_whole("reserve", self.reserve, 0)
        _require_threshold("max_failures", self.max_failures)
        if self.max_rejected != NO_LIMIT:
            _require_threshold("max_rejected", self.max_rejected)


def _require_threshold(name: str, limit: object) -> None:
    is_valid = isinstance(limit, Threshold) and 0 <= limit.number <= (100 if limit.is_percent else MAX_NUMBER)
    if limit is not None and not is_valid:
        raise UsageError(f"{name} must be a Threshold: a number, or 0 to 100 percent, not {limit!r}.")


def require_seconds(name: str, seconds: object, minimum: float) -> None:
    """Raise UsageError unless this is None or a finite number of at least `minimum`."""
    is_number = isinstance(seconds, int | float) and not isinstance(seconds, bool) and minimum <= seconds <= MAX_NUMBER
    if seconds is not None and not is_number:
        raise UsageError(f"{name} must be a number of seconds of at least {minimum:g}, not {seconds!r}.")


def require_whole(name: str, number: object, minimum: int) -> None:
    """Raise UsageError unless this is None or a whole number of at least `minimum`."""
    is_whole = isinstance(number, int) and not isinstance(number, bool) and minimum <= number <= MAX_NUMBER
    if number is not None and not is_whole:
        raise UsageError(f"{name} must be a whole number from {minimum:,} to {MAX_NUMBER:,}, not {number!r}.")
