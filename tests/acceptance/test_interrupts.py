"""The tests pass in a background job of a shell script (`make test &`), which starts with SIGINT ignored."""

from __future__ import annotations

import subprocess
import sys

from acceptance.documents.commands import ROOT, environ

NEEDS_SIGINT = "tests/acceptance/cli/test_stopped.py::test_sigterm_after_a_run_acts_as_ctrl_c_does"
STARTS_A_PROCESS = """
import subprocess, sys
from support.interrupts import restore_sigint

restore_sigint()
sys.exit(subprocess.call([sys.executable, "-c", "import os; os.kill(os.getpid(), 2)"]) != -2)
"""


def with_sigint_ignored(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run Python as a background job of a script: with SIGINT ignored."""
    command = ["bash", "-c", 'trap "" INT; exec "$@"', "bash", sys.executable, *arguments]
    environment = environ({"PYTHONPATH": str(ROOT / "tests")})
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)


def test_a_test_that_needs_sigint_passes_in_a_background_job() -> None:
    """The configuration of the tests restores SIGINT before the first test."""
    ended = with_sigint_ignored("-m", "pytest", "-p", "no:cacheprovider", NEEDS_SIGINT)
    assert ended.returncode == 0, ended.stdout + ended.stderr


def test_a_process_started_after_the_restoration_can_be_interrupted() -> None:
    """Child processes inherit the restored disposition."""
    ended = with_sigint_ignored("-c", STARTS_A_PROCESS)
    assert ended.returncode == 0, ended.stderr
