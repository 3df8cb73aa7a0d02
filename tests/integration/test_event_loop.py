"""A caller's event loop keeps running while the library reads an input or writes reports."""

from __future__ import annotations

import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import anyio.to_thread
import pytest

import bulk
import bulk.api
import bulk.reports.write
from bulk.sandbox.launch import start
from bulk.settings import Settings

UNLIMITED_RATE = 1_000_000  # requests a minute
SECONDS = 30.0  # a loop that does not answer within this time is blocked

CALLS: dict[str, Callable[..., Awaitable[bulk.BatchResult]]] = {
    "migrate": lambda path, **options: bulk.migrate(path.parent / "x.csv", reports=path.parent, batch="x", **options),
    "follow_up": bulk.follow_up,
    "links": bulk.links,
    "unlink": lambda path, **options: bulk.unlink(path, ["1"], **options),
    "verify": bulk.verify,
    "undo": bulk.undo,
}


class LoopWatch:
    """Makes a blocking function wait until the event loop has run in the meantime."""

    def __init__(self) -> None:
        self._has_begun = threading.Event()
        self._loop_runs = threading.Event()

    def wrap(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """Return the function with a wait for the loop before it."""

        def wait_for_the_loop(*arguments: Any, **options: Any) -> Any:
            self._has_begun.set()
            assert self._loop_runs.wait(SECONDS), "the event loop is blocked"
            return function(*arguments, **options)

        return wait_for_the_loop

    async def answer(self) -> None:
        """Answer from the loop, once the function has begun."""
        await anyio.to_thread.run_sync(self._has_begun.wait, SECONDS)
        self._loop_runs.set()

    @property
    def was_needed(self) -> bool:
        """Whether the function was called at all."""
        return self._has_begun.is_set()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a batch; its input is next to it."""
    home = tmp_path_factory.mktemp("batches")
    (home / "x.csv").write_text("customer_id,company_name,platform\n1,Acme,Xero\n2,Bolt,Xero\n")
    return home / "x"


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """Return the settings for a sandbox."""
    with start(tmp_path_factory.mktemp("sandbox")) as codat:
        yield Settings.make(api_key=codat.api_key, base_url=codat.base_url, rate=UNLIMITED_RATE, environ={})


@contextmanager
def _patched(module: object, name: str, watch: LoopWatch) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, name, watch.wrap(getattr(module, name)))
        yield


async def _call(name: str, folder: Path, settings: Settings, watch: LoopWatch) -> None:
    async with anyio.create_task_group() as group:
        group.start_soon(watch.answer)
        await CALLS[name](folder, settings=settings)
    assert watch.was_needed


@pytest.mark.parametrize("name", CALLS)
def test_the_loop_runs_while_reports_are_written(name: str, folder: Path, settings: Settings) -> None:
    """Every command of the library writes its reports in a worker thread."""
    watch = LoopWatch()
    if name != "migrate":
        anyio.run(partial(CALLS["migrate"], folder, settings=settings))
    with _patched(bulk.reports.write, "write_reports", watch):
        anyio.run(_call, name, folder, settings, watch)


def test_the_loop_runs_while_an_input_is_opened(folder: Path, settings: Settings) -> None:
    """Opening reads the whole file, which takes a while if it is big."""
    watch = LoopWatch()
    with _patched(bulk.api, "open_input", watch):
        anyio.run(_call, "migrate", folder, settings, watch)
