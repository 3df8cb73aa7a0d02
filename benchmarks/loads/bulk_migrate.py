"""`bulk.migrate` through the library: `python -m benchmarks.loads.bulk_migrate INPUT REPORTS URL IN_FLIGHT`.

Prints the CPU seconds of the work, its start and end by the steady clock, and the number of customers to do.
"""

from __future__ import annotations

import json
import sys
import time

import bulk
from bulk.engine.events import Ended, Event, Started

figures: dict[str, float] = {}


def note(event: Event) -> None:
    """Read the clocks when work begins and when it ends."""
    if isinstance(event, Started):
        figures.update(began=time.monotonic(), to_do=event.to_do, cpu_seconds=time.process_time())
    elif isinstance(event, Ended):
        figures.update(ended=time.monotonic(), cpu_seconds=time.process_time() - figures["cpu_seconds"])


if __name__ == "__main__":
    path, reports, url, in_flight = sys.argv[1:]
    settings = bulk.Settings.make(
        api_key="benchmark", base_url=url, rate=10_000_000, concurrency=int(in_flight), environ={}
    )
    result = bulk.migrate_blocking(path, reports=reports, settings=settings, on_event=note)
    print(json.dumps(figures))
    sys.exit(result.exit_code)
