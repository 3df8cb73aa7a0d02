"""Fixtures of the reports' tests."""

from __future__ import annotations

from pathlib import Path

import pytest

from .journals import Journal


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    """Return an empty journal in a batch's folder."""
    return Journal(tmp_path / "autumn")
