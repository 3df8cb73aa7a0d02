"""Batches whose customers have their links."""

from __future__ import annotations

from typing import Protocol
from uuid import uuid4

import pytest
from support.run_fixtures import SetUp
from support.runs import BatchFixture, Codat


class Migrated(Protocol):
    """Makes a batch whose customers have their links."""

    def __call__(self, codat: Codat, customers: int) -> tuple[BatchFixture, list[str]]:
        """Make a batch; return it and the customers' identifiers."""


@pytest.fixture
def migrated(set_up: SetUp) -> Migrated:
    """Return a function that migrates new batches. Their requests are not counted."""

    def made(codat: Codat, customers: int) -> tuple[BatchFixture, list[str]]:
        fixture = set_up(codat, name=uuid4().hex[:8])
        ids = fixture.customers(customers)
        assert fixture.run().code == 0
        codat.count_from_zero()
        return fixture, ids

    return made
