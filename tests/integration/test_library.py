"""The library refuses arguments that the command line refuses, before anything is sent."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

import bulk
from bulk.engine.events import Event, Resting
from bulk.errors import BatchError, UsageError
from bulk.sandbox.launch import start
from bulk.settings import Settings


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """Return the settings for a sandbox."""
    with start(tmp_path_factory.mktemp("codat") / "sandbox") as codat:
        yield Settings.make(api_key=codat.api_key, base_url=codat.base_url, rate=1_000_000, environ={})


@pytest.fixture
def folder(tmp_path: Path, settings: Settings) -> Path:
    """Return the folder of a batch whose customers 1, 2 and 12 wait for an authorization."""
    path = tmp_path / "in.csv"
    path.write_text("customer_id,company_name,platform\n1,One,Xero\n2,Two,qbo\n12,Twelve,Sage Intacct\n")
    bulk.migrate_blocking(path, reports=tmp_path, settings=settings)
    return tmp_path / "in"


def test_a_wrong_argument_is_refused(folder: Path, settings: Settings) -> None:
    """The message names it, and Codat receives no request."""
    before = bulk.report(folder).figures.summary.requests_total
    refused: list[tuple[Callable[..., Any], dict[str, object]]] = [
        (bulk.unlink_blocking, {"customer_ids": "12"}),  # would be read as the customers 1 and 2
        (bulk.unlink_blocking, {"customer_ids": [12]}),
        (bulk.unlink_blocking, {"customer_ids": []}),
        (bulk.links_blocking, {"link_lifetime": 0}),  # would renew links that are valid
        (bulk.links_blocking, {"link_lifetime": -5}),
        (bulk.links_blocking, {"limit": 0}),
        (bulk.links_blocking, {"margin": -5.0}),
        (bulk.links_blocking, {"margin": math.nan}),
        (bulk.follow_up_blocking, {"watch": 0}),
        (bulk.follow_up_blocking, {"watch": math.nan}),
    ]
    for function, arguments in refused:
        with pytest.raises(UsageError, match=next(iter(arguments))):
            function(folder, **arguments, settings=settings)
    assert bulk.report(folder).figures.summary.requests_total == before


def test_a_time_without_a_zone_is_in_utc(folder: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """All times are in UTC, wherever the machine is."""
    monkeypatch.setenv("TZ", "America/New_York")
    until = datetime.now(UTC) + timedelta(seconds=1)
    events: list[Event] = []
    bulk.follow_up_blocking(
        folder, settings=settings, watch=60, until=until.replace(tzinfo=None), on_event=events.append
    )
    (resting,) = [event for event in events if isinstance(event, Resting)]
    assert resting.until == pytest.approx(until.timestamp())


def test_the_links_have_the_names_of_the_platforms(folder: Path, settings: Settings) -> None:
    """As in links.csv."""
    links = bulk.links_blocking(folder, settings=settings).links
    assert sorted(links["platform"]) == ["QuickBooks Online", "Sage Intacct", "Xero"]


@pytest.mark.parametrize("name", ["follow_up", "links", "undo", "verify"])
def test_an_emptied_journal_is_refused(folder: Path, settings: Settings, name: str) -> None:
    """This is not an empty batch: the customers are in Codat, and the reports would lose them."""
    before = (folder / "results.csv").read_bytes()
    for file in folder.glob("journal.sqlite3*"):
        file.write_bytes(b"") if file.name == "journal.sqlite3" else file.unlink()
    with pytest.raises(BatchError, match="no journal"):
        getattr(bulk, f"{name}_blocking")(folder, settings=settings)
    with pytest.raises(BatchError, match="no journal"):
        bulk.report(folder)
    assert (folder / "results.csv").read_bytes() == before


def test_dir_lists_the_names_that_are_loaded_later() -> None:
    """Editors and Jupyter complete from it."""
    assert set(bulk.__all__) <= set(dir(bulk))
