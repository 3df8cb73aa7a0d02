"""Finds the documents and their commands, and runs the commands as written."""

from __future__ import annotations

import os
import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from support.runs import SERVER

ROOT = Path(__file__).parents[3]
DOCUMENTS = tuple(
    sorted(
        str(path.relative_to(ROOT)) for pattern in ("*.md", "docs/*.md", "reports/*.md") for path in ROOT.glob(pattern)
    )
)
SECONDS = 240  # a command that takes longer hangs, also on a busy machine


@dataclass(frozen=True, slots=True)
class Command:
    """A command of a document, the comment after it, and the exit code in that comment."""

    words: tuple[str, ...]
    exit_code: int | None
    comment: str = ""

    def __str__(self) -> str:
        return shlex.join(self.words)

    @property
    def serves(self) -> bool:
        """Whether it runs until Ctrl-C."""
        return self.words[:2] == ("bulk", "sandbox") and not {"authorize", "deauthorize"} & set(self.words)

    @property
    def waits_with(self) -> str | None:
        """The text that it prints when it starts to wait for Ctrl-C; None if it ends by itself."""
        if self.words[:2] == ("bulk", "listen"):
            return "Listening at"
        return "Next round at" if "--watch" in self.words else None


def blocks(language: str, text: str) -> list[str]:
    """Return the fenced blocks of a language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def read(document: str) -> str:
    """Return the text of a document, named by its path in the project."""
    return (ROOT / document).read_text("utf-8")


def section(document: str, title: str) -> str:
    """Return the text under a heading of a document."""
    found = re.search(rf"^## {re.escape(title)}\n(.*?)(?=^## |\Z)", read(document), re.MULTILINE | re.DOTALL)
    assert found, f"{document} has no section {title}"
    return found[1]


def commands(text: str) -> list[Command]:
    """Return the commands in the console blocks of a document."""
    lines = [line[2:] for block in blocks("console", text) for line in block.splitlines() if line.startswith("$ ")]
    return [_command(line) for line in lines]


def _command(line: str) -> Command:
    comment = line.partition(" # ")[2]
    code = re.search(r"exit code (\d+)", comment)
    return Command(tuple(shlex.split(line, comments=True)), int(code[1]) if code else None, comment)


def run(command: Command, folder: Path, **environment: str) -> str:
    """Run a command, check its exit code, and return what it prints."""
    if command.serves:
        with serving(command, folder, **environment) as first_line:
            return first_line
    if command.waits_with is not None:
        code, printed = interrupted(command, folder, when=command.waits_with, **environment)
        assert code == command.exit_code, f"{command} exited with {code}\n{printed}"
        return printed
    if command.words[0] == "bulk":
        done = SERVER.run(command.words[1:], cwd=folder, environment=environ(environment), seconds=SECONDS)
    else:
        done = subprocess.run(
            command.words, cwd=folder, env=environ(environment), capture_output=True, text=True, check=False
        )
    expected = (0, 1) if command.exit_code is None else (command.exit_code,)
    assert done.returncode in expected, f"{command} exited with {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@contextmanager
def serving(command: Command, folder: Path, **environment: str) -> Iterator[str]:
    """Run a command that serves until Ctrl-C during the block; yield its first line.

    Its exit code must be the document's, by default 0.
    """
    with subprocess.Popen(
        program(command),
        cwd=folder,
        env=environ(environment),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        assert process.stdout is not None
        first_line = process.stdout.readline()
        try:
            yield first_line
        finally:
            process.send_signal(signal.SIGINT)
            rest = process.stdout.read()
        assert process.wait(SECONDS) == (command.exit_code or 0), f"{command}\n{first_line}{rest}"


def interrupted(command: Command, folder: Path, *, when: str, **environment: str) -> tuple[int, str]:
    """Press Ctrl-C once a command prints `when`; return its exit code, and what it prints after that."""
    with subprocess.Popen(
        program(command), cwd=folder, env=environ(environment), stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if when in line:
                break
        process.send_signal(signal.SIGINT)
        rest = process.stderr.read()
        return process.wait(SECONDS), rest


def program(command: Command) -> list[str]:
    """Return the command line for the system."""
    return [sys.executable, "-m", *command.words] if command.words[0] == "bulk" else list(command.words)


def environ(more: dict[str, str]) -> dict[str, str]:
    """Return this process's environment, without the variables of make and of a real Codat account."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("CODAT_", "MAKE", "MFLAGS"))}
    return kept | more
