"""`python -m simulation.scale CUSTOMERS`: run a migration over virtual days, and compare it with `check`'s forecast."""

from __future__ import annotations

import argparse
import time
from pathlib import Path

from bulk.codat.forecast import Linking
from bulk.journal.database import FILE
from simulation.memory import folder_in_memory
from simulation.migrating import Migrating, Scene, states
from simulation.random_model import spread

A_SHARE_OF_A_DAY = 0.01  # a quarter of an hour: in less, the first burst of requests dominates
DRAWS = 100  # random forecasts


def main() -> None:
    """Simulate one migration; print each day and the comparison."""
    parser = argparse.ArgumentParser(prog="python -m simulation.scale", description=__doc__)
    parser.add_argument("customers", type=int)
    parser.add_argument("--linked", type=int, default=0, help="companies linked before the migration")
    parser.add_argument("--linking", type=_percent, default=0.0, metavar="PERCENT", help="customers who will link")
    parser.add_argument("--within", type=int, default=7, metavar="DAYS", help="days after the email in which they link")
    parser.add_argument("--rate", type=int, default=1000, help="requests a minute")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--folder", type=Path, help="keep the batch in this folder (default: in memory, deleted)")
    options = parser.parse_args()
    if (
        options.customers < 1
        or options.linked < 0
        or options.within < 1
        or options.rate < 1
        or not 0 <= options.linking <= 100
    ):
        parser.error("at least 1 customer, 1 day and 1 request a minute; 0 linked or more; from 0 to 100 percent")
    linking = Linking(options.linking / 100, options.within)
    scene = Scene(options.customers, options.linked, linking, options.rate, options.seed)
    print(scene, flush=True)
    with folder_in_memory() as temporary:
        folder = options.folder or temporary
        folder.mkdir(parents=True, exist_ok=True)
        _run(Migrating(scene, folder))


def _run(migrating: Migrating) -> None:
    cost, scene = migrating.forecast(), migrating.scene
    began, cpu = time.monotonic(), time.process_time()
    print(
        _line("day", "linked", "requests", "follow-up", "ready", "start s", "seconds", "CPU s", "peak MB"), flush=True
    )
    requests = followed_up = 0
    for day in migrating.days():
        requests, followed_up = requests + day.requests, followed_up + day.followed_up
        counts = (f"{number:,}" for number in (day.number, day.linked, day.requests, day.followed_up, day.ready))
        took = (f"{day.start_seconds:.2f}", f"{day.seconds:.1f}", f"{day.cpu_seconds:.1f}", f"{day.megabytes:,.0f}")
        print(_line(*counts, *took), flush=True)
    seconds, cpu_seconds = time.monotonic() - began, time.process_time() - cpu
    size = (migrating.batch / FILE).stat().st_size
    print(f"customers: {states(migrating.batch)}")
    deviation = _deviation(migrating.elapsed, cost.elapsed)
    print(f"days: forecast {cost.elapsed:.3f}, simulated {migrating.elapsed:.3f}, {deviation}")
    deviation = _deviation(requests, cost.requests)
    print(f"requests of migrate: forecast {cost.requests:,}, simulated {requests:,}, {deviation}")
    print(f"requests of follow-up: {followed_up:,}")
    each = 1e3 * cpu_seconds / (requests + followed_up)
    print(f"simulated in {seconds:,.0f} s, CPU {cpu_seconds:,.0f} s: {each:.3f} ms a request")
    print(f"journal: {size / 1e6:,.1f} MB, {size / scene.customers:,.0f} bytes a customer")
    if scene.linking.share > 0:
        low, middle, high = spread(
            scene.customers,
            quota=cost.quota,
            rate=scene.rate,
            companies=scene.linked,
            linking=scene.linking,
            seed=scene.seed,
            draws=DRAWS,
        )
        print(f"days by chance, of {DRAWS} draws: {middle:.3f}; nine in ten from {low:.3f} to {high:.3f}")


def _line(*cells: str) -> str:
    return "  ".join(f"{cell:>{width}}" for cell, width in zip(cells, (4, 9, 9, 9, 9, 8, 8, 7, 8), strict=True))


def _percent(text: str) -> float:
    return float(text.strip().removesuffix("%"))


def _deviation(simulated: float, forecast: float) -> str:
    return f"{simulated / forecast - 1:+.1%}" if forecast >= A_SHARE_OF_A_DAY else "too short to compare"


if __name__ == "__main__":
    main()
