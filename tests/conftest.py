"""What all tests share: one browser for those that look at a page, and no clock for those that draw examples."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from browser import MISSING, Browser, ChromiumMissingError, chromium
from hypothesis import settings

settings.register_profile("bulk", deadline=None)  # a busy machine is no failure
settings.load_profile("bulk")


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
