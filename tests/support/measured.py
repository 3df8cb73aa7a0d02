"""Marks the tests that `make coverage` leaves out."""

from __future__ import annotations

import os

import pytest

UNMEASURED = pytest.mark.skipif(
    "COVERAGE_RUN" in os.environ, reason="measuring coverage changes what a process loads and writes"
)
