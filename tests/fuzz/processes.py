"""`bulk` in a process of its own, whose time and memory are measured."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

# What a process has taken says the system itself (Linux); what its own children took, it has to ask for.
MEASURED = """
import atexit, pathlib, resource, sys
def tell():
    status = pathlib.Path("/proc/self/status")
    lines = status.read_text().splitlines() if status.exists() else []
    own = next((int(line.split()[1]) for line in lines if line.startswith("VmHWM")), 0)
    children = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    place.write_text(str(max(own, children) // 1024))
place = pathlib.Path(sys.argv.pop(1))
sys.argv[0] = "bulk"
atexit.register(tell)
from bulk.cli import main
main()
"""


@dataclass(frozen=True)
class Ended:
    """A process that is over. `megabytes`: the most memory that it, or a process of its own, has held."""

    code: int
    out: bytes
    err: bytes
    seconds: float
    megabytes: int


def bulk(
    folder: Path, *arguments: str | bytes, environment: Mapping[str, str] | None = None, seconds: float = 60.0
) -> Ended:
    """Run `bulk` in a folder; fails if it does not end in time, leaves a traceback or says that it has a defect."""
    measure = folder / "measured.txt"
    measure.unlink(missing_ok=True)
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("CODAT_")}
    began = time.monotonic()
    outcome = subprocess.run(
        [sys.executable, "-c", MEASURED, str(measure), *arguments],
        cwd=folder,
        env=inherited | dict(environment or {}),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=seconds,
        check=False,
    )
    took = time.monotonic() - began
    megabytes = int(measure.read_text()) if measure.exists() else 0
    ended = Ended(outcome.returncode, outcome.stdout, outcome.stderr, took, megabytes)
    for said in (b"Traceback", b"something went wrong", b"panicked"):
        assert said not in ended.err, ended.err[-3000:]
    assert ended.code >= 0, (ended.code, ended.err[-3000:])
    return ended
