"""Sandboxes to run against, and folders to run in."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from itertools import count
from pathlib import Path
from typing import Any, Protocol

import pytest

from bulk.sandbox.options import Options
from support.runs import BatchFixture, Codat, row
from support.sandbox import start

A_DAY = 86_400
NEARLY_OVER = 1800  # seconds
_numbers = count(1)


class Launch(Protocol):
    """Starts a sandbox with some options; it is stopped after the test."""

    def __call__(self, name: str = "codat", **options: object) -> Codat:
        """Start a sandbox with its state in the folder of this name."""


class SetUp(Protocol):
    """Makes a folder to run in against a sandbox."""

    def __call__(self, codat: Codat, **settings: Any) -> BatchFixture:
        """Make the folder; return its fixture."""


@pytest.fixture
def launch(tmp_path: Path) -> Iterator[Launch]:
    """Return a function that starts sandboxes for this test, without limits unless an option sets them."""
    with ExitStack() as stack:

        def launched(name: str = "codat", **options: object) -> Codat:
            wanted = Options(**({"rate": 0, "daily_limit": 0} | options))  # type: ignore[arg-type]
            codat = Codat(stack.enter_context(start(tmp_path / name, options=wanted)))
            if A_DAY - time.time() % A_DAY < NEARLY_OVER:
                codat.advance(2 * NEARLY_OVER)  # so its day does not end during a test
            return codat

        yield launched


@pytest.fixture
def set_up(tmp_path: Path) -> Iterator[SetUp]:
    """Return a function that makes folders to run in. Each folder has customers of its own."""
    with ExitStack() as stack:

        def made(codat: Codat, **settings: Any) -> BatchFixture:
            path = tmp_path / f"fixture{next(_numbers)}"
            path.mkdir()
            fixture = BatchFixture(path, codat, **settings)
            stack.callback(fixture.stop_processes)
            return fixture

        yield made


@pytest.fixture(scope="session")
def unlimited(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Codat]:
    """Start one sandbox without limits for all tests that only look at their own customers."""
    with start(tmp_path_factory.mktemp("unlimited") / "state", options=Options(rate=0, daily_limit=0)) as running:
        yield Codat(running)


def as_new(codat: Codat) -> Iterator[Codat]:
    """Yield a sandbox that tests share, with no faults and counts from zero. Remove the faults of the test after it."""
    codat.clear_faults()
    codat.count_from_zero()
    yield codat
    codat.clear_faults()


@pytest.fixture
def codat(unlimited: Codat) -> Iterator[Codat]:
    """Return the shared sandbox, with no faults and counts from zero."""
    yield from as_new(unlimited)


@pytest.fixture
def fixture(codat: Codat, set_up: SetUp) -> BatchFixture:
    """Return a folder to run in against the shared sandbox."""
    return set_up(codat)


def other_system(fixture: BatchFixture, *values: Mapping[str, str]) -> Path:
    """Migrate three customers; return a file of another system with their identifiers, these values and a new row."""
    ids = fixture.customers(3)
    assert fixture.run().code == 0
    rows = [row(customer_id, 0, **each) for customer_id, each in zip(ids, values, strict=False)]
    return fixture.write([*rows, row(f"{fixture.path.name}-new")], name="other.csv")
