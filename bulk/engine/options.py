"""What a run is asked for besides its settings, in the words of the command's options."""

from __future__ import annotations

import math
from dataclasses import dataclass

from bulk.errors import UsageError

MAX_NUMBER = 2**53


@dataclass(frozen=True, slots=True)
class Threshold:
    """A number of customers, or a percentage of all of them."""

    number: float
    is_percent: bool = False

    def of(self, customers: int) -> int:
        """Return the number of customers that this is of so many."""
        return math.floor(customers * self.number / 100) if self.is_percent else int(self.number)


@dataclass(frozen=True, slots=True)
class Options:
    """The options of `migrate`. Raises UsageError for a value that cannot be right."""

    limit: int | None = None  # only the input's first customers
    retry_failed: bool = False
    waits: bool = False  # sleep through an exhausted daily quota
    reserve: int = 0  # requests of the daily quota to leave unused
    max_failures: Threshold | None = None
    link_lifetime: int | None = None  # seconds that a linkUrl lives; the batch remembers it

    def __post_init__(self) -> None:
        """Refuse values that cannot be right."""
        _require("limit", self.limit, 1)
        _require("link_lifetime", self.link_lifetime, 1)
        if self.reserve is None:
            raise UsageError("reserve must be a whole number of at least 0, not None.")
        _require("reserve", self.reserve, 0)
        share = self.max_failures
        if share is None:
            return
        if not isinstance(share, Threshold) or not 0 <= share.number <= (100 if share.is_percent else MAX_NUMBER):
            raise UsageError(f"max_failures must be a Threshold: a number, or 0 to 100 percent, not {share!r}.")


def _require(name: str, number: object, minimum: int) -> None:
    is_whole = isinstance(number, int) and not isinstance(number, bool)
    if number is not None and not (is_whole and minimum <= int(str(number)) <= MAX_NUMBER):
        raise UsageError(f"{name} must be a whole number from {minimum:,} to {MAX_NUMBER:,}, not {number!r}.")
