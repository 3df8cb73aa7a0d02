"""What `make torture` runs beside the rounds, and `make test` leaves out, since there are quicker tests of the same."""

from __future__ import annotations

import os

import pytest

THOROUGH = pytest.mark.skipif("TORTURE" not in os.environ, reason="only with `make torture`")
