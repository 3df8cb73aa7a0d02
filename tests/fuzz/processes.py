"""Run `bulk` in a process of its own, and measure its memory."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

# Linux shows the peak memory of a process itself in /proc; that of its children comes from getrusage.
MEASURED = """
import atexit, pathlib, resource, sys
def measure():
    status = pathlib.Path("/proc/self/status")
    lines = status.read_text().splitlines() if status.exists() else []
    own = next((int(line.split()[1]) for line in lines if line.startswith("VmHWM")), 0)
    children = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    file.write_text(str(max(own, children) // 1024))
file = pathlib.Path(sys.argv.pop(1))
sys.argv[0] = "bulk"
atexit.register(measure)
from bulk.cli import main
main()
"""


@dataclass(frozen=True)
class Ended:
    """A process that has ended. `megabytes`: the peak memory of it or of one of its children."""

    code: int
    out: bytes
    err: bytes
    megabytes: int


def bulk(
    folder: Path, *arguments: str | bytes, environment: Mapping[str, str] | None = None, seconds: float = 60.0
) -> Ended:
    """Run `bulk` in a folder; fail if it does not end in time, or ends with a traceback or an internal error."""
    measured = folder / "measured.txt"
    measured.unlink(missing_ok=True)
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("CODAT_")}
    process = subprocess.run(
        [sys.executable, "-c", MEASURED, str(measured), *arguments],
        cwd=folder,
        env=inherited | dict(environment or {}),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=seconds,
        check=False,
    )
    megabytes = int(measured.read_text()) if measured.exists() else 0
    ended = Ended(process.returncode, process.stdout, process.stderr, megabytes)
    for sign in (b"Traceback", b"internal error", b"panicked"):
        assert sign not in ended.err, ended.err[-3000:]
    assert ended.code >= 0, (ended.code, ended.err[-3000:])
    return ended
