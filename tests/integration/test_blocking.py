"""Each async function of the library has a blocking form, which also works where an event loop runs (Jupyter)."""

from __future__ import annotations

import inspect
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import anyio
import polars as pl
import pytest

import bulk
from bulk.engine.events import Event
from bulk.errors import InputError
from bulk.sandbox.launch import start
from bulk.settings import Settings

UNLIMITED_RATE = 1_000_000  # requests a minute
ASYNC = [name for name in bulk.__all__ if inspect.iscoroutinefunction(getattr(bulk, name))]


@pytest.fixture
def settings(tmp_path: Path) -> Iterator[Settings]:
    """Return the settings for a sandbox."""
    with start(tmp_path / "sandbox") as codat:
        yield Settings.make(api_key=codat.api_key, base_url=codat.base_url, rate=UNLIMITED_RATE, environ={})


def customers(path: Path, number: int) -> Path:
    """Write an input file."""
    rows = "".join(f"{n},Company {n},Xero\n" for n in range(number))
    path.write_text("customer_id,company_name,platform\n" + rows)
    return path


@pytest.mark.parametrize("name", ASYNC)
def test_each_async_function_has_a_blocking_form(name: str) -> None:
    """It takes the same arguments, and calling it returns a result, not a coroutine."""
    function, form = getattr(bulk, name), getattr(bulk, f"{name}_blocking")
    assert inspect.signature(form) == inspect.signature(function)
    assert not inspect.iscoroutinefunction(form)
    assert form.__name__ == f"{name}_blocking"


def test_the_commands_of_a_batch_are_async() -> None:
    """The list of functions above is the whole library, except for `check` and `report`."""
    assert set(ASYNC) == {"check_account", "migrate", "follow_up", "links", "unlink", "verify", "undo", "listen"}


def test_a_blocking_form_works_inside_a_running_loop(tmp_path: Path, settings: Settings) -> None:
    """A notebook's cells run in a loop, where `anyio.run` raises RuntimeError."""

    async def cell() -> bulk.BatchResult:
        bulk.migrate_blocking(customers(tmp_path / "x.csv", 2), reports=tmp_path, settings=settings)
        return bulk.follow_up_blocking(tmp_path / "x", settings=settings)

    assert anyio.run(cell).summary.customers["link_ready"] == 2


def test_an_error_leaves_a_blocking_form_as_it_is(tmp_path: Path, settings: Settings) -> None:
    """The caller catches the same error as with `await`, not a group of errors."""
    with pytest.raises(InputError):
        bulk.migrate_blocking(tmp_path / "absent.csv", reports=tmp_path, settings=settings)


def test_ctrl_c_in_a_blocking_form_loses_nothing(tmp_path: Path, settings: Settings) -> None:
    """The call ends with KeyboardInterrupt, and the same call resumes."""
    path = customers(tmp_path / "x.csv", 60)
    is_first = threading.Event()

    def interrupt_once(event: Event) -> None:
        if isinstance(event, bulk.Advanced) and not is_first.is_set():
            is_first.set()
            signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        bulk.migrate_blocking(path, reports=tmp_path, settings=settings, on_event=interrupt_once)
    result = bulk.migrate_blocking(path, reports=tmp_path, settings=settings)
    assert result.summary.customers["link_ready"] == 60
    assert result.results["company_id"].n_unique() == 60
    proof = bulk.verify_blocking(tmp_path / "x", settings=settings)
    assert isinstance(proof.findings, pl.DataFrame)
    assert proof.exit_code == 0
