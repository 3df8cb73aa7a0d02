"""Faults, crashes, interruptions, lost journals and reruns in any order: one company and one connection each.

The engine and its journal are the real ones; Codat is fake and time is virtual.
"""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from simulation.memory import folder_in_memory
from support.fake_codat import FakeCodat
from support.fault_schedule import Passage

from bulk.engine.commands.migrate import Migrate
from bulk.engine.options import Options
from bulk.input import open_input
from bulk.journal.database import FILE
from bulk.model import Stop
from bulk.reports.rows import Reader
from integration.crash_runs import (
    CUT_OFF,
    EMPTY,
    LAGGING,
    LATE,
    LOST_AFTER,
    LOST_BEFORE,
    THROTTLED,
    TRUNCATED,
    WELL,
    WITHOUT_LAG,
    CrashRuns,
    Ending,
    ScriptedCodat,
)

MAX_RERUNS = 4
# bulk has two lines of defence, the look-up and the key. Each of them alone is enough: where a list lags behind, no 5xx
# may have spent the key (docs/architecture.md, "Once only").
WITH_LAG = [LAGGING, LOST_BEFORE, LOST_AFTER, CUT_OFF, TRUNCATED, EMPTY, THROTTLED, WELL]
CRASH = st.none() | st.integers(1, 60)
INTERRUPT = st.none() | st.floats(0.0, 1.0)
ENDINGS = st.builds(Ending, crashes_at=CRASH, interrupted_after=INTERRUPT, loses_journal=st.booleans())
NEVER_TOO_SLOW = [HealthCheck.too_slow]


@pytest.mark.timeout(900)  # hypothesis shrinks a failure before it reports it
@settings(max_examples=60, deadline=None, suppress_health_check=NEVER_TOO_SLOW)
@given(
    customers=st.integers(1, 4),
    passages=st.lists(st.sampled_from(WITHOUT_LAG), max_size=24),
    endings=st.lists(ENDINGS, max_size=MAX_RERUNS),
    concurrency=st.sampled_from([1, 2, 10]),
    honours_keys=st.booleans(),
    allows_second=st.booleans(),
    seed=st.integers(0, 2**32),
)
def test_any_order_of_faults_crashes_and_reruns_ends_with_one_of_each(
    customers: int,
    passages: list[Passage],
    endings: list[Ending],
    concurrency: int,
    honours_keys: bool,
    allows_second: bool,
    seed: int,
) -> None:
    """At the end each customer has exactly one company and one connection, and the reports are complete."""
    scripted = ScriptedCodat(passages, honours_keys=honours_keys, allows_second=allows_second)
    _run_all(scripted, customers, endings, concurrency, seed)


@pytest.mark.timeout(900)  # hypothesis shrinks a failure before it reports it
@settings(max_examples=40, deadline=None, suppress_health_check=NEVER_TOO_SLOW)
@given(
    customers=st.integers(1, 4),
    passages=st.lists(st.sampled_from(WITH_LAG), max_size=24),
    endings=st.lists(ENDINGS, max_size=MAX_RERUNS),
    concurrency=st.sampled_from([1, 2, 10]),
    allows_second=st.booleans(),
    seed=st.integers(0, 2**32),
)
def test_a_look_up_that_lags_behind_creates_no_duplicate_while_the_key_is_valid(
    customers: int, passages: list[Passage], endings: list[Ending], concurrency: int, allows_second: bool, seed: int
) -> None:
    """A request for something that a list does not show yet repeats its key, and Codat replays its first response.

    This also holds after the journal is lost, because the keys are computed again.
    """
    _run_all(ScriptedCodat(passages, allows_second=allows_second), customers, endings, concurrency, seed)


@pytest.mark.parametrize("loses_journal", [False, True])
@pytest.mark.parametrize("step", [1, 2])  # of the requests: the company, the connection
def test_a_request_that_takes_minutes_creates_no_duplicate(step: int, loses_journal: bool) -> None:
    """A 409 means that a request with this key is running: no other key is used, even after the journal is lost."""
    scripted = ScriptedCodat([*[WELL] * step, LATE])
    _run_all(scripted, 1, [Ending(interrupted_after=31.0, loses_journal=loses_journal)], concurrency=1, seed=0)


def _run_all(scripted: ScriptedCodat, customers: int, endings: list[Ending], concurrency: int, seed: int) -> None:
    """Run with each ending, then until all is done, and check Codat and the results."""
    with folder_in_memory() as path:
        folder, source = path / "batch", path / "customers.csv"
        ids = [f"c{n}" for n in range(customers)]
        pl.DataFrame({"customer_id": ids, "company_name": ids, "platform": ["xero"] * customers}).write_csv(source)
        rng = random.Random(seed)  # noqa: S311 - repeatable, not a secret
        runs = CrashRuns(folder, scripted, concurrency, rng)

        def migrate(ending: Ending) -> Stop | None:
            return runs.do(Migrate(open_input(source, mapping={}), Options()), ending)

        for ending in endings:
            migrate(ending)
        for _ in range(MAX_RERUNS):
            if migrate(Ending()) is None:
                break
        runs.rest(600)  # late requests are done by then
        _check(folder, scripted.codat, ids)
        posts = scripted.posts
        assert migrate(Ending()) is None
        assert scripted.posts == posts


def _check(folder: Path, codat: FakeCodat, ids: list[str]) -> None:
    assert Counter(company.tags["uid"] for company in codat.companies) == Counter(ids)
    assert all(len(company.connections) == 1 for company in codat.companies)
    with Reader(folder / FILE) as reader:  # the source of all reports
        results = pl.concat(reader.results(1_000))
    in_codat = {company.tags["uid"]: (company.id, company.connections[0].id) for company in codat.companies}
    assert results["customer_id"].to_list() == ids
    assert set(results["state"]) == {"link_ready"}
    for customer_id, company_id, connection_id, link_url in results.select(
        "customer_id", "company_id", "connection_id", "link_url"
    ).iter_rows():
        assert (company_id, connection_id) == in_codat[customer_id]
        assert link_url
