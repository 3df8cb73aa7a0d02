"""Measures the start of bulk, and each command on a batch with nothing left to do."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from statistics import median

from benchmarks import customers
from benchmarks.figures import Figure, ratio, table
from benchmarks.processes import Measured, run_command, running_peer

COMMAND = str(Path(sys.executable).with_name("bulk"))
NAMES = ("check", "migrate", "follow-up", "links", "unlink", "verify", "undo", "listen", "report", "sandbox")


def run(*, quick: bool) -> list[Figure]:
    """The whole process of `bulk --help`, and of each command on a finished batch of ten / `python -c pass`."""
    times = 5 if quick else 15
    with tempfile.TemporaryDirectory() as folder:
        path, batch = customers.write(Path(folder) / "ten.csv", 10), Path(folder) / "ten"
        run_command([sys.executable, "-m", "benchmarks.loads.finished_batch", str(path), str(batch)])
        with running_peer(batch=batch, linked=0) as peer:
            codat = ["--base-url", peer.url]
            commands = {
                "python -c pass": [sys.executable, "-c", "pass"],
                "import polars": [sys.executable, "-c", "import polars"],
                "bulk --help": [COMMAND, "--help"],
                "check": [COMMAND, "check", str(path)],
                "migrate, 0 requests": [COMMAND, "migrate", str(path), "--reports", folder, *codat],
                "follow-up, 1 request": [COMMAND, "follow-up", str(batch), *codat],
                "links, 0 requests": [COMMAND, "links", str(batch), *codat],
                "unlink, 1 request": [COMMAND, "unlink", str(batch), "--customer", "C0000001", *codat],
                "verify, 1 request": [COMMAND, "verify", str(batch), *codat],
                "undo, 1 request": [COMMAND, "undo", str(batch), *codat],
                "report": [COMMAND, "report", str(batch)],
            } | {f"{name} --help": [COMMAND, name, "--help"] for name in NAMES}
            found: dict[str, list[Measured]] = {what: [] for what in commands}
            for _ in range(times):
                for what, command in commands.items():
                    found[what].append(run_command(command, allowed=(0, 1)))
    nothing = [r.seconds for r in found["python -c pass"]]
    rows = [
        (
            what,
            f"{median(r.seconds for r in runs) * 1000:.0f}",
            f"{median(r.cpu_seconds for r in runs) * 1000:.0f}",
            f"{ratio([r.seconds for r in runs], nothing):.1f}",
        )
        for what, runs in found.items()
    ]
    print(table((f"medians of {times}", "ms", "CPU ms", "times"), rows))
    seconds = {what: [r.seconds for r in runs] for what, runs in found.items()}
    return [
        Figure("bulk --help / python -c pass", ratio(seconds["bulk --help"], nothing), most=3.5),
        Figure("report of ten customers / import polars", ratio(seconds["report"], seconds["import polars"]), most=3),
        Figure("report of ten customers", median(seconds["report"]), "s", most=0.45),
    ]
