"""Runs `bulk` in a terminal of its own."""

from __future__ import annotations

import os
import pty
import shlex
import struct
import subprocess
import sys
import termios
from collections.abc import Mapping
from contextlib import suppress
from fcntl import ioctl
from pathlib import Path

SECONDS = 240


def run_on_terminal(line: str, folder: Path, *, columns: int = 80) -> tuple[int, str]:
    """Run a line of shell code in a folder on a terminal of this width; return the exit code and what it shows."""
    ours, theirs = pty.openpty()
    ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
    with subprocess.Popen(
        bash(line), cwd=folder, env=environment({}), stdin=theirs, stdout=theirs, stderr=theirs
    ) as process:
        os.close(theirs)
        shown = b""
        with suppress(OSError):  # Linux reports the end of a terminal as an error
            while more := os.read(ours, 10_000):
                shown += more
        os.close(ours)
        return process.wait(SECONDS), shown.decode().replace("\r\n", "\n")


def on_screen(shown: str) -> str:
    """Return the text that stays on the screen: what follows the last carriage return of each line."""
    return "\n".join(line.rpartition("\r")[2].rstrip() for line in shown.rstrip().split("\n"))


def bash(line: str) -> list[str]:
    """Return a command that runs a line of shell code in which `bulk` is this project."""
    return ["bash", "-c", f'bulk() {{ {shlex.quote(sys.executable)} -m bulk "$@"; }}; {line}']


def environment(more: Mapping[str, str]) -> dict[str, str]:
    """Return this process's environment without the variables that change how `bulk` runs, and with more."""
    foreign = ("CODAT_", "BULK_", "PYTHON", "COLUMNS")
    return {name: value for name, value in os.environ.items() if not name.startswith(foreign)} | dict(more)
