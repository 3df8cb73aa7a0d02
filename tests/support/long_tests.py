"""The order of tests that run in several workers.

pytest-xdist gives each worker an equal share of the list of tests. A long test at the end of a share would leave the
other workers without work, so each share begins with some of the long tests.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from typing import TypeVar

T = TypeVar("T")


def spread(long: Sequence[T], short: Sequence[T], *, workers: int) -> list[T]:
    """Return all tests in an order in which the share of each worker begins with its part of the long ones."""
    ordered: list[T] = []
    left, rest = len(long) + len(short), iter(short)
    for number in range(workers):
        size = left // (workers - number)  # as in xdist.scheduler.worksteal
        left -= size
        first = long[number::workers]
        ordered += [*first, *islice(rest, max(0, size - len(first)))]
    return [*ordered, *rest]
