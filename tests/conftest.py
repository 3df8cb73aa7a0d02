"""Shared by all tests: Ctrl-C that reaches processes, one browser, repeatable property tests, the order of tests."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from hypothesis import settings
from support.browser import MISSING, Browser, ChromiumMissingError, chromium
from support.interrupts import restore_sigint
from support.long_tests import spread

restore_sigint()
# A slow machine is not a failure, and each run tries the same examples. `make fuzz` tries new ones.
settings.register_profile("bulk", deadline=None, derandomize=True)
settings.load_profile("bulk")


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker of long tests."""
    config.addinivalue_line("markers", "long: takes 15 seconds or more, most of them waiting; runs first")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let each worker begin with its part of the long tests."""
    long = [item for item in items if item.get_closest_marker("long")]
    short = [item for item in items if not item.get_closest_marker("long")]
    items[:] = spread(long, short, workers=int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1")))


@pytest.fixture(scope="session", autouse=True)
def _own_state_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep the locks of Codat clients out of the home folder, and apart from those of other processes with tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", str(tmp_path_factory.mktemp("state")))
        yield


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
