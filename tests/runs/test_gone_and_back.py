"""A row that goes or breaks while Codat has its customer, or may have, and that comes back later."""

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
from runs.crash_runs import BUSY, CUT_OFF, KEY_REJECTED, LAGGING, LOST_BEFORE, WELL, CrashRuns, Ending, ScriptedCodat


def _migrate(runs: CrashRuns, source: Path, names: dict[str, str]) -> Stop | None:
    with source.open("w", newline="") as file:
        rows = ([each, name, "xero"] for each, name in names.items())
        csv.writer(file).writerows([["customer_id", "company_name", "platform"], *rows])
    return runs.do(lambda hook: Migrate(open_input(source, mapping={}), Options(), hook), Ending())


def _customers(codat: FakeCodat) -> Counter[str]:
    return Counter(company.tags["uid"] for company in codat.companies)


def test_who_may_still_come_about_under_a_key_is_not_forgotten_with_it() -> None:
    """The look-up does not show the company yet, the key is at work; forgotten, the customer would get another."""
    scripted = ScriptedCodat([WELL, CUT_OFF, LAGGING, *[BUSY] * 6], allows_second=False)
    with folder_in_memory() as path:
        runs = CrashRuns(path / "batch", scripted, 1, random.Random(0))  # noqa: S311 - repeatable, no secret
        source = path / "customers.csv"
        _migrate(runs, source, {"c0": "Acme"})
        runs.rest(60)
        assert _migrate(runs, source, {"c0": "", "c1": "Other"}) is None
        runs.rest(60)
        assert _migrate(runs, source, {"c0": "Acme", "c1": "Other"}) is None
    assert _customers(scripted.codat) == {"c0": 1, "c1": 1}


def test_who_turns_out_not_to_be_there_is_forgotten_once_the_key_is() -> None:
    """One look-up more, when nothing can come about under the key any longer."""
    scripted = ScriptedCodat([WELL, LOST_BEFORE, WELL, *[BUSY] * 6], allows_second=False)
    with folder_in_memory() as path:
        runs = CrashRuns(path / "batch", scripted, 1, random.Random(0))  # noqa: S311 - repeatable, no secret
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
        runs = CrashRuns(path / "batch", scripted, 1, random.Random(0))  # noqa: S311 - repeatable, no secret
        source = path / "customers.csv"
        stop = _migrate(runs, source, {"c0": "Acme", "c1": "Other"})
        assert stop is not None
        assert stop.exit_code == 3
        assert _migrate(runs, source, {"c1": "Other"}) is None
        requests = scripted.codat.done.total()
        assert _migrate(runs, source, {"c1": "Other"}) is None
    assert scripted.codat.done.total() == requests
    assert [len(company.connections) for company in scripted.codat.companies] == [0, 1]


def test_who_was_missing_from_the_input_when_the_journal_was_lost_is_known_by_its_tags_later() -> None:
    """The first sweep shows a company of this batch that nobody has: whoever comes new may be the one."""
    scripted = ScriptedCodat(honours_keys=False, allows_second=False)
    with folder_in_memory() as path:
        runs = CrashRuns(path / "batch", scripted, 1, random.Random(0))  # noqa: S311 - repeatable, no secret
        source = path / "customers.csv"
        _migrate(runs, source, {"c0": "Acme"})
        for file in runs.folder.glob("journal.sqlite3*"):
            file.unlink()
        assert _migrate(runs, source, {"c0": "", "c1": "Other"}) is None
        assert _migrate(runs, source, {"c0": "Acme", "c1": "Other"}) is None
    assert _customers(scripted.codat) == {"c0": 1, "c1": 1}


def test_whom_another_batch_has_is_known_when_the_input_grows_by_them() -> None:
    """The first sweep of a batch shows the companies of all: whoever of them comes later has one already."""
    scripted = ScriptedCodat(honours_keys=False, allows_second=False)
    with folder_in_memory() as path:
        one, other = (CrashRuns(path / name, scripted, 1, random.Random(0)) for name in ("one", "other"))  # noqa: S311 - repeatable, no secret
        _migrate(one, path / "one.csv", {"c0": "Acme"})
        _migrate(other, path / "other.csv", {"c1": "Other"})
        before = len(scripted.codat.companies)
        assert _migrate(other, path / "other.csv", {"c1": "Other", "c0": "Acme"}) is None
        assert _migrate(other, path / "other.csv", {"c1": "Other", "c0": "Acme", "c2": "New"}) is None
    assert before == 2
    assert _customers(scripted.codat) == {"c0": 1, "c1": 1, "c2": 1}
