"""Processes that run `bulk`, forked from a server that has imported it.

A short run spends most of its time on imports and on the template of the page. So the runs of a test are children of a
server that has imported everything, has compiled the template, and has done nothing else. Each is a separate process
with its own arguments, environment, working directory, streams, signals and exit code; it only begins later.
(tests/acceptance/cli and tests/chaos start `bulk` itself.)

`python -m support.process_server SOCKET` serves until its standard input ends. A request is one message: JSON, and the
three standard streams. The response is the process id and, once the process has ended, its exit code, as in `Popen`.
"""

from __future__ import annotations

import atexit
import contextlib
import gc
import importlib
import json
import os
import pkgutil
import random
import resource
import selectors
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import bulk
from bulk.reports.html import render

MAX_MESSAGE = 1 << 20
NOT_IMPORTED = ("bulk.__main__", "bulk.sandbox")  # the first runs bulk; the other runs in processes of its own
LIBRARIES = ("anyio._backends._asyncio", "dotenv", "jinja2.ext", "pickle")  # bulk imports them when it needs them
MAX_DESCRIPTORS = 4096


class Child:
    """A process that the server has forked; it resembles `subprocess.Popen`."""

    def __init__(self, connection: socket.socket) -> None:
        """Read the process id from the connection."""
        self._connection = connection
        self._received = b""
        self.returncode: int | None = None
        self.pid = int(self._line(None))

    def poll(self) -> int | None:
        """Return the exit code, or None if the process has not ended."""
        return self._code(0.0)

    def wait(self, timeout: float | None = None) -> int:
        """Wait for the exit code: negative for a signal. Raises subprocess.TimeoutExpired."""
        code = self._code(timeout)
        if code is None:
            raise subprocess.TimeoutExpired("bulk", timeout or 0.0)
        return code

    def send_signal(self, number: int) -> None:
        """Send a signal, unless the process has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """Kill the process, and wait until it has ended."""
        self.send_signal(signal.SIGKILL)
        self.wait()

    def _code(self, timeout: float | None) -> int | None:
        if self.returncode is None:
            try:
                self.returncode = int(self._line(timeout))
            except (TimeoutError, BlockingIOError):
                return None
            self._connection.close()
        return self.returncode

    def _line(self, timeout: float | None) -> bytes:
        self._connection.settimeout(timeout)
        while b"\n" not in self._received:
            data = self._connection.recv(64)
            if not data:
                raise ConnectionError("the process server has ended")
            self._received += data
        line, _, self._received = self._received.partition(b"\n")
        return line


class ProcessServer:
    """The server: it starts with the first process, and ends with the tests."""

    def __init__(self) -> None:
        self._address: str | None = None
        self._starting = threading.Lock()

    def _started(self) -> str:
        """Return the address of the running server."""
        with self._starting:
            if self._address is None:
                self._address = self._start()
        return self._address

    def _start(self) -> str:
        folder = tempfile.TemporaryDirectory(prefix="bulk-")
        address = str(Path(folder.name) / "processes")
        environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
        command = [sys.executable, "-m", "support.process_server", address]
        server = subprocess.Popen(command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert server.stdout is not None
        assert server.stdout.readline() == b"ready\n"
        atexit.register(folder.cleanup)
        atexit.register(server.communicate)
        return address

    def start(
        self,
        arguments: Sequence[str],
        *,
        cwd: Path,
        environment: Mapping[str, str],
        stdout: Path,
        stderr: Path,
        limit_bytes: int | None = None,
    ) -> Child:
        """Start `bulk` with these arguments. `limit_bytes` is the size of the largest file that it may write."""
        message = {"arguments": arguments, "cwd": str(cwd), "environment": environment, "limit_bytes": limit_bytes}
        connection = socket.socket(socket.AF_UNIX)
        connection.connect(self._started())
        with Path(os.devnull).open("rb") as nothing, stdout.open("wb") as out, stderr.open("wb") as err:
            streams = [nothing.fileno(), out.fileno(), err.fileno()]
            socket.send_fds(connection, [json.dumps(message).encode()], streams)
        return Child(connection)

    def run(
        self, arguments: Sequence[str], *, cwd: Path, environment: Mapping[str, str], seconds: float
    ) -> subprocess.CompletedProcess[str]:
        """Run `bulk` with these arguments to its end; return its exit code and what it prints."""
        with tempfile.TemporaryDirectory() as folder:
            out, err = Path(folder) / "out", Path(folder) / "err"
            code = self.start(arguments, cwd=cwd, environment=environment, stdout=out, stderr=err).wait(seconds)
            texts = [path.read_text("utf-8", "backslashreplace") for path in (out, err)]
            return subprocess.CompletedProcess(list(arguments), code, *texts)


@dataclass(frozen=True)
class _Request:
    """The command of a forked process. `dies` is a pipe that the process keeps open to its end."""

    message: dict[str, Any]
    streams: list[int]
    dies: int


@dataclass
class _Server:
    """The server's loop: it waits for requests, for the end of each process, and for its own end."""

    listener: socket.socket
    selector: selectors.BaseSelector = field(default_factory=selectors.DefaultSelector)

    def serve(self) -> _Request | None:
        """Serve until standard input ends. In a forked process, return the command."""
        self.selector.register(sys.stdin.fileno(), selectors.EVENT_READ)
        self.selector.register(self.listener, selectors.EVENT_READ)
        while True:
            for key, _ in self.selector.select():
                if key.fileobj == sys.stdin.fileno():
                    return None
                if key.fileobj is self.listener:
                    request = self._accept()
                    if request is not None:
                        return request
                else:
                    self._report_end(key)

    def _accept(self) -> _Request | None:
        """Fork. Return the command in the new process, and None in the server."""
        connection, _ = self.listener.accept()
        message, streams, _, _ = socket.recv_fds(connection, MAX_MESSAGE, 3)
        alive, dies = os.pipe()  # its other end is closed when the process ends
        pid = os.fork()
        if pid == 0:
            # Detach the objects now: files of the new process will reuse their descriptors.
            connection.detach()
            self.listener.detach()
            self.selector.close()
            return _Request(json.loads(message), streams, dies)
        for number in (dies, *streams):
            os.close(number)
        connection.sendall(b"%d\n" % pid)
        self.selector.register(alive, selectors.EVENT_READ, (pid, connection))
        return None

    def _report_end(self, key: selectors.SelectorKey) -> None:
        pid, connection = key.data
        _, status = os.waitpid(pid, 0)
        self.selector.unregister(key.fileobj)
        os.close(key.fd)
        with connection, contextlib.suppress(OSError):  # the test may have ended
            connection.sendall(b"%d\n" % os.waitstatus_to_exitcode(status))


def _run(request: _Request) -> None:
    """Run `bulk` in a forked process as if the process had just started."""
    for number, stream in enumerate(request.streams):
        os.dup2(stream, number)
    os.closerange(3, request.dies)
    os.closerange(request.dies + 1, MAX_DESCRIPTORS)
    os.chdir(request.message["cwd"])
    os.environ.clear()
    os.environ.update(request.message["environment"])
    signal.signal(signal.SIGINT, signal.default_int_handler)
    if (limit := request.message["limit_bytes"]) is not None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    sys.argv = ["bulk", *request.message["arguments"]]
    random.seed()
    from bulk.cli import main

    main()


def _modules() -> list[str]:
    """Return the names of the modules that a run may import."""
    found = pkgutil.walk_packages(bulk.__path__, "bulk.")
    return [module.name for module in found if not module.name.startswith(NOT_IMPORTED)]


def _main(address: str) -> None:
    for module in (*LIBRARIES, *_modules()):
        importlib.import_module(module)
    render.template()  # compiled once, for all pages
    gc.freeze()  # the processes share memory that none of them writes
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C stops the tests, and they end the server
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(address)
    listener.listen()
    print("ready", flush=True)  # noqa: T201 - to the process that starts the server
    request = _Server(listener).serve()
    if request is not None:
        _run(request)


if __name__ == "__main__":
    _main(sys.argv[1])
