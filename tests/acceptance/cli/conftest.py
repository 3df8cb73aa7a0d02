"""A folder to run `bulk` in as a user does: from a shell, with or without a terminal."""

from __future__ import annotations

import os
import pty
import shlex
import struct
import subprocess
import sys
import termios
from contextlib import suppress
from dataclasses import dataclass
from fcntl import ioctl
from pathlib import Path

import pytest

SECONDS = 240
HEADER = "customer_id,company_name,platform,email\n"


@dataclass(frozen=True, slots=True)
class Shell:
    """A folder, and commands that run in it."""

    path: Path

    def customers(self, number: int, name: str = "x.csv") -> None:
        """Write an input file of good rows."""
        rows = "".join(f"{n},Company {n},Xero,a{n}@example.com\n" for n in range(1, number + 1))
        (self.path / name).write_text(HEADER + rows)

    def run(self, line: str, **environ: str) -> subprocess.CompletedProcess[str]:
        """Run a line of shell code, without a terminal; return the exit code of the first command of a pipe."""
        return subprocess.run(
            _bash(f"{line}; exit ${{PIPESTATUS[0]}}"),
            cwd=self.path,
            env=_environment(environ),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="backslashreplace",
            timeout=SECONDS,
            check=False,
        )

    def run_on_terminal(self, line: str, *, columns: int = 80) -> tuple[int, str]:
        """Run a line of shell code on a terminal of this width; return the exit code and what it shows."""
        ours, theirs = pty.openpty()
        ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
        with subprocess.Popen(
            _bash(line), cwd=self.path, env=_environment({}), stdin=theirs, stdout=theirs, stderr=theirs
        ) as process:
            os.close(theirs)
            shown = b""
            with suppress(OSError):  # Linux reports the end of a terminal as an error
                while more := os.read(ours, 10_000):
                    shown += more
            os.close(ours)
            return process.wait(SECONDS), shown.decode().replace("\r\n", "\n")

    def states(self, batch: str = "x") -> int:
        """Count the customers whose link is ready, according to the batch's results."""
        return (self.path / "reports" / batch / "results.csv").read_text("utf-8").count("link_ready")


def _bash(line: str) -> list[str]:
    return ["bash", "-c", f'bulk() {{ {shlex.quote(sys.executable)} -m bulk "$@"; }}; {line}']


def _environment(more: dict[str, str]) -> dict[str, str]:
    foreign = ("CODAT_", "BULK_", "PYTHON", "COLUMNS")
    return {name: value for name, value in os.environ.items() if not name.startswith(foreign)} | more


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    """Return an empty folder."""
    return Shell(tmp_path)
