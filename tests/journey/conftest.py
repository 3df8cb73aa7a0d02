"""One browser for all journeys."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from journey.browser import Browser, ChromiumMissingError, chromium


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Give a real browser; without Chromium the test is skipped and says how to install it."""
    try:
        with chromium() as opened:
            yield opened
    except ChromiumMissingError as missing:
        pytest.skip(str(missing))
