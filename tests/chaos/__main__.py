"""`python -m chaos ROUNDS`: tells so many rounds, each with a seed of its own, and prints what they came to.

`--seed N` tells the round of one seed.
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

from interrupts import restore_sigint

from chaos.judge import LostSight, MadeTwice
from chaos.round import Round
from chaos.tally import ImportDiff

AT_ONCE = 4 * (os.cpu_count() or 1)  # a round waits more than it computes
MAX_SEEDS = 10_000_000


@dataclass(frozen=True, slots=True)
class Failed:
    """A round that went wrong; its folder is kept."""

    seed: int
    error: Exception
    folder: Path

    def said(self) -> str:
        """Return what went wrong, where to look, and how to try the same again."""
        where = "".join(traceback.format_exception(self.error))
        return (
            f"{where}\nseed {self.seed}: {type(self.error).__name__}: {self.error}\n"
            f"What it left is in {self.folder}.\nTry the same again with: make torture SEED={self.seed}"
        )


def attempt(seed: int) -> ImportDiff | Failed:
    """Return a round in a folder of its own, and catch what goes wrong in it."""
    folder = Path(tempfile.mkdtemp(prefix=f"torture-{seed}-"))
    try:
        tally = Round(folder, seed).tell()
    except Exception as error:  # noqa: BLE001 - whatever it is, it is said with the seed
        return Failed(seed, error, folder)
    shutil.rmtree(folder)
    return tally


def reported(seeds: Iterable[int], *, at_once: int) -> Iterator[ImportDiff | Failed]:
    """Return the rounds, several at once, in order."""
    with ThreadPoolExecutor(at_once) as pool:
        yield from pool.map(attempt, seeds)


def table(total: ImportDiff, failures: list[Failed], *, seconds: float) -> str:
    """Draw the table of the figures."""

    def count(*kinds: type[Exception]) -> str:
        return str(sum(isinstance(each.error, kinds) for each in failures))

    rows = [
        *total.figures(),
        ("rounds with a second company or connection", count(MadeTwice)),
        ("rounds in which the reports lacked something", count(LostSight)),
        ("rounds with a traceback", str(sum("Traceback" in str(each.error) for each in failures))),
        ("rounds in which anything was wrong", str(len(failures))),
        ("seconds", f"{seconds:,.0f}"),
        ("seconds of a round", f"{total.seconds / max(1, total.rounds):.1f}"),
    ]
    width = max(len(caption) for caption, _ in rows)
    return "\n".join(f"{caption:<{width}}  {figure:>9}" for caption, figure in rows)


def main(arguments: list[str]) -> int:
    """Return them all; 1 if any went wrong."""
    parser = argparse.ArgumentParser(prog="python -m chaos", description=__doc__)
    parser.add_argument("rounds", type=int, nargs="?", default=200)
    parser.add_argument("--seed", type=int, help="tell the round of this seed only")
    parser.add_argument("--first", type=int, help="the seed of the first round; by default one drawn by chance")
    parser.add_argument("--at-once", type=int, default=AT_ONCE)
    options = parser.parse_args(arguments)
    restore_sigint()
    if options.rounds < 1 or options.at_once < 1 or min(options.seed or 0, options.first or 0) < 0:
        parser.error("rounds are counted from 1, seeds from 0")
    first = random.SystemRandom().randrange(MAX_SEEDS) if options.first is None else options.first
    seeds = range(first, first + options.rounds) if options.seed is None else [options.seed]
    began, total, failures = time.monotonic(), ImportDiff(), list[Failed]()
    print(f"Rounds with the seeds {seeds[0]} to {seeds[-1]}, {min(options.at_once, len(seeds))} at once.", flush=True)
    for outcome in reported(seeds, at_once=options.at_once):
        if isinstance(outcome, ImportDiff):
            total += outcome
        else:
            failures.append(outcome)
            print(outcome.said(), flush=True)
    print(table(total, failures, seconds=time.monotonic() - began))
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
