"""Starts what is measured in processes of their own, and reads what each of them cost."""

from __future__ import annotations

import http.client
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
BULK = (sys.executable, "-m", "bulk")


@dataclass(frozen=True, slots=True)
class Ran:
    """A process that has ended: when it was started by the steady clock, and what it took."""

    started: float
    seconds: float
    cpu_seconds: float
    megabytes: float  # the most that was resident at once
    output: str


@dataclass(frozen=True, slots=True)
class Seen:
    """What the peer has seen: times by the steady clock, which all processes share."""

    requests: int
    first: float
    last: float
    refused: int
    worst_minute: int

    @property
    def per_second(self) -> float:
        """Requests a second, from the first to the last."""
        return (self.requests - 1) / (self.last - self.first)


class Peer:
    """The peer's address, and what it has seen."""

    def __init__(self, port: int) -> None:
        self._port = port
        self.url = f"http://127.0.0.1:{port}"

    def forget(self) -> None:
        """Make it forget everything."""
        self._ask("POST", "/forget")

    def seen(self) -> Seen:
        """Return what came in since it was last reset."""
        return Seen(**self._ask("GET", "/seen"))

    def _ask(self, method: str, path: str) -> dict[str, Any]:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=60)
        try:
            connection.request(method, path)
            content: dict[str, Any] = json.loads(connection.getresponse().read())
        finally:
            connection.close()
        return content


@contextmanager
def a_peer(*, latency: float = 0.0, rate_limit: int = 0, batch: Path | None = None, linked: int = 0) -> Iterator[Peer]:
    """Run a peer; it ends with the block, or with this process. `batch`, `linked`: what it begins with."""
    command = [sys.executable, "-m", "benchmarks.peer", f"--latency={latency}", f"--rate-limit={rate_limit}"]
    command += [f"--batch={batch}", f"--linked={linked}"] if batch else []
    environment = os.environ | {"PYTHONPATH": str(ROOT / "tests")}
    with subprocess.Popen(
        command, cwd=ROOT, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        if process.stdin is None or process.stdout is None:
            raise RuntimeError("pipes were asked for")
        yield Peer(int(process.stdout.readline()))
        process.stdin.close()


def ran(command: Sequence[str], *, allowed: Sequence[int] = (0,)) -> Ran:
    """Run a command to its end. Raises RuntimeError for an exit code that is not allowed.

    What Linux says of the memory of a process begins with that of its parent: so whoever calls this stays small.
    """
    environment = os.environ | {"CODAT_API_KEY": "benchmark"}
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
        started = time.monotonic()
        process = subprocess.Popen(
            command, cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=errors
        )
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.monotonic() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode not in allowed:
            errors.seek(0)
            said = errors.read().decode(errors="replace")[-2000:]
            raise RuntimeError(f"{' '.join(command)} ended with {process.returncode}: {said}")
        output.seek(0)
        reported = output.read().decode()
    return Ran(started, seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, reported)
