"""Watches whether one of Codat's operations fails for everybody while others may work.

Customers that need it are held back until all others are done. Otherwise they would use up the five minutes after which
the circuit breaker ends the run.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from bulk.codat.circuit_breaker import FAULTS, MIN_FAULTS, SUCCESSES
from bulk.model import Outcome


class BrokenOperations:
    """Collects the customers for whom each operation has failed since its last success."""

    def __init__(self, concurrency: int) -> None:
        """Consider no operation broken yet. One fault of each request in flight proves nothing."""
        self._most = max(MIN_FAULTS, concurrency)
        self._failed: defaultdict[str, set[int]] = defaultdict(set)

    def note(self, operation: str, customer: int, outcome: Outcome) -> None:
        """Note the outcome of a request for a customer, given by its number in the journal."""
        if outcome in SUCCESSES:
            self._failed.pop(operation, None)
        elif outcome in FAULTS or outcome is Outcome.BLOCKED:
            self._failed[operation].add(customer)

    def includes_any(self, operations: Iterable[str]) -> bool:
        """Return whether one of these operations is broken."""
        return any(len(self._failed.get(each, ())) >= self._most for each in operations)
