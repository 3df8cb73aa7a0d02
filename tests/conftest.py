"""One browser for all tests that look at a page."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from browser import MISSING, Browser, ChromiumMissingError, chromium


@pytest.fixture(scope="session")
def installed() -> Iterator[Browser | None]:
    """Give a real browser, or None where there is no Chromium."""
    try:
        with chromium() as opened:
            yield opened
    except ChromiumMissingError:
        yield None


@pytest.fixture(scope="session")
def browser(installed: Browser | None) -> Browser:
    """Give a real browser; without Chromium the test is skipped and says how to install it."""
    if installed is None:
        pytest.skip(MISSING)
    return installed
