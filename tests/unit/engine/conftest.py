"""Fixtures of the engine's tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from support.trip import Trip

from bulk.engine.commands.migrate import Migrate


@pytest.fixture
def trip(tmp_path: Path) -> Iterator[Trip]:
    """Return a batch with one new customer, and runs of `migrate` on it."""
    trip = Trip(tmp_path / "autumn", Migrate.steps)
    yield trip
    trip.batch.db.close()
