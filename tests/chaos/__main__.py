"""`python -m chaos ROUNDS`: runs rounds, each with its own seed, and prints their figures.

`--seed N` runs the round of one seed.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import sys
import tempfile
import time
import traceback
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from chaos.figures import Figures
from chaos.judge import CreatedTwice, Unreported
from chaos.round import Round

CONCURRENCY = 4 * (os.cpu_count() or 1)  # a round waits more than it computes
MAX_SEED = 10_000_000


@dataclass(frozen=True, slots=True)
class Failed:
    """A round that failed; its folder is kept."""

    seed: int
    error: Exception
    folder: Path

    def report(self) -> str:
        """Return the error, the folder of the round, and the command that repeats it."""
        where = "".join(traceback.format_exception(self.error))
        return (
            f"{where}\nseed {self.seed}: {type(self.error).__name__}: {self.error}\n"
            f"Its files are in {self.folder}.\nRun the same round again with: make chaos SEED={self.seed}"
        )


def attempt(seed: int) -> Figures | Failed:
    """Run a round in its own folder, and catch whatever goes wrong in it."""
    folder = Path(tempfile.mkdtemp(prefix=f"chaos-{seed}-"))
    try:
        figures = Round(folder, seed).run()
    except Exception as error:  # noqa: BLE001 - every error is reported with its seed
        return Failed(seed, error, folder)
    shutil.rmtree(folder)
    return figures


def run_all(seeds: Iterable[int], *, concurrency: int) -> Iterator[Figures | Failed]:
    """Run the rounds, several at the same time; yield their results in order."""
    with ThreadPoolExecutor(concurrency) as pool:
        yield from pool.map(attempt, seeds)


def table(total: Figures, failures: list[Failed], *, seconds: float) -> str:
    """Return the table of the figures."""

    def count(*kinds: type[Exception]) -> str:
        return str(sum(isinstance(each.error, kinds) for each in failures))

    rows = [
        *total.rows(),
        ("rounds with a second company or connection", count(CreatedTwice)),
        ("rounds with something missing from the reports", count(Unreported)),
        ("rounds with a traceback", str(sum("Traceback" in str(each.error) for each in failures))),
        ("rounds that failed", str(len(failures))),
        ("seconds", f"{seconds:,.0f}"),
        ("seconds a round", f"{total.seconds / max(1, total.rounds):.1f}"),
    ]
    width = max(len(caption) for caption, _ in rows)
    return "\n".join(f"{caption:<{width}}  {figure:>9}" for caption, figure in rows)


def main(arguments: list[str]) -> int:
    """Run all rounds; return 1 if any failed."""
    parser = argparse.ArgumentParser(prog="make chaos", usage="make chaos [ROUNDS=200] [SEED=1234]")
    parser.add_argument("rounds", metavar="ROUNDS", type=int, nargs="?", default=200)
    parser.add_argument("--seed", metavar="SEED", type=int, help="run the round of this seed only")
    parser.add_argument("--first", type=int, help="the seed of the first round; random by default")
    parser.add_argument("--concurrency", type=int, default=CONCURRENCY)
    options = parser.parse_args(arguments)
    if options.rounds < 1 or options.concurrency < 1 or min(options.seed or 0, options.first or 0) < 0:
        parser.error("ROUNDS must be at least 1, and SEED at least 0")
    first = random.SystemRandom().randrange(MAX_SEED) if options.first is None else options.first
    seeds = range(first, first + options.rounds) if options.seed is None else [options.seed]
    began, total, failures = time.monotonic(), Figures(), list[Failed]()
    concurrency = min(options.concurrency, len(seeds))
    print(f"Rounds with the seeds {seeds[0]} to {seeds[-1]}, {concurrency} at the same time.", flush=True)
    for outcome in run_all(seeds, concurrency=concurrency):
        if isinstance(outcome, Figures):
            total += outcome
        else:
            failures.append(outcome)
            print(outcome.report(), flush=True)
    print(table(total, failures, seconds=time.monotonic() - began))
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
