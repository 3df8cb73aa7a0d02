"""`python -m mutants`: break one rule of bulk at a time, and show that the tests of `make test` notice each.

Each mutant is a copy of the project with one changed line. The tests next to that line run first, up to the first
failure; if they all pass, the other tests of `make test` run. A mutant that no test notices survives, and the exit code
is 1.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from queue import SimpleQueue

from mutants.table import MUTANTS, Mutant

ROOT = Path(__file__).parents[2]
ALL_TESTS = (
    "unit",
    "integration",
    "simulation/test_simulation.py",
    "acceptance/test_journeys.py",
)  # those of `make test`
MAX_SECONDS = 900  # a mutant can hang: a test that does not end has noticed it
PASSED, FAILED = 0, 1  # exit codes of pytest; others mean that the tests could not run


def main(arguments: Sequence[str]) -> int:
    """Try all mutants, or those whose description contains a word; print a line for each; return 1 if any survives."""
    parser = argparse.ArgumentParser(prog="python -m mutants", description=__doc__)
    parser.add_argument("word", nargs="?", default="", help="only mutants whose description contains this")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    options = parser.parse_args(arguments)
    chosen = [mutant for mutant in MUTANTS if options.word in mutant.broken]
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(options.jobs) as pool:
        copies: SimpleQueue[Path] = SimpleQueue()
        for number in range(options.jobs):
            copies.put(Path(shutil.copytree(ROOT, Path(folder) / str(number), ignore=_not_copied)))
        survivors = 0
        for mutant, (noticed_by, seconds) in zip(chosen, pool.map(partial(_try, copies), chosen), strict=True):
            survivors += not noticed_by
            print(f"{noticed_by or 'SURVIVED'}  {mutant.file}: {mutant.broken}  ({seconds:.0f} s)", flush=True)
    print(f"{len(chosen)} mutants, {len(chosen) - survivors} noticed, {survivors} survived")
    return 1 if survivors or not chosen else 0


def _not_copied(folder: str, names: Sequence[str]) -> set[str]:
    """Return what a copy does not need: hidden files, batches and what was built."""
    unneeded = {"__pycache__"}
    if Path(folder) == ROOT:
        unneeded |= {name for name in names if name.startswith(".")} | {"dist", "build"}
    elif Path(folder) == ROOT / "reports":
        unneeded |= set(names) - {"README.md"}
    return unneeded


def _try(copies: SimpleQueue[Path], mutant: Mutant) -> tuple[str, float]:
    """Return the first test that notices a mutant, or an empty text; and the seconds that it took."""
    began = time.monotonic()
    copy = copies.get()
    place = copy / "bulk" / mutant.file
    original = place.read_text("utf-8")
    try:
        place.write_text(original.replace(mutant.before, mutant.after), "utf-8")
        noticed_by = _first_failure(copy, mutant.tests.split()) or _first_failure(copy, ALL_TESTS)
    finally:
        place.write_text(original, "utf-8")
        copies.put(copy)
    return noticed_by, time.monotonic() - began


def _first_failure(copy: Path, tests: Sequence[str]) -> str:
    """Run tests of a copy up to the first failure; return the name of the test, or an empty text if all pass."""
    places = [f"tests/{each}" for each in tests]
    command = [sys.executable, "-m", "pytest", "-x", "-p", "no:cacheprovider", "--timeout=120", "-rfE", *places]
    environment = os.environ | {"PYTHONPATH": f"{copy}{os.pathsep}{copy / 'tests'}", "PYTHONDONTWRITEBYTECODE": "1"}
    try:
        done = subprocess.run(
            command, cwd=copy, env=environment, capture_output=True, text=True, timeout=MAX_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        return "a test that does not end"
    if done.returncode == PASSED:
        return ""
    failures = [line.split()[1] for line in done.stdout.splitlines() if line.startswith(("FAILED ", "ERROR "))]
    if done.returncode != FAILED and not failures:
        raise RuntimeError(f"the tests did not run:\n{done.stdout}{done.stderr}")
    return failures[0] if failures else "a timeout"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
