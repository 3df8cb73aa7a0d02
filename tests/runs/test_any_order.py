"""Whatever the order of faults, crashes, interruptions, lost journals and reruns: one company, one connection each.

The engine is the real one with its journal on the disk; only Codat is pretended and time runs faster.
"""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bulk.engine.commands.migrate import Migration
from bulk.engine.run import Options
from bulk.input import open_input
from bulk.journal.database import FILE
from bulk.model import Stop
from bulk.reports.rows import Reader
from runs.crash_runs import Life, Place, folder_of_a_test
from runs.fake_codat import Fate, Pretend

MAX_RERUNS = 4
ANYTHING = [fate for fate in Fate if fate is not Fate.LAGGING]
# Two lines of defence, the look-up and the key, hold one without the other, not when both fail: where a list lags
# behind, no 5xx may have spent the key (docs/architecture.md, "Once only").
WITH_LAG = [
    Fate.LAGGING,
    Fate.LOST_BEFORE,
    Fate.LOST_AFTER,
    Fate.LATE,
    Fate.TRUNCATED,
    Fate.EMPTY,
    Fate.THROTTLED,
    Fate.WELL,
]


LIVES = st.builds(
    Life,
    crashes_at=st.none() | st.integers(1, 60),
    interrupted_after=st.none() | st.integers(0, 3),
    loses_journal=st.booleans(),
)
CAREFUL_LIVES = st.builds(
    Life, crashes_at=st.none() | st.integers(1, 60), interrupted_after=st.none() | st.integers(0, 3)
)
NEVER_TOO_SLOW = [HealthCheck.too_slow]


@pytest.mark.timeout(900)  # a failure is made small before it is shown
@settings(max_examples=100, deadline=None, suppress_health_check=NEVER_TOO_SLOW)
@given(
    customers=st.integers(1, 4),
    fates=st.lists(st.sampled_from(ANYTHING), max_size=24),
    lives=st.lists(LIVES, max_size=MAX_RERUNS),
    concurrency=st.sampled_from([1, 2, 10]),
    honours_keys=st.booleans(),
    allows_second=st.booleans(),
    seed=st.integers(0, 2**32),
)
def test_any_order_of_faults_crashes_and_reruns_ends_with_one_of_each(
    customers: int,
    fates: list[Fate],
    lives: list[Life],
    concurrency: int,
    honours_keys: bool,
    allows_second: bool,
    seed: int,
) -> None:
    """In the end each customer has exactly one company and one connection, and the reports are complete."""
    codat = Pretend(iter(fates), honours_keys, allows_second)
    _live(codat, customers, lives, concurrency, seed)


@pytest.mark.timeout(900)  # a failure is made small before it is shown
@settings(max_examples=60, deadline=None, suppress_health_check=NEVER_TOO_SLOW)
@given(
    customers=st.integers(1, 4),
    fates=st.lists(st.sampled_from(WITH_LAG), max_size=24),
    lives=st.lists(CAREFUL_LIVES, max_size=MAX_RERUNS),
    concurrency=st.sampled_from([1, 2, 10]),
    allows_second=st.booleans(),
    seed=st.integers(0, 2**32),
)
def test_a_look_up_that_lags_behind_makes_no_double_while_the_key_is_good(
    customers: int, fates: list[Fate], lives: list[Life], concurrency: int, allows_second: bool, seed: int
) -> None:
    """What a list does not show yet is asked for with the same key, which Codat answers with what it has."""
    codat = Pretend(iter(fates), honours_keys=True, allows_second=allows_second)
    _live(codat, customers, lives, concurrency, seed)


def _live(codat: Pretend, customers: int, lives: list[Life], concurrency: int, seed: int) -> None:
    """Run through all the lives, then until all is done, and hold Codat and the results to account."""
    with folder_of_a_test() as path:
        folder, source = path / "batch", path / "customers.csv"
        ids = [f"c{n}" for n in range(customers)]
        pl.DataFrame({"customer_id": ids, "company_name": ids, "platform": ["xero"] * customers}).write_csv(source)
        rng = random.Random(seed)  # noqa: S311 - repeatable, no secret
        place = Place(folder, codat, concurrency, rng)

        def migrate(life: Life) -> Stop | None:
            return place.do(lambda hook: Migration(open_input(source, mapping={}), Options(), hook), life)

        for life in lives:
            migrate(life)
        for _ in range(MAX_RERUNS):
            if migrate(Life()) is None:
                break
        codat.catch_up()
        _judge(folder, codat, ids)
        posts = codat.posts
        assert migrate(Life()) is None
        assert codat.posts == posts


def _judge(folder: Path, codat: Pretend, ids: list[str]) -> None:
    assert Counter(company["tags"]["uid"] for company in codat.companies) == Counter(ids)
    assert all(len(company["dataConnections"]) == 1 for company in codat.companies)
    with Reader(folder / FILE) as reader:  # what all reports are made of
        results = pl.concat(reader.results(1_000))
    in_codat = {c["tags"]["uid"]: (c["id"], c["dataConnections"][0]["id"]) for c in codat.companies}
    assert results["customer_id"].to_list() == ids
    assert set(results["state"]) == {"link_ready"}
    for customer_id, company_id, connection_id, link_url in results.select(
        "customer_id", "company_id", "connection_id", "link_url"
    ).iter_rows():
        assert (company_id, connection_id) == in_codat[customer_id]
        assert link_url
