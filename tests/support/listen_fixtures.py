"""One sandbox that sends its events to one port. The listeners use the port one after another."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

import pytest

from bulk.blocking import migrate_blocking
from bulk.sandbox.options import WEBHOOK_SECRET, Options
from bulk.settings import Settings
from support.listeners import free_port
from support.run_fixtures import SetUp, as_new
from support.runs import KEY, BatchFixture, Codat
from support.sandbox import start


class Batch(Protocol):
    """Makes a batch whose customers have links."""

    def __call__(
        self, customers: int, codat: Codat | None = None, **settings: object
    ) -> tuple[BatchFixture, list[str]]:
        """Make the batch; return the fixture and the customers' ids."""


@pytest.fixture(scope="session")
def port() -> int:
    """Return the port of every listener."""
    return free_port()


@pytest.fixture(scope="session")
def sending(tmp_path_factory: pytest.TempPathFactory, port: int) -> Iterator[Codat]:
    """Return the sandbox that all tests share."""
    options = Options(rate=0, daily_limit=0, webhook_url=f"http://127.0.0.1:{port}/codat")
    with start(tmp_path_factory.mktemp("sending") / "state", options=options) as running:
        yield Codat(running)


@pytest.fixture
def codat(sending: Codat) -> Iterator[Codat]:
    """Return the shared sandbox, without faults, its counts at zero."""
    yield from as_new(sending)


@pytest.fixture
def batch(set_up: SetUp, codat: Codat) -> Batch:
    """Return a function that makes a batch; the requests of its migrate are not counted."""
    shared = codat

    def made(customers: int, codat: Codat | None = None, **settings: object) -> tuple[BatchFixture, list[str]]:
        fixture = set_up(codat or shared, environment={"CODAT_WEBHOOK_SECRET": WEBHOOK_SECRET}, **settings)
        return fixture, migrated(fixture, customers)

    return made


def migrated(fixture: BatchFixture, customers: int) -> list[str]:
    """Migrate this many customers; return their ids."""
    ids = fixture.customers(customers, prefix=f"{fixture.path.parent.name}-{fixture.path.name}")
    settings = Settings.make(api_key=KEY, base_url=fixture.codat.base_url, rate=1_000_000, environ={})
    assert migrate_blocking(fixture.input, reports=fixture.path / "reports", settings=settings).exit_code == 0
    fixture.codat.count_from_zero()
    return ids


def batch_at(path: Path, codat: Codat) -> tuple[BatchFixture, list[str]]:
    """Make a batch of three customers in this folder."""
    path.mkdir()
    fixture = BatchFixture(path, codat, environment={"CODAT_WEBHOOK_SECRET": WEBHOOK_SECRET})
    return fixture, migrated(fixture, 3)
