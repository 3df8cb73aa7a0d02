"""`python -m simulation SEEDS`: runs the scenarios of the first seeds (`500`) or of some (`1000-1999`)."""

from __future__ import annotations

import argparse
import os
import sys
import time
import traceback
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass

from simulation.scenario import Told, tell

LAST_LINES = 200  # of a story that went wrong: what came before is in a longer one


@dataclass(frozen=True, slots=True)
class Failed:
    """A seed whose story went wrong."""

    seed: int
    what: str
    story: str
    where: str


def seeds(text: str) -> range:
    """Read which seeds are meant. Raises ValueError, also for nonsense: no scenario is no proved."""
    first, dash, last = text.partition("-")
    found = range(int(first), int(last) + 1) if dash else range(int(first))
    if not found:
        raise ValueError(f"{text} is not one seed")
    return found


def attempt(seed: int) -> Told | Failed:
    """Return a story, and catch what goes wrong in it."""
    try:
        return tell(seed)
    except Exception as error:  # noqa: BLE001 - whatever it is, it is said with the seed
        lines = "\n".join(getattr(error, "lines", [])[-LAST_LINES:])
        return Failed(seed, f"{type(error).__name__}: {error}", lines, "".join(traceback.format_exception(error)))


def reported(which: Iterable[int], *, processes: int) -> Iterator[Told | Failed]:
    """Return the stories, several at once, in order."""
    if processes == 1:
        yield from map(attempt, which)
        return
    with ProcessPoolExecutor(processes) as pool:
        yield from pool.map(attempt, which, chunksize=5)


def main(arguments: list[str]) -> int:
    """Return them all; 1 if any went wrong."""
    parser = argparse.ArgumentParser(prog="python -m simulation", description=__doc__)
    parser.add_argument("seeds", type=seeds)
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--go-on", action="store_true", help="one line for each that goes wrong, instead of stopping")
    options = parser.parse_args(arguments)
    began, good, bad, requests, days = time.monotonic(), 0, 0, 0, 0.0
    for outcome in reported(options.seeds, processes=1 if len(options.seeds) == 1 else options.processes):
        if isinstance(outcome, Told):
            good, requests, days = good + 1, requests + outcome.requests, days + outcome.days
            continue
        bad += 1
        if options.go_on:
            print(f"{outcome.seed}\t{outcome.what[:200]}", flush=True)
            continue
        print(f"{outcome.story}\n\n{outcome.where}\nseed {outcome.seed}: {outcome.what}")
        print(f"Tell it again with: make simulate SEED={outcome.seed}")
        break
    seconds = time.monotonic() - began
    print(f"{good} stories of {days:.0f} days and {requests} requests, {bad} broken, in {seconds:.1f} s")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
