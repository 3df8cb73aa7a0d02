"""Every command that bulk prints can be pasted: the real parser accepts it, with the values that were meant."""

from __future__ import annotations

import ast
import re
import shlex
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner

import bulk as package
from bulk.api import require_batch_name
from bulk.cli.commands.check import check
from bulk.cli.group import COMMANDS, bulk
from bulk.errors import UsageError
from bulk.input import open_input
from bulk.journal import database, facts
from bulk.model import State
from bulk.reports.figures import Figures, LinkAges
from bulk.reports.summary import advice, commands, error_groups
from bulk.reports.summary.commands import BatchLocation
from bulk.settings import SANDBOX
from unit.reports.sample_figures import RUN, failure, figures

FOLDERS = ("reports/autumn", "out/it's 10 % *new*", "-dash", "/srv/x/ü $HOME")
INPUTS = ("in.csv", "-x.csv", "it's a; file.csv", "reports/sp 1/rejects.csv")
STEPS = ("company", "connection", "link", "partner", "unlink", "delete")


def parse(line: str) -> dict[str, Any]:
    """Parse a command as bash and `bulk` do, without running it; return the values of its parameters."""
    words = shlex.split(line)
    assert words[0] == "bulk", line
    context = click.Context(bulk)
    command = bulk.get_command(context, words[1])
    assert command is not None
    with command.make_context(words[1], words[2:], parent=context) as parsed:
        return dict(parsed.params)


def known(path: str, *, codat: str, url: str | None) -> Figures:
    """Return the figures of a batch in which everything has gone wrong."""
    groups = {(3, State.LINK_READY): 5, (1, State.PENDING): 2, (1, State.FAILED): 1, (4, State.FAILED): 1}
    failures = [
        failure(state, step, code) for state in State for step in STEPS for code in ("400", "deleted", "linked")
    ]
    found = figures(
        groups,
        rejected=3,
        held=2,
        links=LinkAges(1, 1, 2, 1, "2026-11-23T15:00:00Z"),
        base_url=url,
        codat=codat,
        mapping_of_rejects={"customer_id": "Account 'No'", "platform": "-p", "email": "E mail"},
        failures=tuple(failures),
        last_run=replace(RUN, command="verify", findings=4),
    )
    return replace(found, summary=replace(found.summary, input=path))


@pytest.mark.parametrize("folder", FOLDERS)
@pytest.mark.parametrize("path", INPUTS)
@pytest.mark.parametrize(
    ("codat", "url", "has_sandbox", "expected"),
    [
        ("api.codat.io", "https://api.codat.io", False, (None, False)),
        ("other.example", "https://other.example/a", False, ("https://other.example/a", False)),
        (SANDBOX, "http://127.0.0.1:8787", True, (None, True)),
    ],
)
def test_the_next_steps_of_a_batch_can_be_pasted(
    folder: str, path: str, codat: str, url: str, has_sandbox: bool, expected: tuple[str | None, bool]
) -> None:
    """They name the batch, the input and its Codat."""
    found, location = known(path, codat=codat, url=url), BatchLocation(Path(folder), has_sandbox=has_sandbox)
    lines = [line for step in advice.next_steps(found, location) for line in step.commands]
    lines += [group.command for group in error_groups.error_groups(found, (), location) if group.command]
    assert len(lines) > 10
    for line in dict.fromkeys(lines):
        if line.startswith("cp "):
            assert len(shlex.split(line)) == 3
            continue
        values = parse(line)
        batch = values["reports"] / values["batch"] if "batch" in values else values["folder"]
        assert batch == Path(folder), line
        assert (values["base_url"], values["sandbox"]) == expected
        if "mapping" in values and values["path"].name not in (commands.CORRECTED, commands.ACCEPTED):
            assert values["path"] == Path(path)
            assert not values["mapping"]  # the batch remembers it
    assert parse(commands.report(location))["folder"] == Path(folder)
    assert parse(commands.sandbox(location))["batch"] == Path(folder)


def test_a_corrected_copy_is_migrated_with_the_mapping_of_its_rows() -> None:
    """The report itself is replaced by the next run."""
    location = BatchLocation(Path("reports/autumn"), has_sandbox=False)
    steps = {step.title: step for step in advice.next_steps(known("in.csv", codat="x", url=None), location)}
    copy, migrate = steps["Fix"].commands
    values = parse(migrate)
    assert shlex.split(copy)[2] == str(values["path"]) == commands.CORRECTED
    assert values["mapping"] == {"customer_id": "Account 'No'", "platform": "-p", "email": "E mail"}
    copy, accept = steps["Decide"].commands
    assert shlex.split(copy)[2] == str(parse(accept)["accept_file"])


def test_a_failed_undo_is_repeated_with_a_look_first() -> None:
    """It may have been for some customers only, and a deletion cannot be undone."""
    location = BatchLocation(Path("reports/autumn"), has_sandbox=False)
    found = figures({(3, State.LINK_READY): 1}, failures=(failure(State.LINK_READY, "delete", "400"),))
    (group,) = error_groups.error_groups(found, (), location)
    assert not parse(group.command)["yes"]


@pytest.mark.parametrize("name", ["in.csv", "-x.csv", "it's a; file.csv"])
def test_the_commands_of_check_can_be_pasted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """They repeat the options that say how the file is read, and which Codat is used."""
    monkeypatch.chdir(tmp_path)
    Path(name).write_text("Account 'No',company_name,platform\n1,Café,Our Own\n")
    options = ["--map", "customer_id=Account 'No'", "--platform-name", "Our Own=xero", "--reports", "my reports"]
    address = ["--base-url", "https://other.example"]
    shown = CliRunner().invoke(check, [*options, *address, "--", name], catch_exceptions=False).stdout
    lines = [line.strip() for line in shown.splitlines() if line.startswith("    bulk ")]
    assert len(lines) == 2
    for line in lines:
        values = parse(line)
        assert values["path"] == Path(name)
        assert values["mapping"] == {"customer_id": "Account 'No'"}
        assert values["platform_names"] == {"Our Own": "xero"}
        assert (values["reports"], values["batch"]) == (Path("my reports"), None)
        assert values["base_url"] == "https://other.example"


@pytest.mark.parametrize(
    ("codat", "url", "given", "expected"),
    [
        (SANDBOX, "http://127.0.0.1:8787", (), (None, True)),
        (SANDBOX, "http://127.0.0.1:8787", ("--sandbox",), (None, True)),
        ("api.codat.io", "https://api.codat.io", (), (None, False)),
        ("other.example", "https://other.example", (), ("https://other.example", False)),
        ("other.example", "https://other.example", ("--base-url", "https://c.example"), ("https://c.example", False)),
    ],
)
def test_the_next_command_of_a_comparison_uses_the_codat_of_the_batch(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    codat: str,
    url: str,
    given: tuple[str, ...],
    expected: tuple[str | None, bool],
) -> None:
    """`check` itself asks no Codat, so its user need not name one."""
    monkeypatch.chdir(tmp_path)
    Path("in.csv").write_text("customer_id,company_name,platform\n1,Ash,xero\n")
    Path("reports/autumn/sandbox").mkdir(parents=True)
    with closing(database.open_journal(Path("reports/autumn"))) as db:
        facts.put(db, {"name": "autumn", "codat": codat, "base_url": url})
    shown = CliRunner().invoke(check, ["in.csv", "--batch", "autumn", *given], catch_exceptions=False).stdout
    values = parse(shown.splitlines()[-1].strip())
    assert (values["base_url"], values["sandbox"]) == expected


def test_the_command_for_our_own_report_can_be_pasted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It has the options that were given."""
    monkeypatch.chdir(tmp_path)
    Path("-x.csv").write_text("id,company_name,platform,row,reasons\n1,Ash,Our Own,1,platform is unknown\n")
    source = open_input(Path("-x.csv"), mapping={"customer_id": "id"}, platform_names={"Our Own": "xero"})
    with pytest.raises(UsageError) as refusal:
        require_batch_name(source, ["--sandbox"])
    values = parse(str(refusal.value).rpartition("Migrate it with: ")[2])
    assert (values["path"], values["mapping"], values["sandbox"]) == (Path("-x.csv"), {"customer_id": "id"}, True)
    assert values["platform_names"] == {"Our Own": "xero"}


def messages() -> list[tuple[str, str]]:
    """Return the texts in the code, each with its file, without docstrings."""
    found = []
    for path in sorted(Path(package.__file__).parent.rglob("*.py")):
        if path.parent.name == "html":  # the page has names of CSS that look like options
            continue
        tree = ast.parse(path.read_text("utf-8"))
        docstrings = {ast.get_docstring(node, clean=False) for node in ast.walk(tree) if isinstance(node, DOCUMENTED)}
        texts = (
            node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)
        )
        found += [(path.name, text) for text in texts if text not in docstrings]
    return found


DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)


def options_of(name: str) -> set[str]:
    """Return the options of a command, and of its own commands."""
    command = bulk.get_command(click.Context(bulk), name)
    assert command is not None
    nested = list(command.commands.values()) if isinstance(command, click.Group) else []
    return {option for each in (command, *nested) for parameter in each.params for option in parameter.opts}


def test_every_option_and_command_in_a_message_exists() -> None:
    """A renamed option would otherwise stay in a message."""
    every = {option for name in COMMANDS for option in options_of(name)} | {"--help", "--version"}
    for file, text in messages():
        for option in re.findall(r"(?<![\w(-])--[a-z][a-z-]+[a-z]", text):
            assert option in every, f"{file}: {text}"
        for name in re.findall(r"(?:`|Run |    )bulk ([a-z][a-z-]+)", text):
            assert name in COMMANDS, f"{file}: {text}"
