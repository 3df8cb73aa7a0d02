"""The documents name commands, options, targets, files, columns and figures that exist, and all of them."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import click
import polars as pl
import pytest

from acceptance.documents.commands import DOCUMENTS, ROOT, commands, environ, read, section
from bulk.api import CheckResult
from bulk.cli.group import bulk
from bulk.model import DELETED, State
from bulk.reports import columns, write
from bulk.text import duration

CONTEXT = click.Context(bulk)
STEPS = ("company", "connection", "link", "partner", "unlink", "delete")


def test_every_make_target_exists() -> None:
    """Each `make` command of a document names a target of the Makefile."""
    make = shutil.which("make")
    assert make is not None
    text = "".join(map(read, DOCUMENTS))
    targets = {command.words[1:] for command in commands(text) if command.words[0] == "make"}
    assert {("demo",), ("test",)} <= targets
    for target in targets:
        done = subprocess.run(
            [make, "-n", *target], cwd=ROOT, env=environ({}), capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_option_of_a_command_exists(document: str) -> None:
    """This is true of the commands in console blocks and in the text."""
    text = read(document)
    typed = [command.words[1:] for command in commands(text) if command.words[0] == "bulk"]
    inline = [tuple(re.sub(r"\s+", " ", span).removeprefix("bulk ").split()) for span in re.findall(r"`([^`]+)`", text)]
    for words in [*typed, *(words for words in inline if words and words[0] in bulk.list_commands(CONTEXT))]:
        assert options_in(words) <= options_of(words), f"{document}: {' '.join(words)}"


def options_in(words: tuple[str, ...]) -> set[str]:
    """Return the options among these words."""
    return {word.partition("=")[0] for word in words if word.startswith("--")}


def options_of(words: tuple[str, ...]) -> set[str]:
    """Return the options of the command with which these words begin."""
    command: click.Command = bulk
    for word in words:
        if word.startswith("-") or not isinstance(command, click.Group):
            break
        command = command.get_command(CONTEXT, word) or command
    return {option for each in command.get_params(CONTEXT) for option in each.opts}


def test_the_documents_cover_all_commands() -> None:
    """Each command has an example, and a cost unless it never asks Codat."""
    existing = set(bulk.list_commands(CONTEXT))
    examples = {command.words[1] for document in DOCUMENTS for command in commands(read(document)) if command.words[1:]}
    assert existing <= examples
    costs = re.findall(r"^\| ((?:`[a-z-]+`(?:, )?)+) \|", read("docs/quota.md"), re.MULTILINE)
    assert {name for names in costs for name in re.findall(r"[a-z-]+", names)} == existing - {"sandbox", "completion"}


def test_the_table_of_the_quota_agrees_with_check() -> None:
    """Its requests, days and minutes are those that `check` forecasts."""
    rows = re.findall(r"^\| ([\d,]+) \|(.+)\|$", section("docs/quota.md", "A day's quota"), re.MULTILINE)
    assert [customers for customers, _ in rows] == ["500", "5,000", "50,000"]
    for customers, cells in rows:
        found = CheckResult(Path(), _number(customers), 0, {}, pl.DataFrame(), pl.DataFrame(), (), 1000)
        requests, *days, time = (cell.strip() for cell in cells.split("|"))
        assert _number(requests) == found.cost().requests
        assert [int(cell.split()[0]) for cell in days] == [found.cost(linked=linked).days for linked in (0, 10, 100)]
        assert duration(found.cost().minutes * 60).startswith(time)


def _number(text: str) -> int:
    return int(text.replace(",", ""))


def test_every_report_is_explained() -> None:
    """`reports/README.md` names every file, every column that we add, every state, step and finding."""
    named = set(re.findall(r"`([^`\n]+)`", read("reports/README.md")))
    files = {value for name, value in vars(write).items() if name.isupper() and isinstance(value, str)}
    ours = {
        *columns.RESULTS,
        columns.CHANGE,
        *columns.LINKS,
        *columns.PARTNER,
        *columns.FINDINGS,
        *columns.DIFFERENCES,
    }
    assert {*files, *ours, *columns.REJECTS, *map(str, State), *STEPS, DELETED} <= named
    words = set(re.findall(r'"(missing|unknown|extra)_', read("bulk/engine/comparison.py")))
    assert len(words) == 3
    assert {f"{word}_" for word in words} | {"_company", "_connection", "_partner"} <= named


def test_the_architecture_names_existing_files() -> None:
    """The same is true of its tables. Its table of changes has the whole path of each file."""
    named = re.findall(r"`([a-z_/]+\.(?:py|sql))`", section("docs/architecture.md", "Where to put a change"))
    assert len(named) > 20
    assert [name for name in named if not (ROOT / "bulk" / name).is_file()] == []
    text = read("docs/architecture.md")
    everywhere = set(re.findall(r"`([a-z_0-9/-]+\.(?:py|sql))`", text))
    absent = [name for name in sorted(everywhere) if not list((ROOT / "bulk").rglob(name))]
    assert [name for name in absent if not (ROOT / name).is_file()] == []
    words = set(re.findall(r"`(?:changes|retry|process|statuses)\.(_?[a-z_]+)`", text))
    sources = "".join(file.read_text("utf-8") for file in (ROOT / "bulk").rglob("*.py"))
    assert [word for word in sorted(words - {"py"}) if f"def {word}(" not in sources] == []


def test_the_documents_name_existing_tests() -> None:
    """The table of guarantees leads to their tests. Its names are below `tests/`."""
    kinds = "|".join(path.name for path in (ROOT / "tests").iterdir() if path.is_dir())
    names = rf"`(?:tests/)?((?:{kinds})/[a-z_/]+(?:\.py)?)`"
    named = set(re.findall(names, "".join(map(read, DOCUMENTS))))
    assert len(named) > 40
    assert [name for name in sorted(named) if not (ROOT / "tests" / name).exists()] == []
