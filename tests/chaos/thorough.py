"""Marks the tests that `make chaos` runs in addition to the rounds. `make test` has cheaper tests for the same."""

from __future__ import annotations

import os

import pytest

THOROUGH = pytest.mark.skipif("CHAOS" not in os.environ, reason="only with `make chaos`")
