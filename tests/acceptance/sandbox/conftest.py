"""Sandboxes in their own processes, and clients for them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest
from support.http_client import TLS
from support.sandbox import start

from acceptance.sandbox.client import Connect, Launch, authorization
from bulk.sandbox.launch import Running
from bulk.sandbox.options import Options


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    """Return a stack that closes everything a test opened."""
    with ExitStack() as opened:
        yield opened


@pytest.fixture
def launch(tmp_path: Path, stack: ExitStack) -> Launch:
    """Return a function that starts a sandbox with some options. The sandbox stops after the test."""

    def launched(state: str = "state", **options: object) -> Running:
        return stack.enter_context(start(tmp_path / state, options=Options(**options)))  # type: ignore[arg-type]

    return launched


@pytest.fixture
def connect(stack: ExitStack) -> Connect:
    """Return a function that opens a client with the right key."""

    def connected(running: Running) -> httpx.Client:
        client = httpx.Client(base_url=running.base_url, headers=authorization(), timeout=60, verify=TLS)
        return stack.enter_context(client)

    return connected


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """Return one sandbox without limits that the tests of a file share."""
    options = Options(rate=0, daily_limit=0)
    with start(tmp_path_factory.mktemp("shared") / "state", options=options) as running:
        yield running


@pytest.fixture
def api(shared: Running, connect: Connect) -> httpx.Client:
    """Return a client of the shared sandbox."""
    return connect(shared)
