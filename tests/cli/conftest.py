"""A place to run `bulk` in as a user does, from a shell."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

SECONDS = 60
HEADER = "customer_id,company_name,platform,email\n"


@dataclass(frozen=True, slots=True)
class Shell:
    """A folder, and commands run in it."""

    path: Path

    def customers(self, number: int, name: str = "x.csv") -> None:
        """Write an input file of good rows."""
        rows = "".join(f"{n},Company {n},Xero,a{n}@example.com\n" for n in range(1, number + 1))
        (self.path / name).write_text(HEADER + rows)

    def run(self, line: str, **environ: str) -> subprocess.CompletedProcess[str]:
        """Run a shell line in which `bulk` is ours; the exit code is that of the first command of a pipe."""
        bulk = f'bulk() {{ {shlex.quote(sys.executable)} -m bulk "$@"; }}; {line}; exit ${{PIPESTATUS[0]}}'
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("CODAT_", "BULK_", "PYTHON"))}
        return subprocess.run(
            ["bash", "-c", bulk],  # noqa: S607 - the shell that is on the path
            cwd=self.path,
            env=kept | environ,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="backslashreplace",
            timeout=SECONDS,
            check=False,
        )

    def states(self, batch: str = "x") -> int:
        """Count the customers whose link is ready, by the batch's results."""
        return (self.path / "reports" / batch / "results.csv").read_text("utf-8").count("link_ready")


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    """An empty folder."""
    return Shell(tmp_path)
