"""Runs the measured programs in processes of their own, and reads the cost of each."""

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
class Measured:
    """A finished process: its start by the steady clock, and its cost."""

    started: float
    seconds: float
    cpu_seconds: float
    megabytes: float  # peak resident memory
    output: str


@dataclass(frozen=True, slots=True)
class Seen:
    """The requests that the peer has received. Times are by the steady clock, which all processes share."""

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
    """A running peer."""

    def __init__(self, port: int) -> None:
        self._port = port
        self.url = f"http://127.0.0.1:{port}"

    def forget(self) -> None:
        """Restore its first companies, and count from zero."""
        self._ask("POST", "/forget")

    def seen(self) -> Seen:
        """Return the figures of the requests since the last reset."""
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
def running_peer(
    *, latency: float = 0.0, rate_limit: int = 0, batch: Path | None = None, linked: int = 0
) -> Iterator[Peer]:
    """Run a peer until the block or this process ends. `batch` and `linked` set its first companies."""
    command = [sys.executable, "-m", "benchmarks.peer", f"--latency={latency}", f"--rate-limit={rate_limit}"]
    command += [f"--batch={batch}", f"--linked={linked}"] if batch else []
    environment = os.environ | {"PYTHONPATH": str(ROOT / "tests")}
    with subprocess.Popen(
        command, cwd=ROOT, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        if process.stdin is None or process.stdout is None:
            raise RuntimeError("the process has no pipes")
        yield Peer(int(process.stdout.readline()))
        process.stdin.close()


def run_command(command: Sequence[str], *, allowed: Sequence[int] = (0,)) -> Measured:
    """Run a command to its end. Raises RuntimeError unless its exit code is allowed.

    Linux counts the parent's memory in the peak of a new process, so the caller must stay small.
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
            message = errors.read().decode(errors="replace")[-2000:]
            raise RuntimeError(f"{' '.join(command)} ended with {process.returncode}: {message}")
        output.seek(0)
        reported = output.read().decode()
    return Measured(started, seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, reported)
