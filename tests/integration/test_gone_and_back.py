"""A row that disappears or becomes invalid while Codat has, or may have, its customer, and that returns later."""

from __future__ import annotations

import csv
import random
from collections import Counter
from pathlib import Path

from simulation.memory import folder_in_memory
from support.fake_codat import FakeCodat

from bulk.engine.commands.migrate import Migrate
from bulk.engine.options import Options
from bulk.input import open_input
from bulk.model import Stop
from integration.crash_runs import (
    BUSY,
    CUT_OFF,
    KEY_REJECTED,
    LAGGING,
    LOST_BEFORE,
    WELL,
    CrashRuns,
    Ending,
    ScriptedCodat,
)


def _migrate(runs: CrashRuns, source: Path, names: dict[str, str]) -> Stop | None:
    with source.open("w", newline="") as file:
        rows = ([each, name, "xero"] for each, name in names.items())
        csv.writer(file).writerows([["customer_id", "company_name", "platform"], *rows])
    return runs.do(Migrate(open_input(source, mapping={}), Options()), Ending())


def _customers(codat: FakeCodat) -> Counter[str]:
    return Counter(company.tags["uid"] for company in codat.companies)


def test_a_customer_whose_company_may_still_be_created_is_not_forgotten() -> None:
    """The look-up does not show the company yet. If bulk forgot the request, the customer would get a second one."""
    scripted = ScriptedCodat([WELL, CUT_OFF, LAGGING, *[BUSY] * 6], allows_second=False)
    with folder_in_memory() as path:
        runs = CrashRuns(path / "batch", scripted, 1, random.Random(0))  # noqa: S311 - repeatable, not a secret
        source = path / "customers.csv"
        _migrate(runs, source, {"c0": "Acme"})
        runs.rest(60)
        assert _migrate(runs, source, {"c0": "", "c1": "Other"}) is None
        runs.rest(60)
        assert _migrate(runs, source, {"c0": "Acme", "c1": "Other"}) is None
    assert _customers(scripted.codat) == {"c0": 1, "c1": 1}


def test_a_customer_that_codat_does_not_have_is_forgotten_once_its_key_has_expired() -> None:
    """One more look-up follows when nothing can be created under the key any longer."""
    scripted = ScriptedCodat([WELL, LOST_BEFORE, WELL, *[BUSY] * 6], allows_second=False)
    with folder_in_memory() as path:
        runs = CrashRuns(path / "batch", scripted, 1, random.Random(0))  # noqa: S311 - repeatable, not a secret
        source = path / "customers.csv"
        _migrate(runs, source, {"c0": "Acme"})
        for _ in range(2):
            runs.rest(2 * 3600)
            assert _migrate(runs, source, {"c1": "Other"}) is None
    assert _customers(scripted.codat) == {"c1": 1}


def test_a_customer_that_left_the_input_half_done_costs_no_request() -> None:
    """Its company exists and gets no connection, so a rerun has nothing to send, and reads no list."""
    scripted = ScriptedCodat([WELL, WELL, KEY_REJECTED])
    with folder_in_memory() as path:
        runs = CrashRuns(path / "batch", scripted, 1, random.Random(0))  # noqa: S311 - repeatable, not a secret
        source = path / "customers.csv"
        stop = _migrate(runs, source, {"c0": "Acme", "c1": "Other"})
        assert stop is not None
        assert stop.exit_code == 3
        assert _migrate(runs, source, {"c1": "Other"}) is None
        requests = scripted.codat.done.total()
        assert _migrate(runs, source, {"c1": "Other"}) is None
    assert scripted.codat.done.total() == requests
    assert [len(company.connections) for company in scripted.codat.companies] == [0, 1]


def test_a_customer_that_the_input_lacked_when_the_journal_was_lost_is_found_by_its_tags_later() -> None:
    """The first reading shows a company of this batch without a customer; a new customer may own it."""
    scripted = ScriptedCodat(honours_keys=False, allows_second=False)
    with folder_in_memory() as path:
        runs = CrashRuns(path / "batch", scripted, 1, random.Random(0))  # noqa: S311 - repeatable, not a secret
        source = path / "customers.csv"
        _migrate(runs, source, {"c0": "Acme"})
        for file in runs.folder.glob("journal.sqlite3*"):
            file.unlink()
        assert _migrate(runs, source, {"c0": "", "c1": "Other"}) is None
        assert _migrate(runs, source, {"c0": "Acme", "c1": "Other"}) is None
    assert _customers(scripted.codat) == {"c0": 1, "c1": 1}


def test_a_customer_of_another_batch_is_recognized_when_the_input_adds_it() -> None:
    """The first reading shows the companies of all batches: a customer that is added later may have one already."""
    scripted = ScriptedCodat(honours_keys=False, allows_second=False)
    with folder_in_memory() as path:
        one, other = (CrashRuns(path / name, scripted, 1, random.Random(0)) for name in ("one", "other"))  # noqa: S311 - repeatable, not a secret
        _migrate(one, path / "one.csv", {"c0": "Acme"})
        _migrate(other, path / "other.csv", {"c1": "Other"})
        before = len(scripted.codat.companies)
        assert _migrate(other, path / "other.csv", {"c1": "Other", "c0": "Acme"}) is None
        assert _migrate(other, path / "other.csv", {"c1": "Other", "c0": "Acme", "c2": "New"}) is None
    assert before == 2
    assert _customers(scripted.codat) == {"c0": 1, "c1": 1, "c2": 1}
