"""The forecast of `check` matches the engine: a small migration over virtual days."""

from __future__ import annotations

import pytest

from bulk.codat.forecast import NOBODY, Linking, forecast
from simulation.memory import folder_in_memory
from simulation.migrating import Migrating, Scene, states
from simulation.random_model import spread


@pytest.mark.parametrize(
    ("scene", "days"),
    [
        # a new client whose customers do not link: a page and 499 customers a day
        (Scene(1_001), 3),
        # a new client whose quota grows
        (Scene(1_200, linking=Linking(0.1, 3)), 2),
        # an older client: its quota suffices, and a request a minute is the limit
        (Scene(721, linked=20, rate=1), 2),
    ],
)
def test_the_forecast_of_check_matches_the_engine(scene: Scene, days: int) -> None:
    """The days match within 5%, and the requests of the migrates exactly. The run respects the rate and the quota."""
    with folder_in_memory() as folder:
        migrating = Migrating(scene, folder)
        cost = migrating.forecast()
        simulated = list(migrating.days())
        found = states(migrating.batch)
    assert (cost.days, int(migrating.elapsed) + 1) == (days, days)
    assert migrating.elapsed == pytest.approx(cost.elapsed, rel=0.05), scene
    assert sum(day.requests for day in simulated) == cost.requests, scene
    assert sum(found.values()) == scene.customers
    assert set(found) <= {"link_ready", "complete"}


@pytest.mark.parametrize(
    ("customers", "linked", "linking"),
    [
        # nothing is random
        (20_000, 9, NOBODY),
        # a new client: 100 of the first day's 500 will link
        (1_000_000, 0, Linking(0.2, 7)),
        # an older one: 25 a day
        (100_000, 9, Linking(0.05, 7)),
    ],
)
def test_the_forecast_is_the_median_of_random_migrations(customers: int, linked: int, linking: Linking) -> None:
    """Each customer decides at random (seed 1), while the forecast lets a share link evenly."""
    quota = 1000 * (1 + linked)
    expected = forecast(customers, quota=quota, rate=1000, companies=linked, linking=linking)
    low, middle, high = spread(customers, quota=quota, rate=1000, companies=linked, linking=linking, seed=1, draws=20)
    assert low <= middle <= high
    assert middle == pytest.approx(expected.elapsed, rel=0.05)
