"""Options that cannot be right, and the hints that repeat those that are."""

from __future__ import annotations

import subprocess
from typing import Any

import pytest

from bulk.api import Options, Threshold
from bulk.errors import UsageError
from bulk.sandbox.launch import start
from bulk.settings import CODAT, Settings
from cli.conftest import Shell


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ("--base-url ''", "--base-url"),  # a shell variable that is not set
        ("--base-url '' --sandbox", "--base-url"),
        ("--timeout inf", "--timeout"),
        ("--timeout nan --sandbox", "--timeout"),
        ("--timeout inf --sandbox", "--timeout"),
        ("--rate 0 --sandbox", "--rate"),
        ("--concurrency 0 --sandbox", "--concurrency"),
        ("--max-failures 101%", "--max-failures"),
        ("--max-failures x", "--max-failures"),
    ],
)
def test_a_wrong_option_is_refused_before_anything_is_made(shell: Shell, arguments: str, said: str) -> None:
    """It is named, no other is, and neither a folder nor a sandbox was made."""
    shell.customers(2)
    ended = shell.run(f"bulk migrate x.csv {arguments}", CODAT_API_KEY="k")
    assert ended.returncode == 2
    assert said in ended.stderr
    assert not {"--rate", "--concurrency", "--timeout"} - {said} & set(ended.stderr.replace(",", " ").split())
    assert not (shell.path / "reports").exists()


def test_an_empty_variable_counts_as_unset() -> None:
    """As is usual for the environment; an empty argument is another thing."""
    assert Settings.make(api_key="k", environ={"CODAT_BASE_URL": ""}).base_url == CODAT
    with pytest.raises(UsageError, match="--base-url"):
        Settings.make(api_key="k", base_url="", environ={"CODAT_BASE_URL": "http://127.0.0.1:1"})


@pytest.mark.parametrize(
    "wrong",
    [
        {"rate": "fast"},
        {"rate": 1.5},
        {"rate": True},
        {"concurrency": None},
        {"timeout": "30"},
        {"timeout": float("inf")},
        {"timeout": True},
        {"base_url": 5},
        {"api_key": 5},
    ],
)
def test_settings_of_a_wrong_type_name_the_one_that_is_wrong(wrong: dict[str, Any]) -> None:
    """The key is named otherwise, and never shown."""
    (name,) = wrong
    said = "API key" if name == "api_key" else f"--{name.replace('_', '-')}"
    with pytest.raises(UsageError, match=said):
        Settings.make(**({"api_key": "k", "environ": {}} | wrong))


@pytest.mark.parametrize(
    "wrong",
    [
        {"limit": 0},
        {"limit": -1},
        {"limit": 1.5},
        {"limit": True},
        {"reserve": -1},
        {"reserve": None},
        {"max_failures": "x"},
        {"max_failures": Threshold(101, is_percent=True)},
        {"max_failures": Threshold(-1)},
        {"max_failures": Threshold(float("nan"))},
    ],
)
def test_options_of_a_run_that_cannot_be_right_are_refused(wrong: dict[str, Any]) -> None:
    """A library's user hears it when the options are made."""
    with pytest.raises(UsageError, match=next(iter(wrong))):
        Options(**wrong)


def test_hints_carry_the_address_that_was_given(shell: Shell) -> None:
    """What they name is run as it stands."""
    (shell.path / "x.csv").write_text("customer_id,company_name,platform\n1,Acme,Nonesuch\n2,Acme,Xero\n")
    with start(shell.path / "sandbox") as codat:
        place = f"--base-url {codat.base_url}"
        checked = shell.run(f"bulk check x.csv {place}")
        assert f"bulk migrate x.csv {place}" in checked.stdout
        ended = shell.run(f"bulk migrate x.csv {place}", CODAT_API_KEY=codat.api_key)
    (fix,) = [line for line in ended.stdout.splitlines() if "Fix" in line]
    assert "rejected: fix a copy" in fix
    assert fix.endswith(place)
    assert f"bulk follow-up reports/x {place}" in ended.stdout
    assert f"bulk follow-up reports/x {place}" in shell.run("bulk report reports/x").stdout  # the batch remembers it


def test_the_reports_are_explained_by_a_file_that_exists(shell: Shell) -> None:
    """Elsewhere than in the project there is none."""
    shell.customers(1)

    def explained(ended: subprocess.CompletedProcess[str]) -> str:
        (line,) = [line for line in ended.stdout.splitlines() if "Reports" in line]
        return line

    assert "open report.html" in explained(shell.run("bulk migrate x.csv --sandbox --reports out"))
    assert "README" not in explained(shell.run("bulk migrate x.csv --sandbox"))
    (shell.path / "reports" / "README.md").touch()
    assert "README.md in reports/" in explained(shell.run("bulk report reports/x"))


@pytest.mark.parametrize("command", ["check", "report", "migrate"])
def test_a_defect_is_called_one(shell: Shell, command: str) -> None:
    """Only a command that sends anything has a journal to go on from."""
    shell.customers(1)
    (shell.path / "sitecustomize.py").write_text(
        "import bulk.input, bulk.reports.write\n"
        "def broken(*_, **__):\n    raise RuntimeError('broken')\n"
        "bulk.input.open_input = bulk.reports.write.write_reports = broken\n"
    )
    arguments = "x.csv --sandbox" if command == "migrate" else "x.csv"
    ended = shell.run(f"bulk {command} {arguments}", PYTHONPATH=str(shell.path))
    assert ended.returncode == 75
    assert ended.stderr.startswith("bulk: something went wrong that should not (RuntimeError: broken). ")
    assert ("journal" in ended.stderr) == (command == "migrate")
    assert ("defect of bulk" in ended.stderr) == (command != "migrate")
    assert "BULK_DEBUG=1" in ended.stderr
    debugged = shell.run(f"bulk {command} {arguments}", PYTHONPATH=str(shell.path), BULK_DEBUG="1")
    assert "Traceback" in debugged.stderr
