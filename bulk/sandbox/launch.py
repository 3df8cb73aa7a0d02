"""Starts a sandbox in a separate process, or finds the one that is already running."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

from bulk.sandbox.folder import SandboxError, StateFolder
from bulk.sandbox.options import API_KEY, Options

HOST = "127.0.0.1"
ALREADY_RUNNING = 4  # exit code of a server whose folder another one holds
PROGRAM = (sys.executable, "-m", "bulk.sandbox")
_START_SECONDS = 60
_STOP_SECONDS = 30
_PROBE_SECONDS = 2  # another program on the port may never answer


@dataclass(frozen=True, slots=True)
class Running:
    """A running sandbox. As a context manager, it stops at the end, unless another program started it."""

    base_url: str
    api_key: str
    folder: StateFolder
    process: subprocess.Popen[str] | None  # None: it was running before

    @property
    def is_ours(self) -> bool:
        """Whether this process started the sandbox, and so stops it."""
        return self.process is not None

    def stop(self) -> None:
        """Stop the sandbox and wait for its end. One that another program started keeps running."""
        if self.process is None:
            return
        self.process.terminate()
        if self.process.stdin:
            self.process.stdin.close()
        try:
            self.process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def __enter__(self) -> Running:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def start(state_dir: Path, *, options: Options | None = None, program: Sequence[str] = PROGRAM) -> Running:
    """Start a sandbox on a state folder and wait until it answers.

    If one is already running there, return that one; its options do not change. A Ctrl-C in this terminal does not
    reach the sandbox, and it ends by itself when this process ends or dies. Raises SandboxError, with the server's own
    message, if it does not start. `program` is for tests, which run a server with further routes.
    """
    folder = StateFolder(state_dir.resolve())
    folder.make()
    return find(state_dir) or _started(folder, options or Options(), program) or _found_after_all(folder)


def find(state_dir: Path) -> Running | None:
    """Return the sandbox that is running on a state folder, or None."""
    folder = StateFolder(state_dir.resolve())
    port = folder.port()
    if port is None:
        return None
    try:
        health = ask(port, "GET", "/_sandbox/health", timeout=_PROBE_SECONDS)
    except (OSError, http.client.HTTPException, ValueError):
        return None
    if health.get("sandbox") != str(folder.path):
        return None
    return Running(f"http://{HOST}:{port}", API_KEY, folder, None)


def ask(
    port: int, method: str, path: str, content: Mapping[str, object] | None = None, *, timeout: float = 60
) -> dict[str, Any]:
    """Send a request to a running sandbox and return its JSON object. Raises OSError if nothing listens there."""
    connection = http.client.HTTPConnection(HOST, port, timeout=timeout)
    with contextlib.closing(connection):
        body = None if content is None else json.dumps(content)
        connection.request(method, path, body, {"Content-Type": "application/json"})
        answer = json.loads(connection.getresponse().read())
    return answer if isinstance(answer, dict) else {}


def _started(folder: StateFolder, options: Options, program: Sequence[str]) -> Running | None:
    """Start the process and wait for its base URL; return None if another one was quicker."""
    command = [*program, "--state", str(folder.path), "--parent-watch", *options.arguments()]
    # The caller's real key must not get into the process list.
    environment = {name: value for name, value in os.environ.items() if name != "CODAT_API_KEY"}
    with folder.log.open("w") as log:
        process = subprocess.Popen(  # noqa: S603 - our own interpreter, our own module
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            env=environment,
            start_new_session=True,
            text=True,
        )
    base_url = _first_line(process)
    if base_url.startswith("http://"):
        return Running(base_url, API_KEY, folder, process)
    if process.stdin:
        process.stdin.close()
    process.wait()
    if process.returncode == ALREADY_RUNNING:
        return None
    raise SandboxError(f"The sandbox did not start. {_last_line(folder.log)}")


def _last_line(log: Path) -> str:
    """Return the reason in a server's log. With a traceback, this is the error itself, and the log has the rest."""
    lines = log.read_text().strip().splitlines() or ["It ended without a message. Is the disk full?"]
    reason = lines[-1].removeprefix("Error: ")
    return f"{reason} (see {log})" if "Traceback" in lines[0] else reason


def _first_line(process: subprocess.Popen[str]) -> str:
    """Wait for the line with the base URL; it is empty if the process ended without one."""
    if process.stdout is None:
        return ""
    with process.stdout:
        return process.stdout.readline().strip()


def _found_after_all(folder: StateFolder) -> Running:
    """Wait for the quicker server, which locks the folder shortly before it answers."""
    end = time.monotonic() + _START_SECONDS
    while time.monotonic() < end:
        if running := find(folder.path):
            return running
        time.sleep(0.05)
    raise SandboxError(f"A sandbox holds {folder.path} but does not answer. End it and try again.")
