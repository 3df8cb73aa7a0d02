"""How soon the command is there."""

from __future__ import annotations

import sys
from pathlib import Path
from statistics import median

from benchmarks.figures import Figure, ratio, table
from benchmarks.processes import Ran, ran

COMMAND = str(Path(sys.executable).with_name("bulk"))


def run(*, quick: bool) -> list[Figure]:
    """The whole process `bulk --help` / `python -c pass`."""
    nothing: list[Ran] = []
    helps: list[Ran] = []
    for _ in range(5 if quick else 25):
        nothing.append(ran([sys.executable, "-c", "pass"]))
        helps.append(ran([COMMAND, "--help"]))
    rows = [
        (name, f"{median(r.seconds for r in runs) * 1000:.0f}", f"{median(r.cpu_seconds for r in runs) * 1000:.0f}")
        for name, runs in (("python -c pass", nothing), ("bulk --help", helps))
    ]
    print(table((f"medians of {len(helps)}", "ms", "CPU ms"), rows))
    return [
        Figure(
            "bulk --help / python -c pass", ratio([r.seconds for r in helps], [r.seconds for r in nothing]), most=3.5
        )
    ]
