"""Completion in real shells. A shell that is not installed is skipped."""

from __future__ import annotations

import json
import os
import pty
import re
import select
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
from support.measured import UNMEASURED

from acceptance.cli.conftest import Shell
from acceptance.cli.test_help import LOADED, SLOW

SECONDS = 60
PATH = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
INTERACTIVE = {"bash": ["--norc", "--noprofile", "-i"], "zsh": ["-f", "-i"]}
LOAD = {
    "bash": 'eval "$(bulk completion bash)"; echo rea""dy',
    "zsh": 'autoload -Uz compinit; compinit -u -D; eval "$(bulk completion zsh)"; echo rea""dy',
}
COMPLETED = {
    "bulk mi": "bulk migrate ",
    "bulk migrate --max-f": "bulk migrate --max-failures ",
    "bulk sandbox --second-connection al": "bulk sandbox --second-connection allow ",
    "bulk sandbox dea": "bulk sandbox deauthorize ",
    "bulk check cust": "bulk check customers.csv ",  # a file
    "bulk report rep": "bulk report reports/",  # a folder, not the file reports.txt
}


class Terminal:
    """An interactive shell on a terminal, with the completion script of bulk."""

    def __init__(self, name: str, folder: Path) -> None:
        """Start the shell in a folder, and load the script."""
        self._ours, theirs = pty.openpty()
        self._process = subprocess.Popen(
            [program(name), *INTERACTIVE[name]],
            cwd=folder,
            env={"PATH": PATH, "HOME": str(folder), "TERM": "xterm", "PS1": "$ "},
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
        )
        os.close(theirs)
        self.type(LOAD[name] + "\n", until="ready")

    def type(self, keys: str, *, until: str) -> None:
        """Type some keys, and wait until the terminal shows a text."""
        os.write(self._ours, keys.encode())
        shown, end = "", time.monotonic() + SECONDS
        while until not in shown:
            ready, _, _ = select.select([self._ours], [], [], max(0, end - time.monotonic()))
            assert ready, f"{until!r} is not in {shown!r}"
            shown = re.sub(r"\x1b\[[?\d;]*[A-Za-z]|[\r\n\a]", "", shown + os.read(self._ours, 10_000).decode())

    def close(self) -> None:
        """End the shell."""
        self._process.kill()
        self._process.wait()
        os.close(self._ours)


def program(name: str) -> str:
    """Return the path of a shell, or skip the test."""
    path = shutil.which(name)
    if path is None:
        pytest.skip(f"{name} is not installed")
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with an input file, a folder of batches, and a file with a similar name."""
    (tmp_path / "customers.csv").touch()
    (tmp_path / "reports" / "customers").mkdir(parents=True)
    (tmp_path / "reports.txt").touch()
    return tmp_path


@pytest.mark.parametrize("name", ["bash", "zsh"])
def test_a_shell_completes_with_the_tab_key(name: str, folder: Path) -> None:
    """Commands, options, the choices of an option, files and folders."""
    terminal = Terminal(name, folder)
    try:
        for line, completed in COMPLETED.items():
            terminal.type(f"\x15{line}\t", until=completed)  # \x15 deletes the line before it
    finally:
        terminal.close()


def test_fish_completes(folder: Path) -> None:
    """Its command `complete -C` lists the completions of a line."""
    script = "bulk completion fish | source; for line in $argv; complete -C $line; end"
    ended = subprocess.run(
        [program("fish"), "--no-config", "-c", script, *COMPLETED],
        cwd=folder,
        env=os.environ | {"PATH": PATH, "HOME": str(folder)},
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=True,
    )
    found = [line.partition("\t")[0] for line in ended.stdout.splitlines()]
    assert found == [completed.split()[-1] for completed in COMPLETED.values()]


def test_an_unknown_shell_is_refused(shell: Shell) -> None:
    """The message lists the shells."""
    ended = shell.run("bulk completion tcsh")
    assert (ended.returncode, ended.stdout) == (2, "")
    assert "'bash', 'zsh', 'fish'" in ended.stderr


@UNMEASURED
@pytest.mark.parametrize("line", ["bulk ", "bulk migrate x --max-failures 3% --link-lifetime 1h --", "bulk sandbox --"])
@pytest.mark.parametrize("name", ["bash", "zsh"])
def test_completion_is_fast(line: str, name: str) -> None:
    """It loads commands, but nothing that is slow to import. It prints only completions."""
    variables = {
        "_BULK_COMPLETE": f"{name}_complete",
        "COMP_WORDS": line,
        "COMP_CWORD": str(len(line.split(" ")) - 1),
    }
    ended = subprocess.run(
        [sys.executable, "-c", f"import sys\nsys.argv = ['bulk']\n{LOADED}"],
        env=os.environ | variables,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert "plain" in ended.stdout
    assert SLOW & set(json.loads(ended.stderr)) == set()
