"""`python -m simulation SEEDS`: run the scenarios of the first seeds (`500`) or of a range (`1000-1999`)."""

from __future__ import annotations

import argparse
import os
import sys
import time
import traceback
from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass

from simulation.ledger import STATES
from simulation.scenario import ScenarioResult, run_scenario

LAST_LINES = 200  # of the trace of a scenario that failed
OFTEN_ENOUGH = 10  # times: a rare state that is reached less often is listed


@dataclass(frozen=True, slots=True)
class Failed:
    """A seed whose scenario failed."""

    seed: int
    message: str
    trace: str
    traceback: str


def seeds(text: str) -> range:
    """Return the seeds of the argument. Raises ArgumentTypeError if it is not readable, or if there are none."""
    first, dash, last = text.partition("-")
    try:
        found = range(int(first), int(last) + 1) if dash else range(int(first))
    except ValueError:
        found = range(0)
    if not found:
        raise argparse.ArgumentTypeError(f"{text} is not a number of scenarios, such as 500, or a range of seeds, 7-9")
    return found


def attempt(seed: int) -> ScenarioResult | Failed:
    """Run a scenario; return its result, or its failure."""
    try:
        return run_scenario(seed)
    except Exception as error:  # noqa: BLE001 - every error is reported with its seed
        lines = "\n".join(getattr(error, "lines", [])[-LAST_LINES:])
        return Failed(seed, f"{type(error).__name__}: {error}", lines, "".join(traceback.format_exception(error)))


def results(which: Iterable[int], *, processes: int) -> Iterator[ScenarioResult | Failed]:
    """Run the scenarios, several at once; yield the results in order."""
    if processes == 1:
        yield from map(attempt, which)
        return
    with ProcessPoolExecutor(processes) as pool:
        yield from pool.map(attempt, which, chunksize=5)


def counted(states: Counter[str]) -> list[str]:
    """Return lines that say how many rare states were reached, and list those that were reached seldom or never."""
    seldom = [name for name in STATES if states[name] < OFTEN_ENOUGH]
    often = f"{len(STATES) - len(seldom)} of {len(STATES)} rare states were reached at least {OFTEN_ENOUGH} times"
    return [often, *(f"{states[name]:>8}  {name}" for name in seldom)]


def main(arguments: list[str]) -> int:
    """Run all scenarios; return 1 if any failed."""
    parser = argparse.ArgumentParser(prog="python -m simulation", description=__doc__)
    parser.add_argument("seeds", type=seeds)
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--keep-going", action="store_true", help="print one line for each failure, and continue")
    options = parser.parse_args(arguments)
    states: Counter[str] = Counter()
    began, good, bad, requests, days = time.monotonic(), 0, 0, 0, 0.0
    for outcome in results(options.seeds, processes=1 if len(options.seeds) == 1 else options.processes):
        if isinstance(outcome, ScenarioResult):
            good, requests, days = good + 1, requests + outcome.requests, days + outcome.days
            states.update(outcome.states)
            continue
        bad += 1
        if options.keep_going:
            print(f"{outcome.seed}\t{outcome.message[:200]}", flush=True)
            continue
        print(f"{outcome.trace}\n\n{outcome.traceback}\nseed {outcome.seed}: {outcome.message}")
        print(f"Repeat it with: make simulate SEED={outcome.seed}")
        break
    seconds = time.monotonic() - began
    print(f"{good} scenarios of {days:.0f} days and {requests} requests, {bad} failed, in {seconds:.1f} s")
    print("\n".join(counted(states)))
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
