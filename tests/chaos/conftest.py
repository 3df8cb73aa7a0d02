"""The same sandboxes and batches as for other whole runs, and a sandbox that does not prevent duplicates."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from support.run_fixtures import Launch, SetUp, codat, fixture, launch, set_up, unlimited
from support.runs import Codat
from support.sandbox import start

from bulk.sandbox.options import Options

__all__ = ["Launch", "SetUp", "careless", "codat", "fixture", "launch", "set_up", "unlimited"]


@pytest.fixture(scope="session")
def _careless(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Codat]:
    options = Options(rate=0, daily_limit=0, ignore_idempotency=True, second_connection="allow")
    with start(tmp_path_factory.mktemp("careless") / "state", options=options) as running:
        yield Codat(running)


@pytest.fixture
def careless(_careless: Codat) -> Codat:
    """Return the shared sandbox that ignores keys and allows second connections, with counts from zero."""
    _careless.count_from_zero()
    return _careless
