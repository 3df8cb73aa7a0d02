"""Marks what `make chaos` runs in addition to the rounds; `make test` leaves it out, because cheaper tests cover it."""

from __future__ import annotations

import os

import pytest

THOROUGH = pytest.mark.skipif("CHAOS" not in os.environ, reason="only with `make chaos`")
