"""The help of all commands, the suggestions for mistyped ones, and the modules that they load."""

from __future__ import annotations

import json
import re
import subprocess
import sys

import click
import pytest
from support.measured import UNMEASURED

from acceptance.cli.conftest import Shell
from bulk.cli.group import COMMANDS, bulk

HELP = [*((name,) for name in COMMANDS), ("sandbox", "authorize"), ("sandbox", "deauthorize")]
METAVARS = {
    "N",
    "N|N%",
    "N|N%|none",
    "SECONDS",
    "DURATION",
    "TIME",
    "DAYS",
    "PERCENT",
    "SHARE",
    "NAME",
    "ID",
    "URL",
    "FILE",
    "FOLDER",
    "PREFIX",
}
SANDBOX_METAVARS = {"SECRET", "KEY", "FAULT", "[refuse|allow]"}


def help_of(*names: str) -> str:
    """Return the help of a command as it is printed without a terminal."""
    command: click.Command = bulk
    context = click.Context(bulk, info_name="bulk", max_content_width=80, terminal_width=80)
    for name in names:
        assert isinstance(command, click.Group)
        found = command.get_command(context, name)
        assert found is not None
        command, context = found, click.Context(found, context, info_name=name)
    return command.get_help(context)


@pytest.mark.parametrize("names", HELP)
def test_the_value_of_each_option_has_a_meaningful_name(names: tuple[str, ...]) -> None:
    """It is never `INTEGER RANGE`, `TEXT` or `PATH`."""
    options = help_of(*names).partition("Options:\n")[2]
    metavars = set(re.findall(r"^  --[a-z-]+ (\S+)(?=  |$)", options, re.MULTILINE))
    pairs = {"FIELD=COLUMN", "FIELD=VALUE", "NAME=KEY"}
    assert metavars - pairs <= METAVARS | (SANDBOX_METAVARS if names[0] == "sandbox" else set())


@pytest.mark.parametrize("names", [(), *HELP])
def test_help_has_at_most_80_columns(names: tuple[str, ...]) -> None:
    """The examples, which click does not wrap, fit too."""
    assert [line for line in help_of(*names).splitlines() if len(line) > 80] == []


def test_the_help_has_the_meaning_of_exit_code_1_for_each_command() -> None:
    """Some commands end with 1 for reasons of their own."""
    codes = " ".join(help_of().partition("Exit codes:")[2].split())
    meaning = codes.partition(" 2 ")[0]
    assert all(word in meaning for word in ("rejected", "--max-failures", "check:", "unlink, undo, sent:", "verify:"))


@pytest.mark.parametrize(
    ("line", "suggestion"),
    [
        ("bulk migrat", "No such command 'migrat'. Did you mean 'migrate'?"),
        ("bulk followup x", "No such command 'followup'. Did you mean 'follow-up'?"),
        ("bulk MIGRATE x.csv", "No such command 'MIGRATE'. Did you mean 'migrate'?"),
        ("bulk migrate x.csv --limt 3", "No such option '--limt'. Did you mean '--limit'?"),
        ("bulk follow-up x --retry", "No such option '--retry'. Did you mean '--retry-failed'?"),
        ("bulk sandbox authorise", "No such command 'authorise'. Did you mean 'authorize'?"),
        ("bulk check x.csv --linke 3", "No such option '--linke'. Did you mean '--linked'"),
    ],
)
def test_a_mistyped_word_gets_a_suggestion(shell: Shell, line: str, suggestion: str) -> None:
    """The command or option that is most similar."""
    ended = shell.run(line)
    assert ended.returncode == 2
    assert suggestion in ended.stderr


def test_a_word_that_resembles_no_command_gets_no_suggestion(shell: Shell) -> None:
    """A wrong suggestion is worse than none."""
    assert "Did you mean" not in shell.run("bulk xyzzy").stderr
    assert "Did you mean" not in shell.run("bulk check x.csv --xyzzy").stderr


def test_a_quoted_word_does_not_control_the_terminal(shell: Shell) -> None:
    """click quotes what was typed in its messages."""
    for line in (r"bulk $'\e[31mx'", r"bulk check --$'\e[31mx'", r"bulk check x.csv --map $'\e[31mx'"):
        assert "\x1b" not in shell.run(line).stderr


LOADED = """
import json, sys
from bulk.cli import main
try:
    main()
finally:
    print(json.dumps(sorted(sys.modules)), file=sys.stderr)
"""
SLOW = {"polars", "httpx", "anyio", "asyncio", "sqlite3", "tqdm", "jinja2", "xlsxwriter", "starlette", "uvicorn"}


@UNMEASURED
@pytest.mark.parametrize("word", ["--help", "--version", "migrat"])
def test_without_a_command_no_command_is_loaded(word: str) -> None:
    """Only click and a few small modules are loaded, which is fast."""
    ended = subprocess.run([sys.executable, "-c", LOADED, word], capture_output=True, text=True, check=False)
    loaded = json.loads(ended.stderr.splitlines()[-1])
    assert SLOW & set(loaded) == set()
    assert [name for name in loaded if name.startswith("bulk.cli.commands.")] == []
    assert len([name for name in loaded if name.startswith("bulk")]) < 10
