"""Fixtures of the journal's tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from support.batches import Batch


@pytest.fixture
def batch(tmp_path: Path) -> Iterator[Batch]:
    """Return an empty batch."""
    batch = Batch(tmp_path / "autumn")
    yield batch
    batch.db.close()
