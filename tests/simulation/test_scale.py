"""What `check` forecasts is what the engine takes: the same migration over virtual days, a small one."""

from __future__ import annotations

import pytest

from bulk.codat.forecast import NOBODY, Linking, forecast
from simulation.memory import folder_in_memory
from simulation.migrating import Migrating, Scene, states
from simulation.random_model import spread


@pytest.mark.parametrize(
    ("scene", "days"),
    [
        # a new client, and nobody links: a page and 499 customers a day
        (Scene(1_001), 3),
        # a new client, whose quota grows
        (Scene(1_200, linking=Linking(0.1, 3)), 2),
        # an old client: its quota never runs out, and a request a minute decides
        (Scene(721, linked=20, rate=1), 2),
    ],
)
def test_the_forecast_of_check_is_what_the_engine_takes(scene: Scene, days: int) -> None:
    """Days within 5%, and the requests of its migrates to the last one; the rate and the quota are kept."""
    with folder_in_memory() as folder:
        migrating = Migrating(scene, folder)
        cost = migrating.forecast()
        lived = list(migrating.days())
        found = states(migrating.batch)
    assert (cost.days, int(migrating.elapsed) + 1) == (days, days)
    assert migrating.elapsed == pytest.approx(cost.elapsed, rel=0.05), scene
    assert sum(day.requests for day in lived) == cost.requests, scene
    assert sum(found.values()) == scene.customers
    assert set(found) <= {"link_ready", "complete"}


@pytest.mark.parametrize(
    ("customers", "linked", "linking"),
    [
        # nothing is drawn
        (20_000, 9, NOBODY),
        # a new client: 100 of the first day's 500 will link
        (1_000_000, 0, Linking(0.2, 7)),
        # an older one: 25 a day
        (100_000, 9, Linking(0.05, 7)),
    ],
)
def test_the_forecast_is_the_middle_of_what_chance_brings(customers: int, linked: int, linking: Linking) -> None:
    """Customers who decide one by one, seed 1, instead of a share that links evenly."""
    quota = 1000 * (1 + linked)
    expected = forecast(customers, quota=quota, rate=1000, companies=linked, linking=linking)
    low, middle, high = spread(customers, quota=quota, rate=1000, companies=linked, linking=linking, seed=1, draws=20)
    assert low <= middle <= high
    assert middle == pytest.approx(expected.elapsed, rel=0.05)
