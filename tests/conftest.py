"""Shared by all tests: Ctrl-C that reaches processes, one browser, and property tests that repeat exactly."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import settings
from support.browser import MISSING, Browser, ChromiumMissingError, chromium
from support.interrupts import restore_sigint

restore_sigint()
# A slow machine is not a failure, and each run tries the same examples. `make fuzz` tries new ones.
settings.register_profile("bulk", deadline=None, derandomize=True)
settings.load_profile("bulk")


@pytest.fixture(scope="session")
def installed() -> Iterator[Browser | None]:
    """Start a real browser; None where Chromium is missing."""
    try:
        with chromium() as opened:
            yield opened
    except ChromiumMissingError:
        yield None


@pytest.fixture(scope="session")
def browser(installed: Browser | None) -> Browser:
    """Return the real browser. Without Chromium, skip the test and say how to install it."""
    if installed is None:
        pytest.skip(MISSING)
    return installed
