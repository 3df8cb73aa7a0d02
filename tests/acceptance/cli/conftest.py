"""A folder to run `bulk` in as a user does: from a shell, with or without a terminal.

A line that is only a command of bulk needs no shell, so it runs in a process of the process server. A line with a pipe,
a redirection, a variable that Python reads, or a terminal runs in bash, with a new Python process for each command.
"""

from __future__ import annotations

import shlex
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest
from support.runs import SERVER
from support.terminal import SECONDS, bash, environment, run_on_terminal

SHELL_SIGNS = frozenset("|&;<>$`*?~\\\n")
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
        needs_shell = not line.startswith("bulk ") or SHELL_SIGNS & set(line)
        if not needs_shell and all(name.startswith("CODAT_") for name in environ):
            arguments = shlex.split(line)[1:]
            return SERVER.run(arguments, cwd=self.path, environment=environment(environ), seconds=SECONDS)
        return subprocess.run(
            bash(f"{line}; exit ${{PIPESTATUS[0]}}"),
            cwd=self.path,
            env=environment(environ),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="backslashreplace",
            timeout=SECONDS,
            check=False,
        )

    def run_on_terminal(self, line: str, *, columns: int = 80) -> tuple[int, str]:
        """Run a line of shell code on a terminal of this width; return the exit code and what it shows."""
        return run_on_terminal(line, self.path, columns=columns)

    def states(self, batch: str = "x") -> int:
        """Count the customers whose link is ready, according to the batch's results."""
        return (self.path / "reports" / batch / "results.csv").read_text("utf-8").count("link_ready")


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    """Return an empty folder."""
    return Shell(tmp_path)
